"""Publications of prices that were cut off: whole days are published, each of them a day of the market.

A market's day is not the local day: the European day-ahead markets clear days of Central European Time, so one
publication ends an hour into a Finnish day and an hour before the end of an Irish one.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.config.countries import market_timezone
from darkstar_pipeline.sources.parsed import REASON, ROW
from darkstar_pipeline.sources.resampling import repeat_prices
from darkstar_pipeline.sources.resolution import NATIVE
from env.time_grid import SLOT_MINUTES, local_day, slot_count
from planner.wording.columns import worded

_LONGEST_DAY = 100
PARTIAL_SHARE = 0.5
"""A day with a smaller share of its prices is a publication that was cut off, not a day with a gap."""

KnownSlots = Callable[[Sequence[date]], pl.DataFrame]
"""Called with local days; returns their spot prices that are already known: `[slot_start, price]`."""


def refuse_partial_days(frame: pl.DataFrame, timezone: str, known: KnownSlots | None = None) -> pl.DataFrame:
    """Refuse the rows of days that have less than half of their prices, unless their day of the market has more.

    Args:
        frame: rows with `slot_start`, `native_minutes`, `_row` and `_reason`.
        timezone: of the local days.
        known: gives the slots whose price is already known.
    """
    good = frame.filter(pl.col(REASON).is_null()).with_columns(local_day(timezone))
    if good.is_empty():
        return frame
    slots = repeat_prices(good).select("slot_start")
    partial = _partial_days(slots, timezone)
    if known is not None and partial.height:
        days = {day + timedelta(days=step) for day in partial["local_day"].to_list() for step in (-1, 0, 1)}
        slots = pl.concat([slots, known(sorted(days)).select(slots.columns)]).unique()
        partial = _partial_days(slots, timezone)
    per_row = pl.col(NATIVE) // SLOT_MINUTES
    reason = worded("day {} has {} of {} prices", "local_day", pl.col("have") // per_row, pl.col("total") // per_row)
    cut = _of_partial_market_days(good.join(partial, on="local_day"), slots, timezone)
    reasons = cut.select(ROW, reason.alias("_partial"))
    joined = frame.join(reasons, on=ROW, how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(REASON, "_partial").alias(REASON)).drop("_partial")


def _of_partial_market_days(rows: pl.DataFrame, slots: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Return the rows whose day of the market has less than half of its prices too."""
    market = market_timezone(timezone)
    if market == timezone or rows.is_empty():
        return rows
    few = _partial_days(slots, market)["local_day"].implode()
    return rows.filter(local_day(market).is_in(few))


def _partial_days(slots: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Return the days with less than half of their slots: `[local_day, have, total]`."""
    counts = slots.with_columns(local_day(timezone)).group_by("local_day").len("have")
    few = counts.filter(pl.col("have") < PARTIAL_SHARE * _LONGEST_DAY)
    totals = pl.Series([slot_count(day, timezone) for day in few["local_day"].to_list()], dtype=pl.Int64)
    return few.with_columns(totals.alias("total")).filter(pl.col("have") < PARTIAL_SHARE * pl.col("total"))
