"""Rows of `slot_observations` and `data_quality_daily`."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import home_has_pv
from darkstar_pipeline.quality.day_quality import grade_days
from darkstar_pipeline.warehouse.schemas import SLOT_OBSERVATIONS
from env.time_grid import grid


def observation_rows(context: Context, readings: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Rows of `slot_observations` for a range of local days."""
    return homes_observations([context.site_name], readings, first, last, context.timezone)


def homes_observations(
    names: Sequence[str], readings: pl.DataFrame, first: date, last: date, timezone: str
) -> pl.DataFrame:
    """Rows of `slot_observations` of homes of one time zone: the whole grid of each of them."""
    columns = SLOT_OBSERVATIONS.schema.names()
    slots = pl.DataFrame({"site": names}).join(grid(first, last, timezone), how="cross", maintain_order="left_right")
    read = readings.select(name for name in columns if name != "local_day")
    return slots.join(read, on=["site", "slot_start"], how="left", maintain_order="left").select(columns)


def grade_rows(  # noqa: PLR0913 - keyword-only, the tables that a grade rests on
    context: Context,
    first: date,
    last: date,
    *,
    observations: pl.DataFrame,
    prices: pl.DataFrame,
    statistics: pl.DataFrame,
    repairs: pl.DataFrame,
    remarks: pl.DataFrame,
) -> pl.DataFrame:
    """Rows of `data_quality_daily` for a range of local days."""
    grades = grade_days(
        observations.drop("site"),
        prices.drop("site", "area"),
        statistics.select("hour_start", "quantity", "energy_kwh"),
        first,
        last,
        context.timezone,
        battery=context.site.battery,
        has_pv=home_has_pv(context.lake, context.site_name, context.site_settings.has_pv),
        repairs=repairs,
        remarks=remarks,
    )
    return grades.with_columns(pl.lit(context.site_name).alias("site"))
