"""The cross-check of two sources: where they differ by more than rounding and rates of exchange explain, and how."""

from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np
import polars as pl

from darkstar_pipeline.config.countries import MARKET_ZONE
from env.time_grid import local_day
from env.types import Energy as Numbers

ROUNDING = 2e-4
"""Difference that rounding to hundredths per MWh makes, of kroner too [money/kWh]."""
RATES = 0.02
"""Difference of a price that two rates of exchange make [share of the price]."""
_DAYS_RATE = 0.04
"""The same of all prices of a day by one factor, as after a week of moving rates [share of the price]."""
_LIKE = 0.003
"""Most that is left of a price once that factor is taken out [share of the price]."""
_STEPS = (2, 3)
"""Decimals that a sensor may round prices per kWh to."""
_TAX = 1.35
"""Factors up to this are those of taxes: the smaller prices are those before it."""
_LEFT = 0.02
"""Most that is left beside a factor and an addition [share of the prices' size]."""
_LEAST_FEE = 0.05
"""Least addition that is one [share of the prices' mean size]."""
_Wrong = Literal["first", "second", "either", "unknown"]


def difference(first: pl.DataFrame, second: pl.DataFrame, currency: str) -> str:
    """Return in words where two sources differ; empty where they agree.

    Hours are compared where one of them has hours only.

    Args:
        first: `[slot_start, price, native_minutes]` of the source that is kept.
        second: the same of the other one.
        currency: of the prices.
    """
    both = _side_by_side(first, second)
    price, other = pl.col("price"), pl.col("price_other")
    rounding = ROUNDING + _half_step(first) + _half_step(second)
    level = pl.max_horizontal(price.abs(), other.abs())
    of_day = (price * other).sum().over("local_day") / (other * other).sum().over("local_day")
    factor = of_day.fill_nan(1.0).clip(1 - _DAYS_RATE, 1 + _DAYS_RATE)
    apart = (
        both.with_columns((price - other).abs().alias("gap"), (price - factor * other).abs().alias("left"))
        .filter((pl.col("gap") > rounding + RATES * level) & (pl.col("left") > rounding + _LIKE * level))
        .sort("gap", descending=True)
    )
    if apart.is_empty():
        return ""
    at, one, another = apart.select("slot_start", "price", "price_other").row(0)
    number = f"{apart.height} of {both.height} prices"
    return f"{number} differ, most at {at:%Y-%m-%d %H:%MZ}: {one:.4f} and {another:.4f} {currency}/kWh"


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """A disagreement of two sources.

    Attributes:
        words: where they differ most.
        wrong: whose prices cannot be a market's before tax; `either`: one of the two is in another unit; `unknown`:
            they differ otherwise.
        how: how the first one's are to the second one's, in words; empty where it is not known.
    """

    words: str
    wrong: _Wrong = "unknown"
    how: str = ""


def disagreement(first: pl.DataFrame, second: pl.DataFrame, currency: str) -> Disagreement | None:
    """Return how two sources disagree; None where they agree.

    Args:
        first: `[slot_start, price, native_minutes]` of the source that is asked first.
        second: the same of the other one.
        currency: of the prices.
    """
    words = difference(first, second, currency)
    if not words:
        return None
    both = _side_by_side(first, second)
    one, other = both["price"].to_numpy(), both["price_other"].to_numpy()
    flat = [bool(np.ptp(prices) == 0 and prices[0] != 0) for prices in (one, other)]
    if flat[0] != flat[1]:
        constant = float(one[0] if flat[0] else other[0])
        how = f"the {'first' if flat[0] else 'second'} one's are all {constant:.4f} {currency}/kWh"
        return Disagreement(words=words, wrong="first" if flat[0] else "second", how=how)
    found = _scale(one, other)
    return Disagreement(words=words) if found is None else _by_scale(words, *found, currency)


def _scale(one: Numbers, other: Numbers) -> tuple[float, float] | None:
    """Return factor and addition that make the first of the second; None where there are no such."""
    if np.ptp(other) == 0 or np.ptp(one) == 0:
        return (float(one[0] / other[0]), 0.0) if np.ptp(one) == np.ptp(other) == 0 and other[0] != 0 else None
    size = float(np.sum(other * other))
    factor = float(np.sum(one * other)) / size
    if factor > 0 and np.max(np.abs(one - factor * other)) <= _LEFT * np.max(np.abs(one)):
        return factor, 0.0
    factor, addition = (float(number) for number in np.polyfit(other, one, 1))
    left = np.max(np.abs(one - factor * other - addition))
    if not (factor > 0 and left <= _LEFT * np.ptp(one)):
        return None
    return factor, addition if abs(addition) > _LEAST_FEE * float(np.mean(np.abs(other))) else 0.0


def _by_scale(words: str, factor: float, addition: float, currency: str) -> Disagreement:
    """Return the disagreement of two that are the same but for a factor and an addition."""
    how = f"the first one's are {factor:.4g} times the second one's, slot by slot"
    if addition:
        how = f"the first one's are {factor:.4g} times the second one's and {addition:+.4f} {currency}/kWh"
    if abs(log(factor)) > log(_TAX):
        return Disagreement(words=words, wrong="either" if not addition else "unknown", how=how)
    up = [sign for sign, is_one in ((factor - 1, abs(log(factor)) > _DAYS_RATE), (addition, addition != 0)) if is_one]
    if not up or min(up) < 0 < max(up):
        return Disagreement(words=words, how=how)
    return Disagreement(words=words, wrong="first" if up[0] > 0 else "second", how=f"{how}, as with tax or fees")


def _side_by_side(first: pl.DataFrame, second: pl.DataFrame) -> pl.DataFrame:
    """Return the prices of slots that both have: `[slot_start, price, price_other, local_day]`."""
    every = f"{int(max(_minutes(first), _minutes(second)))}m"
    both = _means(first, every).join(_means(second, every), on="slot_start", suffix="_other")
    return both.with_columns(local_day(MARKET_ZONE))


def _half_step(frame: pl.DataFrame) -> float:
    """Return half of the step that the prices of a source are rounded to, where that is coarse [money/kWh]."""
    prices: Numbers = frame["price"].to_numpy()
    fits = (decimals for decimals in _STEPS if np.allclose(prices, np.round(prices, decimals), rtol=0, atol=1e-9))
    decimals = next(fits, None)
    return 0.0 if decimals is None else 0.5 * 10.0**-decimals


def _minutes(frame: pl.DataFrame) -> float:
    longest = frame["native_minutes"].max()
    return float(longest) if isinstance(longest, int | float) else 15.0


def _means(frame: pl.DataFrame, every: str) -> pl.DataFrame:
    start = pl.col("slot_start").dt.truncate(every)
    return frame.group_by(start).agg(pl.col("price").mean()).sort("slot_start")
