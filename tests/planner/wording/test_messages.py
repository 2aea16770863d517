import copy
import pickle

import numpy as np
import pytest

from planner.wording import languages
from planner.wording.languages import accepted, localized, speaking, spoken
from planner.wording.messages import Message, figures, joined, phrase, read, translated, written

SWEDISH = {
    "saves {money}": "sparar {money}",
    "{share:.0%} of {kwh:.1f} kWh": "{share:.0%} av {kwh:.1f} kWh",
    "command|hold": "vila",
    "the plan": "planen",
    "costs {saved:.2f} less than {other}": "kostar {saved:.2f} mindre än {other}",
}


@pytest.fixture(autouse=True)
def small_catalogue(monkeypatch):
    whole = languages.catalogue
    monkeypatch.setattr("planner.wording.messages.catalogue", lambda name: SWEDISH if name == "sv" else whole(name))


@pytest.mark.parametrize(
    ("message", "english", "swedish"),
    [
        (phrase("saves {money}", money=figures("4.10 SEK")), "saves 4.10 SEK", "sparar 4,10 SEK"),
        (phrase("{share:.0%} of {kwh:.1f} kWh", share=0.96, kwh=12.345), "96% of 12.3 kWh", "96\xa0% av 12,3 kWh"),
        (phrase("costs {saved:.2f} less than {other}", saved=-1.5, other=phrase("the plan")),
         "costs -1.50 less than the plan", "kostar -1,50 mindre än planen"),
        (phrase("command|hold"), "hold", "vila"),
        (phrase("not there, at {time}", time="07:00"), "not there, at 07:00", "not there, at 07:00"),
        (joined("; ", [phrase("the plan"), "as read"]), "the plan; as read", "planen; as read"),
        (phrase("saves {money}", money=np.float64(2.5)), "saves 2.5", "sparar 2,5"),
        (phrase("saves {money}", money="{odd} 1.5"), "saves {odd} 1.5", "sparar {odd} 1.5"),
    ],
)  # fmt: skip
def test_message_is_told_in_a_language_and_english_elsewhere(message, english, swedish):
    assert message == english
    assert translated(message, "en") == english
    assert translated(message, "sv") == swedish
    assert type(translated(message, "sv")) is str


def test_message_is_the_same_when_copied_pickled_and_read_back():
    message = joined("; ", [phrase("saves {money}", money=figures("4.10 SEK")), "x"])
    for again in (copy.deepcopy(message), pickle.loads(pickle.dumps(message)), read(written(message))):  # noqa: S301 - its own bytes
        assert again == message
        assert isinstance(again, Message)
        assert translated(again, "sv") == "sparar 4,10 SEK; x"


def test_plain_text_stays_as_it_is_when_told_or_read_back():
    assert translated("1.5 kWh", "sv") == "1.5 kWh"
    assert read(written("1.5 kWh")) == "1.5 kWh"


def test_language_is_english_again_when_its_part_is_over():
    with speaking("sv"):
        assert spoken() == "sv"
        assert translated(phrase("the plan")) == "planen"
    assert spoken() == "en"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "sv"),
        ("*", "sv"),
        ("fr", "sv"),
        ("de", "de"),
        ("DE-at", "de"),
        ("en;q=0.5, de;q=0.8", "de"),
        ("en, de", "en"),
        ("de;q=0, en;q=0.1", "en"),
        ("de;q=nonsense", "sv"),
        (";;;,,q=", "sv"),
    ],
)
def test_language_of_an_answer_is_the_one_asked_for_when_it_is_ours(header, language):
    assert accepted(header, "sv") == language


def test_figures_keep_their_dots_when_they_are_no_decimals():
    assert localized("0.82 SEK/kWh, at most 4.25 kW.", "de") == "0,82 SEK/kWh, at most 4,25 kW."
