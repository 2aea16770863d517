"""Readings handed in over HTTP: stored by the checks of an import, and nothing changes when they come again."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from darkstar_pipeline.context import open_context
from darkstar_pipeline.service.schemas.readings import MOST_SLOTS, Reading
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from tests.builders.service_home import asking, made_engine, moment
from tests.builders.small_home import small_settings

START = moment() - timedelta(hours=2)


@pytest.fixture
def client(tmp_path: Path) -> Generator[TestClient]:
    engine, _ = made_engine(open_context(settings=small_settings(), home=tmp_path / "state"))
    with asking(engine) as found:
        yield found


def slots(count: int = 4, **columns: float) -> list[dict[str, Any]]:
    begin = START.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return [
        {"slot_start": (begin + timedelta(minutes=15) * n).isoformat(), "load_kwh": 0.25, **columns}
        for n in range(count)
    ]


def test_readings_are_stored_once(client: TestClient, tmp_path: Path):
    answer = client.post("/readings", json={"readings": slots(pv_kwh=0.1)})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["accepted"], answer.json()["slots_new"]) == (4, 4)
    again = client.post("/readings", json={"readings": slots(pv_kwh=0.1)}).json()
    assert (again["slots_new"], again["slots_changed"], again["slots_unchanged"]) == (0, 0, 4)
    stored = open_context(settings=small_settings(), home=tmp_path / "state").lake.read(METER_READINGS, "home")
    assert stored["pv_kwh"].to_list() == [0.1] * 4
    assert stored["source"].unique().to_list() == ["posted_readings.csv"]


def test_what_cannot_be_is_refused_with_its_reason(client: TestClient):
    future = [{**each, "slot_start": datetime(2099, 1, 1, n, tzinfo=UTC).isoformat()} for n, each in enumerate(slots())]
    refused = client.post("/readings", json={"readings": future})
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "data_refused"


def test_a_lost_slot_halves_nothing_that_is_stored(client: TestClient):
    rows = slots()
    assert client.post("/readings", json={"readings": rows}).json()["slots_new"] == 4
    for lost in (rows[::2], [*rows[::3], rows[2]], rows[:1] + rows[2:3]):
        answer = client.post("/readings", json={"readings": lost, "minutes": 15}).json()
        assert (answer["slots_new"], answer["slots_changed"]) == (0, 0), lost


def test_readings_half_an_hour_apart_are_asked_how_long_they_are(client: TestClient):
    rows = slots(3)[::2]
    refused = client.post("/readings", json={"readings": rows})
    assert refused.status_code == 409
    assert "30 minutes apart" in refused.json()["error"]["message"]
    quarters = client.post("/readings", json={"readings": rows, "minutes": 15}).json()
    assert (quarters["slots_new"], quarters["last_slot"]) == (2, rows[1]["slot_start"].replace("+00:00", "Z"))
    whole = client.post("/readings", json={"readings": slots(1), "minutes": 60}).json()
    assert (whole["slots_new"], whole["slots_changed"]) == (0, 0), "an hour replaces no quarters, nor guesses the rest"


def test_the_most_slots_with_every_column_are_taken(client: TestClient):
    columns = dict.fromkeys(set(Reading.model_fields) - {"slot_start", "load_kwh"}, 0.123456)
    begin = datetime(2025, 10, 1, tzinfo=UTC)
    stamps = [(begin + timedelta(minutes=15) * n).isoformat() for n in range(MOST_SLOTS)]
    rows = [{"slot_start": stamp, "load_kwh": 0.123456, **columns} for stamp in stamps]
    answer = client.post("/readings", json={"readings": rows})
    assert (answer.status_code, answer.json().get("accepted")) == (200, MOST_SLOTS), answer.text


@pytest.mark.parametrize(
    "body",
    [
        {"readings": slots(1)},
        {"readings": []},
        {"readings": slots(2), "minutes": 20},
        {"readings": [{**each, "load": 1} for each in slots()]},
        {"readings": [{**each, "load_kwh": None} for each in slots()]},
        {"readings": [{**each, "load_kwh": True} for each in slots()]},
        {"readings": [{**each, "slot_start": "2026-02-01T07:00:00"} for each in slots()]},
    ],
)
def test_another_shape_is_refused(client: TestClient, body: dict[str, Any]):
    assert client.post("/readings", json=body).status_code == 422


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1969-12-31T23:00:00Z"])
@pytest.mark.parametrize("load", [1e308, -5.0, 0.0])
def test_impossible_readings_are_no_fault_of_the_service(client: TestClient, stamp: str, load: float):
    rows = [{**each, "load_kwh": load} for each in slots(3)] + [{"slot_start": stamp, "load_kwh": load}] * 2
    assert client.post("/readings", json={"readings": rows}).status_code in (200, 409)
