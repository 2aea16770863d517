"""Announcements: flags as they were known in time, over the clock change in autumn, and what vacation asks."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.household.heater import WaterHeaterSettings
from darkstar_pipeline.config.household.strategy import StrategySettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.announcements import announcements, flagged, with_vacation
from darkstar_pipeline.models.learned_values import LearnedHistory
from darkstar_pipeline.warehouse.schemas import RAW_WEATHER
from env.time_grid import SLOT_DTYPE, day_start, grid
from planner.tuning.evidence import Evidence
from tests.builders.small_home import ZONE, as_imported, small_context

DAY = date(2025, 10, 26)
SLOTS = grid(DAY, DAY, ZONE)
NOON = datetime(2025, 10, 26, 11, tzinfo=UTC)


@pytest.fixture
def away(tmp_path: Path) -> Context:
    """Nobody at home from noon on, said the day before; a warning said for the whole day, but only at noon."""
    context = small_context(tmp_path, filled=False)
    early, late = pl.lit(NOON - timedelta(days=1)), pl.lit(NOON)
    noon = pl.col("slot_start") >= NOON
    said = pl.concat(
        [
            SLOTS.with_columns(known_at=early.cast(SLOT_DTYPE), vacation=noon.cast(pl.Float64), alarm=pl.lit(0.0)),
            SLOTS.with_columns(known_at=late.cast(SLOT_DTYPE), vacation=noon.cast(pl.Float64), alarm=pl.lit(1.0)),
        ]
    )
    context.lake.write_days(RAW_WEATHER, context.site_name, [DAY], as_imported(RAW_WEATHER, said, context.site_name))
    heater = WaterHeaterSettings(power_kw=3.0, energy_kwh_per_day=8.0, vacation_kwh_per_day=1.0)
    own = context.site_settings
    strategy = own.household.model_copy(update={"strategy": StrategySettings(adjustments=("vacation_water",))})
    devices = own.devices.model_copy(update={"water_heater": heater})
    return replace(context, site_settings=own.model_copy(update={"household": strategy, "devices": devices}))


def test_a_flag_counts_in_the_slots_that_it_was_said_in_time_for(away: Context) -> None:
    assert SLOTS.height == 100
    assert flagged(away, SLOTS, "vacation").sum() == flagged(away, SLOTS, "alarm").sum() == 48
    assert flagged(away, SLOTS.clear(), "vacation").size == 0
    made = announcements(away, SLOTS, vacation=True)
    assert made.vacation is not None
    assert made.vacation.all()


def test_hot_water_is_at_its_minimum_while_nobody_is_at_home_where_that_is_allowed(away: Context) -> None:
    asked = with_vacation(away, None, NOON + timedelta(minutes=7))
    assert asked is not None
    assert asked.heater.vacation
    assert with_vacation(away, None, NOON - timedelta(minutes=7)) is None
    household = away.site_settings.household.model_copy(update={"strategy": StrategySettings()})
    off = replace(away, site_settings=away.site_settings.model_copy(update={"household": household}))
    assert with_vacation(off, None, NOON) is None


def test_each_day_has_what_was_learned_by_then(away: Context) -> None:
    history = LearnedHistory(away.lake, away.site)
    history.learn(
        {"load_day": Evidence(name="load_day", target=1.2, samples=20, cause="more came")}, day_start(DAY, ZONE)
    )
    slots = grid(DAY - timedelta(days=1), DAY, ZONE)
    learned = announcements(away, slots).learned
    assert [learned[day]["load_day"] for day in (DAY - timedelta(days=1), DAY)] == [1.0, 1.01]
