from datetime import date
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.antares_slots import get_antares_slots
from darkstar_pipeline.quality.day_quality import grade_days
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    METER_STATISTICS,
    RAW_SPOT_PRICES,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
)
from env.time_grid import grid
from planner.errors import DatasetVersionError
from planner.training.antares_slots import SLOT_COLUMNS
from tests.builders.small_home import DAYS, FIRST, LAST, SHORT_DAY, ZONE, small_context

AUTUMN = date(2025, 10, 26)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A fortnight observed, priced and graded, one day of it masked; nothing forecast or replayed."""
    made = small_context(tmp_path)
    lake, name = made.lake, made.site_name
    raw = lake.read(RAW_SPOT_PRICES, name, FIRST, LAST)
    prices = raw.with_columns(raw_price="price", repaired=pl.lit(value=False)).select(SPOT_PRICES.schema.names())
    readings = lake.read(METER_READINGS, name, FIRST, LAST).drop("native_minutes", "source", "imported_at", "local_day")
    observations = grid(FIRST, LAST, ZONE).join(readings, on="slot_start", how="left").with_columns(site=pl.lit(name))
    observations = observations.select(SLOT_OBSERVATIONS.schema.names())
    grades = grade_days(
        observations,
        prices,
        lake.read(METER_STATISTICS, name).select("hour_start", "quantity", "energy_kwh"),
        FIRST,
        LAST,
        ZONE,
        battery=made.site.battery,
        has_pv=True,
    ).with_columns(site=pl.lit(name))
    grades = grades.with_columns(
        status=pl.when(pl.col("day") == AUTUMN).then(pl.lit("mask_battery")).otherwise("status")
    ).select(DATA_QUALITY_DAILY.schema.names())
    for table, rows in ((SPOT_PRICES, prices), (SLOT_OBSERVATIONS, observations), (DATA_QUALITY_DAILY, grades)):
        lake.write_days(table, name, DAYS, rows)
    return made


def test_slots_of_graded_days_are_read_when_nothing_else_is_materialised(context: Context) -> None:
    slots = get_antares_slots(context)
    assert slots.columns == ["site", *SLOT_COLUMNS]
    counts = dict(slots.group_by("local_day").len().iter_rows())
    assert counts == {day: 100 if day == AUTUMN else 96 for day in DAYS if day != SHORT_DAY}
    assert slots.filter("battery_masked")["local_day"].unique().to_list() == [AUTUMN]
    assert slots["load_forecast_kwh"].null_count() == slots["soc_kwh"].null_count() == slots.height


def test_slots_are_those_of_the_days_asked_for(context: Context) -> None:
    slots = get_antares_slots(context, AUTUMN, AUTUMN, dataset_version="v1")
    assert slots.height == 100
    assert slots["site"].unique().to_list() == ["home"]


def test_nothing_is_found_when_nothing_is_materialised(tmp_path: Path) -> None:
    assert get_antares_slots(small_context(tmp_path, filled=False)).is_empty()


def test_version_is_refused_when_it_does_not_exist(context: Context) -> None:
    with pytest.raises(DatasetVersionError, match="'v7' is not known"):
        get_antares_slots(context, dataset_version="v7")
