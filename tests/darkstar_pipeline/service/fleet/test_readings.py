"""Readings of many homes in one request: idempotent, row by row, into the tables of the fleet."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.planning.fleet.rounds import plan_fleet
from darkstar_pipeline.service.fleet.server import FleetServer
from darkstar_pipeline.warehouse.buckets.object_names import object_key
from darkstar_pipeline.warehouse.schemas import IMPORT_PROVENANCE, METER_READINGS
from tests.builders.fleets import PLANNED_AT, fleet_settings
from tests.darkstar_pipeline.service.fleet.conftest import Ask

SLOT = "2025-10-26T09:45:00Z"


def reading(site: str, slot: str = SLOT, **values: float | None) -> dict[str, Any]:
    return {"site": site, "slot_start": slot, "load_kwh": 0.31, "soc_end_percent": 44.0, **values}


def stored(state: Path, site: str) -> pl.DataFrame:
    lake, day = fleet_lake(fleet_settings(2), state), date(2025, 10, 26)
    rows = lake.read(METER_READINGS, lake.bucket(site), day, day, sites=[site])
    return rows.filter(pl.col("slot_start").dt.strftime("%Y-%m-%dT%H:%M:%SZ") == SLOT)


def test_readings_of_many_homes_are_stored_once_when_they_are_sent_twice(ask: Ask, state: Path) -> None:
    client = ask("a", ("read", "write"))
    rows = {"readings": [reading("home000"), reading("home002", pv_kwh=0.2)]}
    assert client.post("/readings", json=rows).json() == {"accepted": 2, "unchanged": 0, "refused": []}
    assert client.post("/readings", json=rows).json() == {"accepted": 0, "unchanged": 2, "refused": []}
    later = {"readings": [reading("home000", load_kwh=0.5)]}
    assert client.post("/readings", json=later).json()["accepted"] == 1
    found = stored(state, "home000")
    assert (found["load_kwh"][0], found["soc_end_percent"][0], found["source"][0]) == (0.5, 44.0, "posted")
    assert stored(state, "home002")["pv_kwh"][0] == 0.2
    assert stored(state, "home004")["source"][0] == "made_up", "other homes of the bucket are as they were"


def test_what_posted_readings_were_read_as_is_stored_once_a_day(ask: Ask, state: Path) -> None:
    client = ask("a", ("read", "write"))
    for slot in ("2025-10-26T09:30:00Z", SLOT, SLOT):
        client.post("/readings", json={"readings": [reading("home000", slot, pv_kwh=0.1)]})
    rows = fleet_lake(fleet_settings(2), state).site("home000").read(IMPORT_PROVENANCE, "home000")
    said = rows.filter(pl.col("source") == "posted").sort("quantity").select("quantity", "unit", "format").rows()
    assert said == [
        ("load_kwh", "kWh", "tidy file"),
        ("pv_kwh", "kWh", "tidy file"),
        ("soc_percent", "%", "tidy file"),
    ]


def test_a_home_is_said_to_have_what_itself_has_sent_alone(ask: Ask, state: Path) -> None:
    lake = fleet_lake(fleet_settings(2), state)
    assert lake.bucket("home000") == lake.bucket("home004")
    rows = [reading("home000", pv_kwh=0.1), reading("home004", soc_end_percent=None)]
    ask("a", ("read", "write")).post("/readings", json={"readings": rows})
    said = {
        site: lake.site(site).read(IMPORT_PROVENANCE, site).filter(pl.col("source") == "posted")["quantity"].to_list()
        for site in ("home000", "home004")
    }
    assert said == {"home000": ["load_kwh", "pv_kwh", "soc_percent"], "home004": ["load_kwh"]}


def test_readings_that_are_stored_are_told_so_where_their_provenance_is_damaged(ask: Ask, state: Path) -> None:
    lake, day = fleet_lake(fleet_settings(2), state), date(2025, 10, 26)
    lake.store.put(object_key(IMPORT_PROVENANCE, lake.bucket("home000"), day), b"PAR1 damaged")
    rows = {"readings": [reading("home000", pv_kwh=0.2)]}
    answer = ask("a", ("read", "write")).post("/readings", json=rows).json()
    assert answer == {"accepted": 1, "unchanged": 0, "refused": []}
    assert stored(state, "home000")["pv_kwh"][0] == 0.2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (reading("home999"), "there is no home home999"),
        (reading("home001"), "there is no home home001"),
        (reading("home000", "2025-10-26T09:50:00Z"), "slot_start is not on a quarter of an hour"),
        (reading("home000", "2025-10-26T10:15:00Z"), "the slot has not begun"),
        (reading("home000", "2025-09-01T10:15:00Z"), "older than 40 days: import it as a file"),
        (reading("home000", load_kwh=-1.0), "load_kwh -1.0 kWh is negative"),
        (reading("home000", load_kwh=900.0), "load_kwh 900.0 kWh implies 3600.0 kW, more than a home can"),
        (reading("home000", soc_end_percent=300.0), "soc_end_percent 300.0 % is no state of charge"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_is_refused_with_its_reason_and_stops_no_other(ask: Ask, row: dict[str, Any], reason: str) -> None:
    answer = ask("a", ("read", "write")).post("/readings", json={"readings": [row, reading("home002")]}).json()
    assert [each["reason"] for each in answer["refused"]] == [reason]
    assert (answer["refused"][0]["row"], answer["accepted"]) == (0, 1)


def test_readings_of_a_damaged_bucket_are_refused_and_those_of_others_stored(ask: Ask, state: Path) -> None:
    lake, day = fleet_lake(fleet_settings(2), state), date(2025, 10, 26)
    sites = ["home000", "home002", "home004", "home006"]
    bad = lake.bucket(sites[0])
    lake.store.put(object_key(METER_READINGS, bad, day), b"PAR1 damaged")
    answer = ask("a", ("read", "write")).post("/readings", json={"readings": [reading(site) for site in sites]}).json()
    of_bucket = [place for place, site in enumerate(sites) if lake.bucket(site) == bad]
    assert [each["row"] for each in answer["refused"]] == of_bucket
    assert all("is damaged" in each["reason"] for each in answer["refused"])
    assert answer["accepted"] == len(sites) - len(of_bucket) > 0


def test_the_next_round_plans_from_the_batterys_reading(ask: Ask, state: Path, service: FleetServer) -> None:
    client = ask("a", ("read", "write"))
    client.post("/readings", json={"readings": [reading("home000", soc_end_percent=71.0)]})
    plan_fleet(service.running.settings, state, PLANNED_AT)
    service.refresh()
    plan = client.get("/sites/home000/plan").json()
    assert (plan["soc_source"], plan["slots"][0]["soc_start_percent"]) == ("observed", 71.0)


def test_a_reader_may_not_write_and_a_request_is_bounded(ask: Ask) -> None:
    refused = ask("a").post("/readings", json={"readings": [reading("home000")]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    writer = ask("a", ("read", "write"))
    many = [reading("home000")] * 5001
    assert writer.post("/readings", json={"readings": many}).status_code == 422
    assert writer.post("/readings", content=b"x" * 1_100_000).status_code == 413


def test_rows_of_one_slot_in_a_request_are_merged_value_by_value_as_in_two_requests(ask: Ask, state: Path) -> None:
    rows = [reading("home000", pv_kwh=0.2), reading("home000", load_kwh=0.5, soc_end_percent=None)]
    ask("a", ("read", "write")).post("/readings", json={"readings": rows})
    found = stored(state, "home000")
    assert (found["load_kwh"][0], found["pv_kwh"][0], found["soc_end_percent"][0]) == (0.5, 0.2, 44.0)


@pytest.mark.parametrize(
    "slot", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:45:00-12:00", "1761471900", "-1", 1761471900.5, True]
)
def test_a_slot_that_is_no_instant_is_a_wrong_value(ask: Ask, slot: Any) -> None:
    answer = ask("a", ("read", "write")).post("/readings", json={"readings": [reading("home000", slot)]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "wrong_value")


def test_a_store_that_fails_is_told_without_its_address(
    ask: Ask, service: FleetServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise OutsideServiceError("the lake s3://ours/fleet failed", "check AWS_ENDPOINT_URL")

    monkeypatch.setattr(service.running.lake.store, "get", failing)
    answer = ask("a", ("read", "write")).post("/readings", json={"readings": [reading("home000")]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "outside_service")
    assert "s3://" not in answer.text
    assert "AWS" not in answer.text
