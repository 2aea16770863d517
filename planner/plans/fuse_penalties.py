"""Tells money from the penalty that keeps a plan within the fuse.

The optimiser and the value function count a kWh above the fuse at a thousand times the highest price and more, so that
it is the last way out. Where an excess looms, that penalty is part of what stored energy is worth to them. It is
nobody's money and never shown. A stored kWh saves at most the highest price ahead, or what it is valued at at the end,
and what a demand charge takes per kWh; a value above that holds a penalty.
"""

import math

import numpy as np

from env.inverter import Energy
from env.time_grid import SLOT_HOURS
from planner.plans.task import PlanTask

_SLACK = 1.5
"""A policy's values are of scenarios and a grid, and may be a little above what a kWh can save."""


def most_saved(task: PlanTask) -> float:
    """Return the most that one stored kWh can save [money/kWh]; infinite without a fuse, or with tiers of power."""
    if task.site.limits.import_kw is None:
        return math.inf
    charges = task.site.tariff.charges_of(task.days[0])
    if any(charge.tiers for charge in charges):
        return math.inf
    prices = np.concatenate([task.arrays[0], task.arrays[1], _end_values(task), [0.0]])
    return _SLACK * (float(prices.max()) + sum(charge.price_per_kw for charge in charges) / SLOT_HOURS)


def without_penalties(values: Energy, most: float | Energy) -> Energy:
    """Return values in money; NaN where one holds a penalty, or is not known."""
    return np.where(values <= most, values, np.nan)


def _end_values(task: PlanTask) -> Energy:
    """Return what a kWh may be valued at at the end [money/kWh]."""
    return np.array([task.end.value]) if task.end.curve is None else task.end.curve.slopes
