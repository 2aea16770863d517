"""Powers that are not believed: their slots stay missing, for nobody knows what flowed instead.

A recorder's power is doubted where

- it is more than a home can, in so few readings that it is no matter of the unit;
- it is *alone* for a quarter of an hour at most: above 15 kW and three times, or above 25 kW and half as much again as,
  what the sensor shows in 99 of 100 hours;
- a *load* is zero for up to an hour in a home where it never is, or below what the home needs to stand by;
- a load or PV is *negative* by more than an inverter's standby, and that is more than half a percent of the day;
- it *sticks*: it repeats one value unlike the rest of the series;
- *polls are missing*: a sensor whose every poll is recorded was silent, and what may have flowed meanwhile is more than
  half a percent of the day's energy. Where only changes are recorded, a silence says that nothing changed.
"""

import numpy as np

from darkstar_pipeline.quality.odd_stretches import LEAST_LOAD_KW, below_base, stuck_runs
from darkstar_pipeline.quality.series_rows import Rows
from darkstar_pipeline.sources.home_assistant.energy_curve import Reals
from darkstar_pipeline.sources.plausibility import MAX_HOME_KW
from env.types import Integers, Mask

DOUBTED = "a power that is not believed (a spike, stuck, zero or below what stands by, negative, lost polls)"
_ALONE_KW = 15.0
_ALONE_TIMES = 3.0
_ALONE_S = 900.0
_FAR_KW = 25.0
_FAR_TIMES = 1.5
_MOST_SHARE = 0.99
_RARELY = 0.02
_ZERO_S = 3600.0
_FLOWS_KW = 0.05
_STANDBY_KW = 0.05
_DAY_SHARE = 0.005
_STUCK_HOURS = 0.25
_EQUAL_SHARE = 0.015
_FEWEST_EQUAL = 5
_LOST_TIMES = 1.5
_AROUND = 7
_FEWEST = 40
_AT_LIMIT = 0.99
_DAY_S = 86_400.0


def doubted_powers(seconds: Reals, power_kw: Reals, *, load: bool, pv: bool, since: float = 0.0) -> Mask:
    """Return which readings of a power are not believed, each up to the next.

    Args:
        seconds: instants, ascending, shape (n,) [s].
        power_kw: power from each instant on in one direction, NaN where the sensor had no value, shape (n,) [kW].
        load: whether it is the load.
        pv: whether it is PV.
        since: earlier readings are means of hours, of which nothing is said [s].
    """
    found = np.zeros(len(seconds), dtype=np.bool_)
    known = np.flatnonzero(~np.isnan(power_kw) & (seconds >= since))
    if known.size < _FEWEST:
        return found
    power, at = power_kw[known], seconds[known]
    held = np.minimum(np.append(np.diff(at), 0.0), _DAY_S)
    days = (at // _DAY_S).astype(np.int64)
    doubts = _impossible(power) | _alone(power, held)
    if load or pv:
        doubts |= _negative(power, held, days)
    positive = np.maximum(power, 0.0)
    if load:
        doubts |= _zero_for_a_moment(power, held, days)
        doubts |= below_base(Rows(kw=positive, hours=held / 3600, day=days, whole=np.ones_like(doubts)))
    at_most = positive >= _AT_LIMIT * positive.max() if not load else np.zeros_like(doubts)
    doubts |= stuck_runs(positive, held / 3600, least_hours=_STUCK_HOURS) & ~at_most
    if load or pv:  # one direction of a signed power shows zeros that its sensor never did
        undisturbed = np.append(np.diff(known) == 1, False)
        doubts |= _over_lost_polls(positive, held, days, undisturbed)
    found[known] = doubts
    return found


def _impossible(power: Reals) -> Mask:
    beyond = power > MAX_HOME_KW
    return beyond if np.count_nonzero(beyond) <= _RARELY * len(power) else np.zeros_like(beyond)


def _alone(power: Reals, held: Reals) -> Mask:
    order = np.argsort(power)
    weights = np.cumsum(held[order])
    position = min(int(np.searchsorted(weights, _MOST_SHARE * float(weights[-1]))), len(power) - 1)
    own = float(power[order][position])
    limit = max(_ALONE_KW, min(_ALONE_TIMES * own, max(_FAR_KW, _FAR_TIMES * own)))
    return _short_runs(power > limit, held, _ALONE_S)


def _zero_for_a_moment(power: Reals, held: Reals, days: Integers) -> Mask:
    """Zeros of up to an hour between readings that show that something flows, where they are rare and matter.

    A load that is computed from other sensors may be negative for a moment: that is no zero.
    """
    zero = (power >= 0) & (power < LEAST_LOAD_KW)
    usual = float(np.median(power))
    if float(held[zero].sum()) > _RARELY * float(held.sum()) + _ZERO_S or usual < _FLOWS_KW:
        return np.zeros_like(zero)
    short = _short_runs(zero, held, _ZERO_S)
    return short & _weighs(np.where(short, usual * held, 0.0), power, held, days)


def _short_runs(mask: Mask, held: Reals, longest_s: float) -> Mask:
    """The runs of true that last no longer than a time."""
    run = np.cumsum(np.append(True, mask[1:] != mask[:-1])) - 1
    return mask & (np.bincount(run, weights=held)[run] <= longest_s)


def _negative(power: Reals, held: Reals, days: Integers) -> Mask:
    below = power < -_STANDBY_KW
    return below & _weighs(np.where(below, -power * held, 0.0), power, held, days)


def _over_lost_polls(power: Reals, held: Reals, days: Integers, undisturbed: Mask) -> Mask:
    gaps = held[undisturbed]
    if gaps.size < _FEWEST:
        return np.zeros_like(undisturbed)
    step = float(np.quantile(gaps, 0.1))
    same = np.append(np.diff(power) == 0, False) & undisturbed & (held <= _LOST_TIMES * step)
    if np.count_nonzero(same) < max(_FEWEST_EQUAL, _EQUAL_SHARE * len(power)):
        return np.zeros_like(undisturbed)
    lost = undisturbed & (held > _LOST_TIMES * step)
    change = np.abs(np.append(np.diff(power), 0.0))
    # Between two readings that are alike a cloud may have passed: what is lost varied as what is known around it.
    change = np.maximum(change, np.convolve(change, np.ones(_AROUND) / _AROUND, mode="same"))
    doubt = np.where(lost, change * (held - step), 0.0)
    return (doubt > 0) & _weighs(doubt, power, held, days)


def _weighs(doubt: Reals, power: Reals, held: Reals, days: Integers) -> Mask:
    """Return whether a reading is of a day of which so much is in doubt."""
    day = days - days[0]
    whole = np.bincount(day, weights=np.maximum(power, 0.0) * held)
    return (np.bincount(day, weights=doubt) > _DAY_SHARE * whole)[day]
