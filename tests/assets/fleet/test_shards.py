"""A fleet's days from raw readings to results, equal to those of its homes alone."""

from datetime import date
from pathlib import Path

import pytest

from assets.fleet.backfill import FleetReport, backfill_fleet, fleet_shards
from darkstar_pipeline.backfill import run_backfill
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.fleet.homes_file import fleet_of, open_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    ORACLE_DAILY_RESULTS,
    ORACLE_SCHEDULES,
    POLICY_DAILY_RESULTS,
    POLICY_SCHEDULES,
    PRICE_REPAIRS,
    RAW_SPOT_PRICES,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
    TRAINING_EPISODES,
)
from env.time_grid import days_between
from tests.builders.fleet_homes import fill_fleet, fleet_settings, imported_prices, imported_readings

FIRST, LAST = date(2025, 10, 25), date(2025, 10, 27)  # the day with 100 slots between
DAYS = list(days_between(FIRST, LAST))
IMPORTED = list(days_between(date(2025, 10, 15), LAST))
MADE = (
    SPOT_PRICES,
    PRICE_REPAIRS,
    SLOT_OBSERVATIONS,
    DATA_QUALITY_DAILY,
    SLOT_FORECASTS,
    ORACLE_SCHEDULES,
    ORACLE_DAILY_RESULTS,
    POLICY_SCHEDULES,
    POLICY_DAILY_RESULTS,
    TRAINING_EPISODES,
)
ASSETS = ",".join(table.name for table in MADE if table is not PRICE_REPAIRS)
HOMES = {
    "home-1": {},
    "home-2": {"capacity_kwh": 10.0, "charge_kw": 5.0, "discharge_kw": 5.0, "import_kw": 11.0},
    "home-3": {"capacity_kwh": 5.0, "charge_kw": 2.5, "discharge_kw": 2.5, "export_kw": 0.0, "curtailable": True},
    "dark-4": {},
}


def backfilled(settings: Settings, state: Path) -> FleetReport:
    return backfill_fleet(fleet_shards(settings, state, FIRST, LAST))


def alone(settings: Settings, state: Path, site: str) -> Context:
    """The home of a configuration of its own, with the same imports."""
    context = open_context(site, settings=settings, home=state)
    context.lake.write_days(RAW_SPOT_PRICES, site, IMPORTED, imported_prices(site, IMPORTED))
    context.lake.write_days(METER_READINGS, site, IMPORTED, imported_readings(site, IMPORTED))
    return context


@pytest.mark.slow
def test_home_of_a_fleet_has_the_rows_that_its_own_backfill_gives(tmp_path: Path) -> None:
    settings, state = fleet_settings(), tmp_path / "fleet"
    fill_fleet(settings, state, HOMES, DAYS)
    report = backfilled(settings, state)
    assert (report.homes, report.home_days, report.usable_days, report.left_out) == (4, 12, 12, ())
    homes, lake, name = open_homes(settings, state), fleet_lake(fleet_of(settings), state), "home-2"
    context = alone(Settings(sites={name: homes[name]}), tmp_path / "alone", name)
    run_backfill(context, FIRST, LAST, select=ASSETS)
    for table in MADE:
        theirs = lake.read(table, lake.bucket(name), FIRST, LAST, sites=[name])
        assert theirs.equals(context.lake.read(table, name, FIRST, LAST)), table.name
        assert theirs.height > 0 or table is PRICE_REPAIRS
