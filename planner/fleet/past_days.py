"""Forecasts and scenarios of many homes at once, from their readings of the days before by the wall clock.

The same as `planner.forecasts.naive` and `planner.value.scenario_source` make of one home: arrays take the place of
tables, since thousands of homes share the slots of one calendar.
"""

from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import polars as pl

from env.inverter import Energy
from env.types import Index

MOST_ALIKE = 2  # a clock that is set back shows an hour twice


def readings_by_clock(readings: Energy, past: pl.DataFrame, wanted: pl.DataFrame, day: date, n_days: int) -> Energy:
    """Return what was read at the clock of slots on each of the days before a day.

    Args:
        readings: `(n_homes, n_past)`, NaN where there is none.
        past: `local_day, local_clock` of these, in order of time.
        wanted: `local_clock` of the slots that are asked for.
        day: the day before which the days lie.
        n_days: number of days, the last one first.

    Returns:
        `(n_homes, n_days, n_slots)`: the mean where the clock showed a time twice, NaN where nothing was read.
    """
    padded = np.concatenate([readings, np.full((len(readings), 1), np.nan)], axis=1)
    parts = padded[:, _places(past, wanted, day, n_days)]
    known = np.isfinite(parts)
    total, count = np.where(known, parts, 0.0).sum(axis=3), known.sum(axis=3)
    with np.errstate(invalid="ignore"):
        return total / count  # nothing read of nothing is NaN


def _places(past: pl.DataFrame, wanted: pl.DataFrame, day: date, n_days: int) -> Index:
    """Return the places of the readings of each day and slot `(n_days, n_slots, 2)`; behind the last: none."""
    found: dict[tuple[date, int], list[int]] = defaultdict(list)
    for place, key in enumerate(past.select("local_day", "local_clock").iter_rows()):
        found[key].append(place)
    clocks = wanted["local_clock"].to_list()
    places = np.full((n_days, len(clocks), MOST_ALIKE), past.height, dtype=np.intp)
    for back in range(n_days):
        before = day - timedelta(days=back + 1)
        for slot, clock in enumerate(clocks):
            own = found.get((before, clock), [])
            places[back, slot, : len(own)] = own
    return places


def mean_forecast(by_clock: Energy, n_days: int) -> Energy:
    """Return the forecast as the mean of the last days `(n_homes, n_slots)`; NaN where nothing was ever read.

    Args:
        by_clock: `readings_by_clock`, the slots in order of time.
        n_days: days averaged; a time of day that none of them read is taken from the last day before that did.
    """
    averaged = by_clock[:, :n_days]
    known = np.isfinite(averaged)
    total, count = np.where(known, averaged, 0.0).sum(axis=1), known.sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean: Energy = total / count  # nothing read of nothing is NaN
    for back in range(n_days, by_clock.shape[1]):
        mean = np.where(np.isfinite(mean), mean, by_clock[:, back])
    return _neighbours(_neighbours(mean)[:, ::-1])[:, ::-1]


def _neighbours(values: Energy) -> Energy:
    """Fill each gap with the last value before it."""
    places: Index = np.arange(values.shape[1], dtype=np.intp)
    last = np.maximum.accumulate(np.where(np.isfinite(values), places, 0), axis=1)
    return np.take_along_axis(values, last, axis=1)
