"""The language of answers: the reader's, else the site's, whatever it was when a plan was made."""

import shutil
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from darkstar_pipeline.context import open_context
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from tests.builders.service_home import asking, made_engine
from tests.builders.small_home import small_settings


@pytest.fixture(scope="module")
def engine(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> PlannerEngine:
    state = Path(shutil.copytree(filled, tmp_path_factory.mktemp("languages") / "state"))
    made, _ = made_engine(open_context(settings=small_settings(), home=state))
    made.check()
    return made


def _sentences(client: TestClient, path: str, language: str) -> list[str]:
    plan = client.get(path, headers={"accept-language": language}).json()
    return [each["sentence"] for each in (*plan["slots"], *plan["blocks"])]


def test_plan_is_told_in_each_reader_s_language_also_when_it_was_stored(engine: PlannerEngine) -> None:
    with asking(engine) as client:
        now, stored = "/plan", f"/plans/{engine.plan().id}"
        texts = {language: _sentences(client, now, language) for language in ("en", "sv-SE,sv;q=0.9", "de", "fr")}
        assert {language: _sentences(client, stored, language) for language in texts} == texts
    english, swedish, german, french = texts.values()
    assert french == english
    assert any(" SEK/kWh" in each and "." in each for each in english)
    for other, word in ((swedish, " för "), (german, " zu ")):
        assert set(other).isdisjoint(english)
        assert any(word in each for each in other)
        assert not any("." in each for each in other), "decimal commas"


def test_site_s_language_is_spoken_with_those_who_ask_for_none(filled: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(filled, tmp_path / "state"))
    settings = small_settings()
    site = settings.sites["home"].model_copy(update={"language": "sv"})
    context = open_context(settings=settings.model_copy(update={"sites": {"home": site}}), home=home)
    with asking(made_engine(context)[0]) as client:
        assert client.get("/messages", headers={"accept-language": ""}).json()["language"] == "sv"
        assert client.get("/messages", headers={"accept-language": "en"}).json() == {"language": "en", "messages": {}}
        wrong = client.get("/plans/20260131T140000Z-1a2b3c4d").json()["error"]
        assert wrong["code"] == "not_found", "codes stay"


def test_page_has_the_texts_of_the_language_that_is_asked_for(engine: PlannerEngine) -> None:
    with asking(engine) as client:
        found = client.get("/messages", headers={"accept-language": "de-AT,en;q=0.5"}).json()
    assert found["language"] == "de"
    assert found["messages"]["Log out"] == "Abmelden"
