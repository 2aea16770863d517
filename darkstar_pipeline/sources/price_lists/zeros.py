"""Zeros that are delivered in place of prices: over prices that are known, or for a whole day that is still ahead.

A recorder or a sensor that lost its source shows 0. Single zeros and true ones are not judged here: `quality.zero_runs`
looks at what the lake holds, with the prices beside them.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from darkstar_pipeline.quality.price_repair import near_zero
from darkstar_pipeline.quality.zero_runs import NEAR_ZERO_SHARE
from darkstar_pipeline.sources.parsed import REASON, ROW
from darkstar_pipeline.sources.price_lists.publication import KnownSlots
from darkstar_pipeline.sources.resampling import repeat_prices
from env.time_grid import SLOT_MINUTES, local_day
from planner.wording.columns import worded

LEAST_RUN = 8
"""Zeros in a row that are not believed over a known price [slots]: two hours."""
_HALF_A_DAY = 46


def refuse_unlikely_zeros(
    frame: pl.DataFrame, timezone: str, currency: str, now: datetime, known: KnownSlots | None = None
) -> pl.DataFrame:
    """Refuse rows of zeros that would replace known prices, and days ahead that are zero throughout.

    Args:
        frame: rows with `slot_start`, `price`, `native_minutes`, `_row` and `_reason`.
        timezone: of the local days.
        currency: of the prices.
        now: the present instant; a day that has begun before today is history, which the gate judges.
        known: gives the prices that are already known.
    """
    good = frame.filter(pl.col(REASON).is_null())
    slots = repeat_prices(good.select("slot_start", "price", "native_minutes")).with_columns(local_day(timezone))
    runs = _runs(slots)
    if runs.is_empty():
        return frame
    over = runs.clear() if known is None else _over_known(runs, known, near_zero(currency))
    today = now.astimezone(ZoneInfo(timezone)).date()
    ahead = _zero_days(slots).filter(pl.col("local_day") >= today)
    reasons = pl.concat(
        [
            over.select("slot_start", worded("price 0 in a run of {} zeros over known prices", "run").alias("_zero")),
            runs.join(ahead, on="local_day").select(
                "slot_start", worded("price 0 like all {} prices of {}", "zeros", "local_day").alias("_zero")
            ),
        ]
    ).unique("slot_start", keep="first")
    cut = frame.with_columns(pl.int_ranges(0, pl.col("native_minutes"), SLOT_MINUTES).alias("_at")).explode("_at")
    slot = (pl.col("slot_start") + pl.duration(minutes="_at")).alias("slot_start")
    rows = cut.select(ROW, slot).join(reasons, on="slot_start").group_by(ROW).agg(pl.col("_zero").first())
    joined = frame.join(rows, on=ROW, how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(REASON, "_zero").alias(REASON)).drop("_zero")


def _runs(slots: pl.DataFrame) -> pl.DataFrame:
    """Return the zeros of long runs, with the `run` that each is in, and its length [slots]."""
    ordered = slots.sort("slot_start").with_columns(
        _breaks=(pl.col("price") != 0) | (pl.col("slot_start").diff() != pl.duration(minutes=SLOT_MINUTES))
    )
    number = pl.col("_breaks").fill_null(value=False).cum_sum()
    zeros = ordered.with_columns(number.alias("_run")).filter(pl.col("price") == 0)
    return zeros.with_columns(pl.len().over("_run").alias("run")).filter(pl.col("run") >= LEAST_RUN)


def _over_known(runs: pl.DataFrame, known: KnownSlots, near: float | None) -> pl.DataFrame:
    """Return the runs none of whose known prices is near zero; they may have become it."""
    before = known(runs["local_day"].unique().sort().to_list()).rename({"price": "_known"})
    usual = pl.col("_known").abs().median().over("local_day")
    bound = usual * NEAR_ZERO_SHARE if near is None else pl.lit(near)
    joined = runs.join(before, on="slot_start", how="left", maintain_order="left")
    least = pl.col("_known").abs().min().over("_run")
    return joined.filter(least > bound).select(runs.columns)


def _zero_days(slots: pl.DataFrame) -> pl.DataFrame:
    """Return the days of which half or more is delivered, and all of that zero: `[local_day, zeros]`."""
    days = slots.group_by("local_day").agg(pl.len().alias("zeros"), (pl.col("price") == 0).all().alias("_all"))
    return days.filter(pl.col("_all") & (pl.col("zeros") >= _HALF_A_DAY)).drop("_all")
