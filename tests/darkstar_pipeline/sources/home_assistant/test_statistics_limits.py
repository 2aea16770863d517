"""The numbers by which long-term statistics are judged, each tried on both of its sides."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.home_assistant.export_reader import HomeAssistantData
from darkstar_pipeline.sources.home_assistant.naming.questions import ChoiceNeededError
from darkstar_pipeline.sources.home_assistant.statistics import (
    clock_note,
    refuse_implausible,
    with_statistics_of_minutes,
)
from env.time_grid import SLOT_DTYPE
from tests.builders.home_assistant_exports import read

FIRST = datetime(2026, 1, 10, tzinfo=UTC)
LOAD = "sensor.house_load_kwh"


def rows(
    changes: Sequence[float | None], *, step: int = 3600, name: str = "change", scale: float = 1
) -> list[dict[str, object]]:
    return [{"start": int(FIRST.timestamp() + step * n) * scale, name: value} for n, value in enumerate(changes)]


def imported(folder: Path, entries: Sequence[Mapping[str, object]], entity: str = LOAD) -> HomeAssistantData:
    return read(folder, {"s.json": json.dumps({entity: entries})})


def energies(data: HomeAssistantData) -> list[float]:
    return [round(value, 6) for value in data.statistics["energy_kwh"].to_list()]


def test_estimate_says_a_little_less_than_nothing_at_most(tmp_path: Path):
    data = imported(tmp_path, rows([0.5, -0.01, 0.5, -0.011, 0.5]))
    assert energies(data) == [0.5, 0, 0.5, 0.5]
    assert data.rejects["reason"].to_list() == ["-0.011 of an hour is negative"]
    assert data.rows_read == 5


@pytest.mark.parametrize("scale", [1, 1000])
def test_stamps_are_seconds_or_milliseconds(scale: int, tmp_path: Path):
    data = imported(tmp_path, rows([0.5, 0.6], scale=scale))
    assert data.statistics["hour_start"].to_list() == [FIRST, FIRST + timedelta(hours=1)]


@pytest.mark.parametrize(("hours", "kwh"), [(1, 0.5), (2, 0.5), (22, 0.5), (23, None), (24, None)])
def test_steps_of_some_hours_are_missing_hours_and_of_a_day_are_days(hours: int, kwh: float | None, tmp_path: Path):
    entries = rows([0.5] * 4, step=3600 * hours)
    if kwh is None:
        with pytest.raises(DataRefusedError, match=f"a row covers {60 * hours} minutes"):
            imported(tmp_path, entries)
    else:
        assert energies(imported(tmp_path, entries)) == [kwh] * 4


def test_row_begins_on_the_hour_or_five_minutes(tmp_path: Path):
    late = [*rows([0.5] * 4), {"start": FIRST.timestamp() + 4 * 3600 + 1, "change": 0.5}]
    assert imported(tmp_path, late).rejects["reason"].to_list()[0].endswith("is not the start of an hour")
    fine = [*rows([0.1] * 12, step=300), {"start": FIRST.timestamp() + 3601, "change": 0.1}]
    data = imported(tmp_path, fine)
    assert data.rejects["reason"].to_list()[0].endswith("is not the start of five minutes")
    assert data.readings["load_kwh"].to_list() == pytest.approx([0.3] * 4)
    assert energies(data) == [1.2]


@pytest.mark.parametrize(
    ("change", "count", "kwh"), [(29.5, 9, 29.5), (30.5, 9, 0.0305), (0.0051, 8, 0.0051), (0.0049, 7, 0.0049)]
)
def test_unit_is_told_by_the_size_of_hours(change: float, count: int, kwh: float, tmp_path: Path):
    data = imported(tmp_path, rows([change] * count), "sensor.house_load")
    assert energies(data) == [kwh] * count
    assert any("by the size of its hours it is" in note for note in data.notes)


def test_hours_below_five_watts_are_refused(tmp_path: Path):
    with pytest.raises(DataRefusedError, match=r"read as kWh, implies at most 4.9 W, which no home runs on"):
        imported(tmp_path, rows([0.0049] * 8), "sensor.house_load")


def test_first_period_tells_where_a_counter_stood_before_it(tmp_path: Path):
    entries = [{**row, "change": 0.5} for row in rows([100.5, 101.0, 102.0], name="sum")]
    assert energies(imported(tmp_path, entries)) == [0.5, 0.5, 1.0]
    assert energies(imported(tmp_path, rows([100.5, 101.0, 102.0], name="sum"))) == [0.5, 1.0]


def test_hour_of_a_home_is_a_hundred_kilowatt_hours_at_most():
    def hour(kwh: float) -> pl.DataFrame:
        return pl.DataFrame({"hour_start": [FIRST], "column": ["load_kwh"], "energy_kwh": [kwh]})

    refuse_implausible(hour(100))
    with pytest.raises(DataRefusedError, match=r"load_kwh: 101 kWh in the hour of 2026-01-10 00:00Z"):
        refuse_implausible(hour(101))


def test_statistics_by_the_minute_fill_what_is_not_recorded():
    stamps = pl.Series([FIRST + timedelta(minutes=15 * n) for n in range(3)]).cast(SLOT_DTYPE)
    recorded = pl.DataFrame(
        {"slot_start": stamps[:2], "load_kwh": [1.0, None], "native_minutes": pl.Series([15, 15], dtype=pl.Int32)}
    )
    fine = pl.DataFrame({"hour_start": stamps, "column": ["load_kwh"] * 3, "energy_kwh": [7.0, 2.0, 3.0]})
    found = with_statistics_of_minutes(recorded, fine)
    assert found["load_kwh"].to_list() == [1, 2, 3]
    assert found["native_minutes"].to_list() == [15] * 3
    assert with_statistics_of_minutes(recorded, fine.clear()).equals(recorded)


@pytest.mark.parametrize(
    ("noon", "month", "doubtful"),
    [(4, 1, False), (10, 1, False), (12, 1, False), (13, 1, True), (14, 1, True), (12, 7, False), (13, 7, True)],
)
def test_stamps_are_doubted_where_the_sun_is_off_noon(noon: int, month: int, *, doubtful: bool):
    """By more than an hour and a half, and where the local clock would put it nearer; hours are those of UTC."""
    pv = pl.DataFrame(
        {
            "hour_start": pl.Series([datetime(2026, month, 10, noon - 1, tzinfo=UTC)]).cast(SLOT_DTYPE),
            "column": ["pv_kwh"],
            "energy_kwh": [1.0],
        }
    )
    zone = "Europe/Helsinki"
    note = clock_note(pv, naive=True, timezone=zone)
    assert ("--map clock=local" in note) == doubtful
    assert clock_note(pv, naive=False, timezone=zone) == ""
    assert "centres" not in clock_note(pv.with_columns(energy_kwh=pl.lit(0.0)), naive=True, timezone=zone)


def test_counter_of_a_wide_table_is_preferred_to_its_differences(tmp_path: Path):
    head = "hour,house_load_kwh_cum,house_load_kwh_delta,solar_kwh_delta\n"
    table = head + "".join(f"2026-01-10T0{n}:00:00Z,{100 + n},{0.9},{0.25}\n" for n in range(4))
    data = read(tmp_path, {"s.csv": table})
    loads = data.statistics.filter(pl.col("quantity") == "load")["energy_kwh"].to_list()
    assert loads == pytest.approx([1.0] * 3)
    assert data.statistics.filter(pl.col("quantity") == "pv")["energy_kwh"].to_list() == [0.25] * 4


@pytest.mark.parametrize("document", [[[{"entity_id": LOAD}]], [[1]], [[{"entity_id": LOAD, "state": "1"}, {"x": 1}]]])
def test_list_that_holds_no_states_is_refused(document: object, tmp_path: Path):
    with pytest.raises(DataRefusedError, match="is not a known Home Assistant export: its lists hold something"):
        read(tmp_path, {"s.json": json.dumps(document)})


def test_all_sensors_of_unknown_meaning_are_named_and_the_first_is_asked_for(tmp_path: Path):
    table = "entity_id,state,last_changed\nsensor.xq,1,2026-01-10T00:00:00Z\nsensor.zw,1,2026-01-10T00:00:00Z\n"
    with pytest.raises(ChoiceNeededError, match=r"sensor\.xq, sensor\.zw: the name does not say what they") as question:
        read(tmp_path, {"s.csv": table})
    assert question.value.hint == "say it: --map sensor.xq=load_kwh, or --map sensor.xq=ignore"
    assert question.value.answers[0].mapping == {"sensor.xq": "ignore"}
