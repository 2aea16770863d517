"""A load whose sensor holds the car: what the car drew is subtracted, told, and never guessed."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from darkstar_pipeline.config.home_assistant import HomeAssistantSensors
from darkstar_pipeline.ingest.home_assistant import import_home_assistant
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.sources.home_assistant.house_load.held_loads import hours_without_held, without_held_loads
from darkstar_pipeline.sources.home_assistant.naming.configured_sensors import (
    configured_mapping,
    entities_of,
    mapping_of_known,
)
from darkstar_pipeline.warehouse.schemas import IMPORT_REMARKS, METER_READINGS, METER_STATISTICS
from tests.builders.service_home import moment
from tests.builders.small_home import ZONE, small_context

SPRING, AUTUMN = moment(date(2025, 3, 30), 0, 0), moment(date(2025, 10, 26), 0, 0)
SENSORS = HomeAssistantSensors(load="sensor.house", ev="sensor.wallbox", load_holds=("ev",))


def slots(load: list[float | None], start: datetime = AUTUMN, **columns: list[float | None]) -> pl.DataFrame:
    at = [start + timedelta(minutes=15) * n for n in range(len(load))]
    types = dict.fromkeys(("load_kwh", *columns), pl.Float64)
    frame = pl.DataFrame({"slot_start": at, "load_kwh": load, **columns}, schema_overrides=types)
    return frame.with_columns(pl.col("slot_start").cast(pl.Datetime("us", "UTC")))


def left(frame: pl.DataFrame, *held: str) -> tuple[list[float | None], dict[tuple[str, str], int]]:
    """The load that is left, and the number of slots by quantity and action of the remarks on them."""
    found, _, remarks = without_held_loads(frame, held or ["ev_kwh"], ZONE)
    counts = {
        (quantity, action): n for each in remarks for quantity, action, n in each.select(
            "quantity", "action", "readings"
        ).iter_rows()
    }  # fmt: skip
    assert found.drop("load_kwh").equals(frame.drop("load_kwh"))
    return found["load_kwh"].to_list(), counts


@pytest.mark.parametrize(
    ("load", "ev", "wanted", "remarks"),
    [
        ([2.3, 0.3], [2.0, 0.0], [0.3, 0.3], {("load_kwh", "altered"): 1}),
        ([2.3, None], [2.0, 0.0], [0.3, None], {("load_kwh", "altered"): 1}),
        ([1.95, 0.3], [2.0, 0.0], [0.0, 0.3], {("load_kwh", "altered"): 1}),
        ([0.3, 0.3], [2.0, 0.0], [None, 0.3], {("load_kwh", "refused"): 1}),
        ([2.3, 0.3], [2.0, None], [0.3, None], {("load_kwh", "altered"): 1, ("load_kwh", "missing"): 1}),
        ([2.3, 2.4], [None, 2.0], [2.3, 0.4], {("ev_kwh", "missing"): 1, ("load_kwh", "altered"): 1}),
        ([2.3, 0.3], [None, None], [2.3, 0.3], {("ev_kwh", "missing"): 2}),
    ],
    ids=["charges", "no load", "meters apart", "impossible", "not read", "not read yet", "never read"],
)
def test_what_the_car_drew_is_subtracted_and_told(
    load: list[float | None],
    ev: list[float | None],
    wanted: list[float | None],
    remarks: dict[tuple[str, str], int],
):
    found, counts = left(slots(load, ev_kwh=ev))
    assert found == pytest.approx(wanted, abs=1e-9)
    assert counts == remarks


def test_two_loads_are_subtracted_and_a_column_that_is_not_there_is_told():
    found, counts = left(slots([2.5, 0.5], ev_kwh=[2.0, 0.0], water_kwh=[0.2, 0.2]), "ev_kwh", "water_kwh")
    assert found == pytest.approx([0.3, 0.3])
    assert counts == {("load_kwh", "altered"): 2}
    found, counts = left(slots([2.5, 0.5]))
    assert (found, counts) == ([2.5, 0.5], {("ev_kwh", "missing"): 2})


@given(
    some.lists(some.tuples(some.floats(0, 5), some.floats(0, 5)), min_size=1, max_size=100),
    some.sampled_from([SPRING, AUTUMN]),
)
def test_house_and_car_are_the_load_again_on_both_days_on_which_the_clock_changes(
    parts: list[tuple[float, float]], start: datetime
):
    house, car = [each[0] for each in parts], [each[1] for each in parts]
    found, _ = left(slots([a + b for a, b in parts], start, ev_kwh=list(car)))
    assert found == pytest.approx(house, abs=1e-9)


def test_the_independent_hours_lose_it_too():
    hours = pl.DataFrame(
        {"hour_start": [AUTUMN] * 2, "quantity": ["load", "pv"], "energy_kwh": [5.0, 1.0]},
    ).with_columns(pl.col("hour_start").cast(pl.Datetime("us", "UTC")))
    by_hours, _, _ = without_held_loads(slots([5.0], ev_kwh=[4.0]), ["ev_kwh"], ZONE)
    assert hours_without_held(hours, by_hours)["energy_kwh"].to_list() == [1.0, 1.0]
    assert hours_without_held(hours, by_hours.drop("load_kwh"))["energy_kwh"].to_list() == [5.0, 1.0]


def states(entity: str, watts: list[float]) -> list[dict[str, Any]]:
    unit = {"unit_of_measurement": "W", "friendly_name": entity}
    return [
        {
            "entity_id": entity,
            "state": str(value),
            "attributes": unit,
            "last_changed": (AUTUMN + timedelta(minutes=5) * n).isoformat(),
        }
        for n, value in enumerate(watts)
    ]


def test_an_import_by_the_settings_stores_the_house_without_the_car(tmp_path: Path):
    context = small_context(tmp_path / "home", filled=False)
    file = tmp_path / "history.json"
    car = [7000.0 if 12 <= n < 24 else 0.0 for n in range(49)]
    file.write_text(json.dumps([states("sensor.house", [500 + each for each in car]), states("sensor.wallbox", car)]))
    mapping = configured_mapping(SENSORS)
    assert entities_of(mapping) == ["sensor.house", "sensor.wallbox"]
    now = datetime(2025, 11, 1, tzinfo=UTC)
    report = import_home_assistant(ImportTarget.of(context), [file], mapping=mapping, now=now)
    read = context.lake.read(METER_READINGS, "home")
    assert read["load_kwh"].to_list() == pytest.approx([0.125] * 16)
    assert read["ev_kwh"].sum() == pytest.approx(7.0)
    assert any(
        "the car, which the load's sensor holds, is subtracted from it: 7.00 kWh" in note for note in report.notes
    )
    remarks = context.lake.read(IMPORT_REMARKS, "home").filter(pl.col("quantity") == "load_kwh")
    assert remarks.select("action", "readings").rows() == [("altered", 4)]
    before = read
    import_home_assistant(ImportTarget.of(context), [file], mapping=mapping, now=now)
    assert context.lake.read(METER_READINGS, "home").equals(before), "nothing is subtracted twice"


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "beside the load"])
def test_a_heat_pump_is_read_by_the_hour_and_stays_in_the_load(tmp_path: Path, *, alone: bool):
    context = small_context(tmp_path / "home", filled=False)
    file = tmp_path / "history.json"
    pump = [states("sensor.pump", [1000.0] * 31)]
    house = [] if alone else [states("sensor.house", [1500.0] * 31)]
    file.write_text(json.dumps([*pump, *house]))
    sensors = HomeAssistantSensors(heat_pump="sensor.pump", load=None if alone else "sensor.house")
    now = datetime(2025, 11, 1, tzinfo=UTC)
    target = ImportTarget.of(context)
    report = import_home_assistant(target, [file], mapping=configured_mapping(sensors), now=now)
    hours = context.lake.read(METER_STATISTICS, "home")
    assert hours["quantity"].to_list() == ["heat_pump"] * 2
    assert hours["energy_kwh"].to_list() == pytest.approx([1.0] * 2)
    assert context.lake.read(METER_READINGS, "home")["load_kwh"].to_list() == ([] if alone else [0.375] * 10)
    assert any("stays in the load" in note for note in report.notes)


def test_a_mapping_of_some_sensors_keeps_what_the_load_holds_with_the_load():
    mapping = configured_mapping(SENSORS)
    assert "held in load" in mapping_of_known(mapping, {"sensor.house"})
    assert "held in load" not in mapping_of_known(mapping, {"sensor.wallbox"})


@pytest.mark.parametrize(
    ("sensors", "says"),
    [
        ({"load": "balance", "ev": "sensor.a", "load_holds": ["ev"]}, "a load that a sensor measures"),
        ({"ev": "sensor.a", "load_holds": ["ev"]}, "a load that a sensor measures"),
        ({"load": "sensor.b", "load_holds": ["ev", "water"]}, "no sensor reads it apart"),
        ({"load": "sensor.b", "load_holds": ["heat_pump"]}, "load_holds"),
        ({"load": "sensor.b", "ev": "sensor.a", "load_holds": ["ev", "ev"]}, "subtracted twice"),
    ],
)
def test_settings_that_cannot_be_are_refused(sensors: dict[str, Any], says: str):
    with pytest.raises(ValidationError, match=says):
        HomeAssistantSensors.model_validate(sensors)
