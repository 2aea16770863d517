"""Whole days of a market in what a source gave: days with a gap, a doubt or another day's prices are not taken."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.fetching.prices.question import Question
from env.time_grid import local_day, slot_count

_MARKET_DAY = "_market_day"
_LEAST_DIFFERENT = 6
"""A day with fewer different prices may be like the day before."""
_ALIKE = 1e-5
"""Difference of prices that rounding makes [money/kWh]."""
_SAME_MONEY = 0.03
"""Largest change of a rate of exchange from one day to the next [share]."""


@dataclass(frozen=True, kw_only=True)
class WholeDays:
    """Days of a market in an answer.

    Attributes:
        rows: `[slot_start, price, native_minutes]` of the whole days that were asked for.
        days: these days.
        refused: the other days that were asked for, each with the reason.
    """

    rows: pl.DataFrame
    days: tuple[date, ...]
    refused: dict[date, str]


def whole_days(rows: pl.DataFrame, question: Question, before: pl.DataFrame) -> WholeDays:
    """Return the whole days in accepted rows of prices.

    Args:
        rows: accepted rows `[slot_start, price, native_minutes]`, one a slot; a refused row is missing here.
        question: the days that were asked for.
        before: known prices `[slot_start, price]` of the day before the first one.
    """
    asked = [question.first + timedelta(days=n) for n in range((question.last - question.first).days + 1)]
    dated = rows.with_columns(local_day(question.zone).alias(_MARKET_DAY)).filter(pl.col(_MARKET_DAY).is_in(asked))
    counts = dict(dated.group_by(_MARKET_DAY).len().iter_rows())
    by_day = {day: frame for (day,), frame in dated.partition_by(_MARKET_DAY, as_dict=True).items()}
    known = _prices(before.with_columns(local_day(question.zone).alias(_MARKET_DAY)), question.first)
    refused: dict[date, str] = {}
    for day in asked:
        total, have = slot_count(day, question.zone), counts.get(day, 0)
        prices = by_day[day]["price"].to_list() if day in by_day else []
        yesterday = known if day == question.first else _of(by_day, day - timedelta(days=1))
        if have < total:
            refused[day] = f"{day} has {have} of {total} quarter-hours"
        elif _repeats(prices, yesterday):
            refused[day] = f"{day} has the prices of {day - timedelta(days=1)} again"
    good = tuple(day for day in asked if day not in refused)
    kept = dated.filter(pl.col(_MARKET_DAY).is_in(good)).drop(_MARKET_DAY)
    return WholeDays(rows=kept, days=good, refused=refused)


def flat_days(rows: pl.DataFrame, zone: str) -> dict[date, float]:
    """Return the days all of whose prices are one that is not zero, with that price; no true day of SE1-SE4 is so."""
    days = rows.group_by(local_day(zone).alias(_MARKET_DAY)).agg(
        pl.col("price").min(), pl.col("price").max().alias("_to")
    )
    flat = days.filter((pl.col("price") == pl.col("_to")) & (pl.col("price") != 0)).sort(_MARKET_DAY)
    return dict(flat.select(_MARKET_DAY, "price").iter_rows())


def _of(by_day: "dict[object, pl.DataFrame]", day: date) -> list[float]:
    return by_day[day]["price"].to_list() if day in by_day else []


def _prices(frame: pl.DataFrame, first: date) -> list[float]:
    """Return the prices of the day before, in order."""
    return frame.filter(pl.col(_MARKET_DAY) == first - timedelta(days=1)).sort("slot_start")["price"].to_list()


def _repeats(prices: list[float], before: list[float]) -> bool:
    """Return whether a day has the prices of the day before, or these at another rate of exchange."""
    if len(prices) != len(before) or len(set(prices)) < _LEAST_DIFFERENT:
        return False
    norm = sum(price * price for price in before)
    ratio = sum(new * old for new, old in zip(prices, before, strict=True)) / norm if norm else 0.0
    if abs(ratio - 1.0) > _SAME_MONEY:
        return False
    return all(abs(new - ratio * old) <= _ALIKE for new, old in zip(prices, before, strict=True))
