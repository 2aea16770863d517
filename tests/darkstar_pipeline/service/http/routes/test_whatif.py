"""What-ifs by the service: the documents of the command line, nothing written, the plan in force as it was."""

import time
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from darkstar_pipeline.analyst.appliance import appliance_document
from darkstar_pipeline.context import Context
from darkstar_pipeline.service.http.calculations import working
from tests.builders.graded_home import graded_context
from tests.builders.service_home import asking, made_engine, moment
from tests.builders.state_hash import state_hash

DAY = "2025-10-25"
SPAN = {"first": "2025-10-29", "last": "2025-10-30"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The graded fortnight."""
    return graded_context(tmp_path_factory.mktemp("whatif_routes"))


@pytest.fixture(scope="module")
def client(home: Context) -> Generator[TestClient]:
    """Somebody with the token, on the afternoon of the day with 100 slots."""
    engine, _ = made_engine(home)
    engine.replan()
    with asking(engine) as client:
        yield client


def test_plan_replay_and_export_answer_and_leave_state_and_plan_as_they_were(home: Context, client: TestClient) -> None:
    before, plan = state_hash(home.home), client.get("/plan").json()["id"]
    changes = {"settings": {"battery.capacity_kwh": 15}, "pv_scale": 1.5, "no_wear": True}
    changes |= {"added_loads": [{"kw": 2, "start": "22:00", "end": "04:00"}]}
    planned = client.post("/whatif/plan", json={**changes, "day": DAY}).json()
    assert planned["economics"] == "relaxed"
    assert planned["relaxed"] == ["wear 0"]
    assert {row["setting"] for row in planned["changes"]} == {
        "battery.capacity_kwh",
        "battery.wear_cost_per_kwh",
        "pv_scale",
        "added_load",
    }
    assert len(planned["plans"]["changed"]["slots"]) == len(planned["plans"]["site"]["slots"]) > 0
    replayed = client.post("/whatif/replay", json={**SPAN, "policies": ["self_consumption"]}).json()
    assert (replayed["days"], replayed["from"], replayed["economics"]) == (2, SPAN["first"], "own")
    assert replayed["policies"][0]["difference"]["cost"] == 0
    exported = client.post("/whatif/export", json={"day": DAY, "n_slots": 4, "sell_kwh": [1, 3]}).json()
    assert [scenario["target_kwh"] for scenario in exported["scenarios"]] == [1, 3]
    oracle = client.post("/whatif/plan", json={"day": DAY, "policy": "oracle"}).json()
    assert (oracle["basis"], oracle["day"]) == ("replay", DAY)
    now = client.post("/whatif/plan", json={"settings": {"battery.charge_kw": 2}}).json()
    assert (now["basis"], now["plans"]["changed"]["verified"]) == ("plan", True)
    in_force = client.get("/plan").json()["slots"][0]["soc_start_percent"]
    start = now["plans"]["site"]
    assert 100 * start["slots"][0]["soc_start_kwh"] / start["capacity_kwh"] == pytest.approx(in_force)
    assert state_hash(home.home) == before
    assert client.get("/plan").json()["id"] == plan


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("plan", {"settings": {"battery.capacty_kwh": 1}}, 422, "did you mean capacity_kwh"),
        ("plan", {"settings": {"timezone": "UTC"}}, 422, "leave timezone out"),
        ("plan", {"settings": {"currency": "EUR"}}, 422, "leave currency out"),
        ("plan", {"day": DAY, "policy": "oracle", "soc_percent": 50}, 422, "without at"),
        ("plan", {"day": "2025-12-24"}, 404, "a day ahead"),
        ("plan", {"area": "SE4"}, 404, "no prices of SE4"),
        ("replay", {"first": "2025-10-30", "last": "2025-10-29"}, 422, "swap"),
        ("replay", {"first": "2020-01-01", "last": "2025-10-29"}, 422, "more than 400 days"),
        ("replay", {**SPAN, "policies": ["nonsense"]}, 422, "nonsense"),
        ("replay", {**SPAN, "load_scale": -1}, 422, "load_scale"),
        ("replay", {**SPAN, "added_loads": [{"kw": 1, "start": "22:07", "end": "04:00"}]}, 422, "start"),
        ("sizing", {**SPAN, "capacities_kwh": [5], "powers_kw": [3], "policy": "idle"}, 422, "cannot size"),
        ("sizing", {**SPAN, "capacities_kwh": [0], "powers_kw": [3]}, 422, "no battery"),
        ("sizing", {**SPAN, "capacities_kwh": [], "powers_kw": [3]}, 422, "capacities_kwh"),
        ("export", {"n_slots": 0}, 422, "n_slots"),
    ],
)
def test_wrong_requests_are_refused_with_place_and_remedy(
    client: TestClient, path: str, body: dict[str, Any], status: int, words: str
) -> None:
    answer = client.post(f"/whatif/{path}", json=body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert words in f"{error['message']} {error['hint']}"


def test_second_what_if_at_once_is_told_to_wait(client: TestClient) -> None:
    with working():
        answer = client.post("/whatif/replay", json=SPAN)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "busy")


@pytest.mark.thorough  # a process of its own starts in three seconds
def test_grid_of_sizes_is_worked_out_in_the_background(home: Context, client: TestClient) -> None:
    before = state_hash(home.home)
    body = {**SPAN, "capacities_kwh": [5, 10], "powers_kw": [3], "cost_fixed": 10, "per_year": True}
    begun = client.post("/whatif/sizing", json=body)
    assert begun.status_code == 202
    assert client.post("/whatif/sizing", json=body).json()["error"]["code"] == "busy"
    job: dict[str, Any] = {"state": "running"}
    ends = time.monotonic() + 120
    while job["state"] == "running" and time.monotonic() < ends:
        job = client.get(f"/whatif/sizing/{begun.json()['id']}").json()
    assert job["state"] == "done", job
    assert [size["capacity_kwh"] for size in job["result"]["sizes"]] == [5, 10]
    assert job["result"]["sizes"][0]["payback_years"] > 0
    assert job["progress"] == 1
    assert client.get("/whatif/sizing/00000000").status_code == 404
    assert state_hash(home.home) == before


def test_the_best_start_of_an_appliance_is_the_command_s_answer(home: Context, client: TestClient) -> None:
    at = moment()
    asked = client.get("/appliance", params={"kw": 2, "hours": 1, "by": "2025-10-26T22:00:00+01:00"})
    found = asked.json()
    assert asked.status_code == 200, found
    assert found["best"]["price"] == min(row["price"] for row in found["starts"])
    assert found["now"] == found["starts"][0]
    past = client.get("/appliance", params={"kw": 2, "hours": 1, "at": (at - timedelta(hours=3)).isoformat()}).json()
    own = appliance_document(home, at - timedelta(hours=3), power_kw=2, run_hours=1)
    assert [row["price"] for row in past["starts"]] == [row["price"] for row in own["starts"]]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        pytest.param({"kw": "nan", "hours": 1}, 422, id="no number"),
        pytest.param({"kw": 2}, 422, id="no duration"),
        pytest.param({"kw": 2, "hours": 1, "by": "2025-10-26T18:00"}, 422, id="no offset"),
        pytest.param({"kw": 2, "hours": 20, "by": "2025-10-26T20:00:00+01:00"}, 422, id="too long"),
    ],
)
def test_an_appliance_that_cannot_be_is_refused_in_words(
    client: TestClient, asked: dict[str, Any], status: int
) -> None:
    answer = client.get("/appliance", params=asked)
    assert (answer.status_code, bool(answer.json()["error"]["message"])) == (status, True), answer.text
