"""The small home with its fortnight observed, priced and graded; nothing forecast or replayed."""

from datetime import date
from pathlib import Path

import polars as pl

from darkstar_pipeline.context import Context
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
from tests.builders.small_home import DAYS, FIRST, LAST, ZONE, small_context

AUTUMN = date(2025, 10, 26)


def graded_context(folder: Path) -> Context:
    """The home with its state in a folder; one day, `AUTUMN`, is graded `mask_battery`."""
    context = small_context(folder)
    lake, name = context.lake, context.site_name
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
        battery=context.site.battery,
        has_pv=True,
    ).with_columns(site=pl.lit(name))
    grades = grades.with_columns(
        status=pl.when(pl.col("day") == AUTUMN).then(pl.lit("mask_battery")).otherwise("status")
    ).select(DATA_QUALITY_DAILY.schema.names())
    for table, rows in ((SPOT_PRICES, prices), (SLOT_OBSERVATIONS, observations), (DATA_QUALITY_DAILY, grades)):
        lake.write_days(table, name, DAYS, rows)
    return context
