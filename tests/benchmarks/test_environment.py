import io
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from benchmarks import environment
from benchmarks.environment import Speed
from benchmarks.homes.shipped import ShippedHomes
from benchmarks.peers.citylearn_environment import CityLearnMissingError, dataset
from benchmarks.peers.own_environment import call
from tests.builders.homes import days_of_slots, home

SPRING = date(2026, 3, 29)


def test_citylearn_gets_the_home_as_it_is_when_its_files_are_written(tmp_path: Path) -> None:
    slots, site = days_of_slots(SPRING, SPRING, seed=1), home()
    files = dataset(slots, site, tmp_path)
    building = pl.read_csv(io.StringIO(files["Building_1.csv"]))
    schema = json.loads(files["schema.json"])
    panels = schema["buildings"]["Building_1"]["pv"]["attributes"]["nominal_power"]
    assert building.height == 92
    assert building["hour"].to_list()[4:12] == [2] * 4 + [4] * 4, "the hour that the clock skips"
    assert (building["solar_generation"] * panels / 1000).to_list() == pytest.approx(slots["pv_kwh"].to_list())
    assert building["non_shiftable_load"].to_list() == pytest.approx(slots["load_kwh"].to_list())
    prices = pl.read_csv(io.StringIO(files["pricing.csv"]))
    assert prices["electricity_pricing"].to_list() == pytest.approx(slots["import_price"].to_list())
    storage = schema["buildings"]["Building_1"]["electrical_storage"]["attributes"]
    assert storage["efficiency"] == pytest.approx(0.95)
    assert schema["simulation_end_time_step"] == 91


def test_figure_is_missing_and_says_why_when_citylearn_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> Path:
        message = "citylearn was not installed: no network"
        raise CityLearnMissingError(message)

    monkeypatch.setattr(environment, "environment", fails)
    (row,) = environment.citylearn_rows(ShippedHomes(), Speed(1.0, 1.0))
    assert (row.figure, row.met) == ("ratio_to_citylearn", False)
    assert row.value == "missing: citylearn was not installed: no network"


def test_last_words_are_kept_when_a_command_fails() -> None:
    with pytest.raises(CityLearnMissingError, match="it did not start: last words"):
        call(["sh", "-c", "echo first; echo last words >&2; exit 3"], "it did not start", CityLearnMissingError)


def test_targets_are_judged_by_the_clock_when_rows_are_made() -> None:
    slow, fast = Speed(10.0, 100.0), Speed(1000.0, 5000.0)
    assert [row.met for row in environment.ratio_rows("to_x", fast, slow, 100)] == [True, None]
    assert [row.met for row in environment.ratio_rows("to_x", fast, slow, 101)] == [False, None]
    assert [(row.value, row.met) for row in environment.speed_rows("x", slow, 11)] == [(10.0, False), (100.0, None)]
