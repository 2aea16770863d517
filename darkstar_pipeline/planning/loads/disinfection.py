"""When a water heater runs against legionella: now, or on a later day before its deadline that will be cheaper."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from env.inverter import Energy
from env.time_grid import SLOT, SLOT_HOURS, local_day
from planner.optimizer.deferrable_loads import HeatRun


def due_run(run: HeatRun, ahead: pl.DataFrame, past: pl.DataFrame, timezone: str) -> HeatRun | None:
    """Return the run where it belongs into the horizon: it has to be, or a later day is not expected to be cheaper.

    The days to come are taken to be drawn from those that were: of `n` of them the cheapest is expected at the mean of
    the least of `n` draws.

    Args:
        run: with its deadline.
        ahead: `slot_start, import_price` of the horizon, in order.
        past: the same of the days before, in order.
        timezone: whose local days they are.
    """
    end: datetime = ahead["slot_start"][-1] + SLOT
    length = max(int(np.ceil(round(run.hours / SLOT_HOURS, 6))), 1)
    within = replace(run, latest=min(run.latest, end))
    if run.latest < end + length * SLOT:
        return _kept_late(within, length, ahead["slot_start"][0], end)
    usable = ahead.filter(pl.col("slot_start") >= run.earliest)
    now = _cheapest(usable["import_price"].to_numpy(), length)
    days = past.with_columns(local_day(timezone)).partition_by("local_day", maintain_order=True)
    each = np.array([_cheapest(day["import_price"].to_numpy(), length) for day in days])
    n_days = (run.latest - end) / timedelta(days=1)
    return within if now <= _least_of(each[np.isfinite(each)], n_days) else None


def _kept_late(run: HeatRun, length: int, start: datetime, end: datetime) -> HeatRun:
    """Return a run that has to be in the horizon; one whose deadline leaves no room for it runs as early as it can."""
    first = max(run.earliest, start)
    return replace(run, latest=min(max(run.latest, first + length * SLOT + SLOT), end))


def _cheapest(prices: Energy, length: int) -> float:
    """Return the mean price of the cheapest run [money/kWh]; infinity where there is no room for one."""
    if len(prices) < length:
        return float("inf")
    return float(np.convolve(prices, np.ones(length) / length, mode="valid").min())


def _least_of(values: Energy, n_draws: float) -> float:
    """Return the expected least of so many draws from values; minus infinity where there are none to draw from."""
    if not len(values):
        return float("-inf")
    ordered = np.sort(values)
    above = (1 - np.arange(len(ordered) + 1) / len(ordered)) ** max(n_draws, 1.0)
    return float(ordered @ (above[:-1] - above[1:]))
