"""The readings that forecasts and scenarios of a day may use: usable readings of the days before it.

Read from what was imported, not from `slot_observations`, so that a day's forecasts are the same however a backfill was
cut into ranges.
"""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.quality.day_quality import grade_homes
from darkstar_pipeline.quality.graded_homes import GradedHome
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS, SLOT_OBSERVATIONS
from darkstar_pipeline.warehouse.tables import Tables
from env.home_rows import HOME
from env.site import Site
from env.time_grid import grid
from planner.replay.usable_slots import USABLE


def past_readings(
    lake: Tables, site: Site, first: date, last: date, *, lookback_days: int, has_pv: bool
) -> pl.DataFrame:
    """Return the readings that forecasts of the days `first` to `last` may use.

    Args:
        lake: the tables that are read.
        site: the home.
        first: first local day of the forecasts.
        last: last local day of the forecasts.
        lookback_days: number of days before `first` that are read.
        has_pv: whether the home has panels; without, a missing PV reading is not a fault.

    Returns:
        `slot_start, load_kwh, pv_kwh` of usable days from `first - lookback_days` to `last`.
    """
    start, name = first - timedelta(days=lookback_days), site.name
    readings, statistics = (lake.read(table, name, start, last) for table in (METER_READINGS, METER_STATISTICS))
    home = {name: GradedHome(site.battery, has_pv)}
    return usable_readings(readings, statistics, start, last, site.timezone, homes=home).drop(HOME)


def usable_readings(
    readings: pl.DataFrame,
    statistics: pl.DataFrame,
    first: date,
    last: date,
    timezone: str,
    *,
    homes: Mapping[str, GradedHome],
) -> pl.DataFrame:
    """Return the readings of the usable days of homes of one time zone.

    Days are graded on their readings alone: a price that is missing or wrong is no reason to distrust a load.

    Args:
        readings: rows of `meter_readings`.
        statistics: rows of `meter_statistics`.
        first: first local day.
        last: last local day.
        timezone: IANA zone of the local days.
        homes: the homes by name.

    Returns:
        `site, slot_start, load_kwh, pv_kwh` of the whole grid of each usable day, by home and time.
    """
    grades = grade_homes(readings.select(_MEASURED), None, statistics, first, last, timezone, homes=homes)
    usable = grades.filter(pl.col("status").is_in(USABLE)).select(HOME, pl.col("day").alias("local_day"))
    slots = usable.join(grid(first, last, timezone), on="local_day", how="left", maintain_order="left_right")
    read = readings.select(HOME, "slot_start", "load_kwh", "pv_kwh")
    return slots.join(read, on=[HOME, "slot_start"], how="left", maintain_order="left").select(read.columns)


_MEASURED = [column for column in SLOT_OBSERVATIONS.schema.names() if column != "local_day"]
