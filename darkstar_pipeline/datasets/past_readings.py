"""The readings that forecasts and scenarios of a day may use: usable readings of the days before it.

Read from what was imported, not from `slot_observations`, so that a day's forecasts are the same however a backfill was
cut into ranges.
"""

from datetime import date, timedelta
from functools import lru_cache

import polars as pl

from darkstar_pipeline.quality.day_quality import grade_days
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS, SLOT_OBSERVATIONS, SPOT_PRICES
from darkstar_pipeline.warehouse.tables import Tables
from env.site import Site
from env.time_grid import grid
from planner.replay.usable_slots import USABLE


def past_readings(
    lake: Tables, site: Site, first: date, last: date, *, lookback_days: int, has_pv: bool
) -> pl.DataFrame:
    """Return the readings that forecasts of the days `first` to `last` may use.

    Days are graded on their readings alone: a price that is missing or wrong is no reason to distrust a load.

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
    measured = [column for column in SLOT_OBSERVATIONS.schema.names() if column not in ("site", "local_day")]
    readings = lake.read(METER_READINGS, name, start, last).select(measured)
    observations = grid(start, last, site.timezone).join(readings, on="slot_start", how="left", maintain_order="left")
    grades = grade_days(
        observations,
        _unremarkable_prices(start, last, site.timezone),
        lake.read(METER_STATISTICS, name, start, last).select("hour_start", "quantity", "energy_kwh"),
        start,
        last,
        site.timezone,
        battery=site.battery,
        has_pv=has_pv,
    )
    usable = grades.filter(pl.col("status").is_in(USABLE)).select(pl.col("day").alias("local_day"))
    return observations.join(usable, on="local_day", how="semi").select("slot_start", "load_kwh", "pv_kwh")


@lru_cache(maxsize=8)
def _unremarkable_prices(first: date, last: date, timezone: str) -> pl.DataFrame:
    """A price for every slot that no grade objects to."""
    names = [name for name in SPOT_PRICES.schema.names() if name not in ("site", "area")]
    prices = grid(first, last, timezone).with_columns(
        price=pl.lit(1.0), raw_price=pl.lit(1.0), repaired=pl.lit(value=False), native_minutes=pl.lit(15, pl.Int32)
    )
    return prices.select(names)
