"""The cross-check of two sources: where they differ by more than rounding and rates of exchange explain."""

import polars as pl

ROUNDING = 2e-4
"""Difference that rounding to hundredths per MWh makes, of kroner too [money/kWh]."""
RATES = 0.02
"""Difference that two rates of exchange make [share of the price]."""


def difference(first: pl.DataFrame, second: pl.DataFrame, currency: str) -> str:
    """Return in words where two sources differ; empty where they agree.

    Hours are compared where one of them has hours only.

    Args:
        first: `[slot_start, price, native_minutes]` of the source that is kept.
        second: the same of the other one.
        currency: of the prices.
    """
    every = f"{int(max(_minutes(first), _minutes(second)))}m"
    both = _means(first, every).join(_means(second, every), on="slot_start", suffix="_other")
    gap = (pl.col("price") - pl.col("price_other")).abs()
    level = pl.max_horizontal(pl.col("price").abs(), pl.col("price_other").abs())
    allowed = ROUNDING + RATES * level
    apart = both.with_columns(gap.alias("gap")).filter(pl.col("gap") > allowed).sort("gap", descending=True)
    if apart.is_empty():
        return ""
    at, price, other, *_ = apart.row(0)
    number = f"{apart.height} of {both.height} prices"
    return f"{number} differ, most at {at:%Y-%m-%d %H:%MZ}: {price:.4f} and {other:.4f} {currency}/kWh"


def _minutes(frame: pl.DataFrame) -> float:
    longest = frame["native_minutes"].max()
    return float(longest) if isinstance(longest, int | float) else 15.0


def _means(frame: pl.DataFrame, every: str) -> pl.DataFrame:
    start = pl.col("slot_start").dt.truncate(every)
    return frame.group_by(start).agg(pl.col("price").mean()).sort("slot_start")
