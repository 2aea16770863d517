"""Every text for people has its Swedish and German, and nothing else stands in the catalogues."""

import ast
from pathlib import Path

import pytest

from planner.wording.languages import ENGLISH, LANGUAGES, catalogue
from scripts import messages
from scripts.messages import Texts, faults, project_texts


def test_every_text_is_translated_and_written_out():
    assert list(faults(project_texts())) == []


def test_languages_are_those_of_the_program():
    assert (ENGLISH, *messages.LANGUAGES) == LANGUAGES
    assert dict(catalogue("sv")) == messages.catalogue("sv")


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ('phrase(f"saves {money}")', True),
        ("phrase(SENTENCE)", True),
        ('phrase("saves " + money)', True),
        ('phrase("saves {money}", money=money)', False),
    ],
)
def test_texts_that_are_put_together_are_named_in_python(source, wrong, tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    path = tmp_path / "a.py"
    path.write_text(source)
    texts = Texts()
    messages.read_python(path, texts)
    assert bool(texts.wrong) == wrong
    assert ast.parse(source)


@pytest.mark.parametrize(
    ("source", "wrong", "found"),
    [
        ("t(`saves ${money}`)", True, []),
        ("t(name)", True, []),
        ('t("saves {money}", { money })', False, ["saves {money}"]),
        ("export function t(sentence) {}", False, []),
        ("start(1); parent.t(2)", False, []),
    ],
)
def test_texts_that_are_put_together_are_named_in_scripts(source, wrong, found, tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    path = tmp_path / "a.js"
    path.write_text(source)
    texts = Texts()
    messages.read_script(path, texts)
    assert bool(texts.wrong) == wrong
    assert list(texts.places) == found


@pytest.mark.parametrize(
    ("known", "fault"),
    [
        ({}, "missing"),
        ({"saves {money}": "sparar"}, "placeholders"),
        ({"saves {money}": " "}, "placeholders"),
        ({"saves {money}": "sparar {money}", "gone": "borta"}, "unused"),
        ({"saves {money}": "sparar {money}"}, ""),
    ],
)
def test_faults_of_a_catalogue_are_named(known, fault, monkeypatch):
    texts = Texts()
    texts.add("saves {money}", "a.py:1")
    monkeypatch.setattr(messages, "LANGUAGES", ("sv",))
    monkeypatch.setattr(messages, "catalogue", lambda _: known)
    assert [fault in line for line in faults(texts)] == ([True] if fault else [])


def test_text_that_stands_twice_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "CATALOGUES", tmp_path)
    Path(tmp_path / "sv.json").write_text('{"a": "b", "a": "c"}', encoding="utf-8")
    with pytest.raises(ValueError, match="stand twice"):
        messages.catalogue("sv")
