"""Readings, grades and forecasts of many homes in one frame are those of each home alone, whatever is wrong with any.

Homes of two time zones, over both clock changes: with gaps, bad hours, stretches that no home has, little history.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.fleet.backfill import fleet_shards
from assets.fleet.forecasts import forecast, known_before
from assets.fleet.homes import Homes
from assets.fleet.readings import graded, observed, priced
from assets.fleet.shards import opened
from assets.rows.forecasts import forecast_rows
from assets.rows.observations import grade_rows, observation_rows
from darkstar_pipeline.datasets.past_readings import past_readings
from darkstar_pipeline.fleet.homes_file import change_homes, fleet_of
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.fleet.shard_tables import ShardTables
from darkstar_pipeline.warehouse.schemas import (
    IMPORT_REMARKS,
    METER_READINGS,
    METER_STATISTICS,
    RAW_SPOT_PRICES,
    Table,
)
from env.time_grid import days_between
from tests.builders.faulty_homes import faulty_homes
from tests.builders.fleet_homes import fleet_settings, home_rows
from tests.builders.fleets import as_imported

ZONES = {"se": ("SE3", "Europe/Stockholm"), "fi": ("FI", "Europe/Helsinki")}
TABLES: Mapping[str, Table] = {
    "readings": METER_READINGS,
    "statistics": METER_STATISTICS,
    "prices": RAW_SPOT_PRICES,
    "remarks": IMPORT_REMARKS,
}


def faulty_fleet(state: Path, first: date, last: date) -> Homes:
    """Every kind of faulty home in one zone and some in the other, with the eight days before the range imported."""
    settings, since = fleet_settings(buckets=1), first - timedelta(days=8)
    cells: dict[str, dict[str, object]] = {}
    rows: dict[str, list[pl.DataFrame]] = {name: [] for name in TABLES}
    for prefix, (area, timezone) in ZONES.items():
        made = faulty_homes(since, last, timezone, seed=last.toordinal())
        chosen = list(made.homes)[:: 1 if prefix == "se" else 4]
        names = {name: f"{prefix}-{name.replace(' ', '-')}" for name in chosen}
        for number, name in enumerate(chosen):
            home = made.homes[name]
            cells[names[name]] = {
                "area": area,
                "has_pv": home.has_pv,
                "capacity_kwh": 5.0 + number,
                "round_trip_efficiency": 0.8 + 0.005 * number,
            }
        day = pl.col("slot_start").dt.convert_time_zone(timezone).dt.date().alias("local_day")
        hour = pl.col("hour_start").dt.convert_time_zone(timezone).dt.date().alias("local_day")
        frames = {
            "readings": made.readings.with_columns(day),
            "statistics": made.statistics.with_columns(hour),
            "prices": made.prices.with_columns(day, native_minutes=pl.lit(15)),
            "remarks": made.remarks,
        }
        for table, frame in frames.items():
            some = frame.filter(pl.col("site").is_in(chosen)).with_columns(pl.col("site").replace_strict(names))
            rows[table].append(as_imported(TABLES[table], some))
    change_homes(state, lambda _: home_rows(cells))
    lake = fleet_lake(fleet_of(settings), state)
    for name, table in TABLES.items():
        lake.write_days(table, 0, list(days_between(since, last)), pl.concat(rows[name]))
    (shard,) = fleet_shards(settings, state, first, last)
    homes, left_out = opened(shard, ShardTables(lake, 0))
    assert left_out == []
    assert len(homes.names) == len(cells)
    return homes


@pytest.mark.parametrize(
    ("first", "days"),
    [pytest.param(date(2026, 3, 28), 2, marks=pytest.mark.thorough), (date(2025, 10, 26), 1)],
    ids=["spring", "autumn"],
)
def test_readings_grades_and_forecasts_of_homes_together_are_those_of_each_alone(
    tmp_path: Path, first: date, days: int
):
    last = first + timedelta(days=days - 1)
    homes = faulty_fleet(tmp_path, first, last)
    prices, repairs = priced(homes)
    observations, before = observed(homes), known_before(homes, 7)
    grades, forecasts = graded(homes, observations, prices, repairs), forecast(homes, {})
    assert {"clean", "exclude"} <= set(grades["status"])
    assert forecasts["site"].n_unique() > 1
    for home in homes:
        name, own = home.site_name, pl.col("site") == home.site_name
        read = home.lake.read(METER_READINGS, name, first, last)
        assert observation_rows(home, read, first, last).equals(observations.filter(own)), name
        mine = grade_rows(
            home,
            first,
            last,
            observations=observations.filter(own),
            prices=prices.filter(own),
            statistics=home.lake.read(METER_STATISTICS, name, first, last),
            repairs=repairs.filter(own),
            remarks=home.lake.read(IMPORT_REMARKS, name, first, last),
        )
        assert mine.select(grades.columns).equals(grades.filter(own)), name
        has_pv = homes.has_pv[name]
        past = past_readings(home.lake, home.site, first, last, lookback_days=7, has_pv=has_pv)
        assert past.equals(before.filter(own).drop("site")), name
        made = forecast_rows(home, list(days_between(first, last))).select(forecasts.columns)
        assert made.equals(forecasts.filter(own).sort("vintage", "slot_start", "quantile")), name
