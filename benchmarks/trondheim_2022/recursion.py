"""The value of stored energy, hour by hour backwards, under a price that rises with the power drawn.

An hour's cost is convex in the import: the energy price, more above a first power, more again above a second. So is
the value function, a broken line over the stored energy, and the best decision follows from its slopes: import up to
where the next kWh costs more than its value in the battery. That is exact for a value function of that kind, for every
stored energy and every load at once, with no search over commands.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.trondheim_2022.home import BATTERY, GRID_KW, Hours

STEP_KWH = 0.5
STORED = np.arange(0.0, BATTERY.max_soc_kwh + STEP_KWH / 2, STEP_KWH)
"""Stored energies that the value function is kept at [kWh]."""

_IN, _OUT = BATTERY.charge_efficiency, BATTERY.discharge_efficiency


@dataclass(frozen=True)
class PowerSteps:
    """Surcharge on the price of a kWh, by the power drawn in the hour.

    Attributes:
        ends: highest power of each step, rising; the last is the limit of the grid [kW].
        extra: surcharge of each step, rising [NOK/kWh].
    """

    ends: tuple[float, ...]
    extra: tuple[float, ...]


def best_stored(cost_to_go: Hours, price: float, load: Hours, stored: Hours, steps: PowerSteps) -> Hours:
    """Return the best stored energy at the hour's end [kWh]; `load` and `stored` are broadcast.

    Step by step of the price, and in each first the part that spares the battery, then the part that charges it: up to
    where the slope of the value function falls below what a stored kWh costs in that part, or the part ends.
    """
    kept = BATTERY.retention_per_hour * stored
    least = kept - np.minimum(np.minimum(load, BATTERY.discharge_kw), _OUT * kept) / _OUT
    most = np.minimum(BATTERY.max_soc_kwh, kept + _IN * np.minimum(BATTERY.charge_kw, GRID_KW - load))
    marginal = np.array(steps.extra) + price
    value = (cost_to_go[:-1] - cost_to_go[1:]) / STEP_KWH
    spared_to = STORED[np.searchsorted(-value, -marginal * _OUT, side="right")]
    charged_to = STORED[np.searchsorted(-value, -marginal / _IN, side="right")]
    best = least
    for end, spare, charge in zip(steps.ends, spared_to, charged_to, strict=True):
        over = end - load
        reached = kept + np.where(over > 0, over * _IN, over / _OUT)
        best = np.maximum(best, np.minimum(spare, np.minimum(reached, kept)))
        best = np.maximum(best, np.minimum(charge, reached))
    return np.minimum(best, np.maximum(most, least))


def imported(load: Hours, stored: Hours, after: Hours) -> Hours:
    """Return the import of an hour that takes the battery from one stored energy to another [kWh]."""
    change = after - BATTERY.retention_per_hour * stored
    return load + np.where(change > 0, change / _IN, change * _OUT)


def hour_before(cost_to_go: Hours, price: float, load: Hours, weights: Hours, steps: PowerSteps) -> Hours:
    """Return the cost-to-go at the start of an hour, at each stored energy, over all its loads `(n_stored,)` [NOK].

    Args:
        cost_to_go: cost-to-go at its end.
        price: price of an imported kWh [NOK/kWh].
        load: cases of the load `(n_cases,)` [kWh].
        weights: probabilities of the cases.
        steps: surcharge by power.
    """
    stored, case = STORED[:, None], load[None, :]
    after = best_stored(cost_to_go, price, case, stored, steps)
    drawn = imported(case, stored, after)
    paid = price * drawn
    for end, low, high in zip(steps.ends, steps.extra, steps.extra[1:], strict=False):
        paid += (high - low) * np.maximum(drawn - end, 0.0)
    place = after / STEP_KWH
    left = np.minimum(place.astype(np.int64), len(STORED) - 2)
    later = cost_to_go[left] + (place - left) * (cost_to_go[left + 1] - cost_to_go[left])
    return (paid + later) @ weights


def convex_below(values: Hours) -> Hours:
    """Return the highest convex function over the stored energies that is nowhere above the values."""
    hull: list[int] = []
    for i in range(len(values)):
        while len(hull) > 1 and _above_line(values, hull[-2], hull[-1], i):
            hull.pop()
        hull.append(i)
    return np.interp(STORED, STORED[hull], values[hull])


def _above_line(values: Hours, left: int, middle: int, right: int) -> bool:
    share = (middle - left) / (right - left)
    return bool(values[middle] >= values[left] + share * (values[right] - values[left]))
