"""Administration by the service: the command line's documents, refusals, and work in the background."""

import sqlite3
from collections.abc import Generator
from typing import Any

import pytest
from starlette.testclient import TestClient

from darkstar_pipeline.context import Context
from darkstar_pipeline.state.folder_names import CACHE_FILE, FETCHING_FOLDER
from planner.tuning.quantities import QUANTITIES
from tests.builders.graded_home import graded_context
from tests.builders.service_home import asking, client_of, made_engine
from tests.builders.waiting import until


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The graded fortnight."""
    return graded_context(tmp_path_factory.mktemp("administration"))


@pytest.fixture(scope="module")
def client(home: Context) -> Generator[TestClient]:
    """Somebody with the token, on the afternoon of the day with 100 slots."""
    engine, _ = made_engine(home)
    with asking(engine) as client:
        yield client


def test_what_is_learned_is_shown_and_taken_back(client: TestClient) -> None:
    shown = client.get("/learning").json()
    assert [row["name"] for row in shown["quantities"]] == list(QUANTITIES)
    assert shown["today"] == "2025-10-26"
    reset = client.post("/learning/reset", json={})
    assert reset.status_code == 200, reset.text
    assert reset.json()["changed"] == []
    today = client.post("/learning/reset", json={"to": "2025-10-26"})
    assert (today.status_code, "not before today" in today.json()["error"]["message"]) == (422, True)


def test_caches_are_listed_and_emptied(home: Context, client: TestClient) -> None:
    file = home.home / FETCHING_FOLDER / CACHE_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE answers (text TEXT)")
        database.executemany("INSERT INTO answers VALUES (?)", [("x" * 1000,)] * 50)
    database.close()
    assert client.get("/caches").json()["bytes"] > 50_000
    cleared = client.post("/caches/clear").json()
    assert (cleared["bytes"] > 0, [each["problem"] for each in cleared["caches"]]) == (True, ["", ""])


def test_administration_is_for_those_with_the_token(home: Context) -> None:
    engine, _ = made_engine(home)
    with client_of(engine) as stranger:
        for path in ("/learning/reset", "/caches/clear", "/retrain", "/strategy/effects"):
            assert stranger.post(path, json={}).status_code == 401, path
        for path in ("/learning", "/caches", "/retrain/1a2b3c4d"):
            assert stranger.get(path).status_code == 401, path
        foreign = stranger.post("/caches/clear", headers={"origin": "http://elsewhere.example"})
        assert foreign.status_code == 403


@pytest.mark.thorough  # two processes of their own start
def test_retrain_and_adjustments_are_worked_out_in_the_background(client: TestClient) -> None:
    assert client.post("/retrain", json={"why": ""}).status_code == 422
    begun = client.post("/retrain", json={"why": "the heat pump is new"})
    assert begun.status_code == 202, begun.text
    assert client.post("/retrain", json={"why": "again"}).json()["error"]["code"] == "busy"
    wrong = client.post("/strategy/effects", json={"first": "2025-10-25", "last": "2025-10-24"})
    assert (wrong.status_code, "swap" in wrong.json()["error"]["hint"]) == (422, True)
    asked = client.post("/strategy/effects", json={"first": "2025-10-30", "last": "2025-10-30"})
    assert asked.status_code == 202, asked.text
    jobs: dict[str, dict[str, Any]] = {}

    def ended(path: str) -> bool:
        jobs[path] = client.get(path).json()
        return jobs[path]["state"] != "running"

    paths = f"/retrain/{begun.json()['id']}", f"/strategy/effects/{asked.json()['id']}"
    for path in paths:
        until(lambda path=path: ended(path), f"{path} ends", seconds=120)
    assert jobs[paths[0]]["state"] == "done", jobs[paths[0]]
    assert jobs[paths[0]]["result"]["status"] == "too_little"
    assert jobs[paths[1]]["state"] == "done", jobs[paths[1]]
    assert {each["name"] for each in jobs[paths[1]]["result"]["adjustments"]} >= {"s_index", "high_load"}
    assert client.delete("/retrain/00000000").status_code == 404
    assert client.get("/strategy/effects/00000000").status_code == 404
