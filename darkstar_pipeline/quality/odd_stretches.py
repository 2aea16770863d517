"""Stretches of readings that no home has: a value that sticks, a load far below its own base, a day times ten.

Each rule compares a stretch with the rest of the same series, so that a calm or coarse series excuses itself:

- *stuck*: the same value four rows and an hour long, and three times as long as values else repeat;
- *below its base*: a load that is not zero falls, in one step and for three rows to twelve hours, below a fifth of
  what four in five readings of the days around exceed: a home that is left empty is so for longer. No length excuses a
  load below five watts. A home that does so often is like that;
- *counted later*: a load of zero that ends in a row that holds what flowed meanwhile;
- *times ten*: a local day begins and ends with a step of a power of ten, and its low, usual and high readings are all
  about as many times those of the days around, or the low and usual ones are so to a third: no appliance multiplies
  what stands by.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from env.types import Mask

Reals = NDArray[np.float64]
LEAST_LOAD_KW = 0.005
"""A load below this is none: no home with a meter runs on five watts [kW]."""
STUCK_TIMES = 3.0
STUCK_ROWS = 4
_STUCK_HOURS = 1.0
_STUCK_DIGITS = 20.0
_FEWEST_RUNS = 20
_AT_LIMIT = 0.99
_LIMIT_SHARE = 0.5
_CREEPS_KW = 0.1
BELOW_BASE = 0.2
_BASE_HOURS = 12.0
_BASE_SHARE = 0.2
_ORDINARY_KW = 0.05
_ORDINARY_SHARE = 0.5
_FEW_RUNS = 3
_FEWEST_LOW = 3
_FEWEST_ZERO = 2
_DAYS_A_RUN = 15
_RARELY = 0.02
_LEAP_SHARE = 0.7
_LEAP_TIMES = 1.8
_LONG_STILL_HOURS = 3.0
_ROWS_BESIDE = 4
_TENFOLD = {0.01: 8.0, 0.1: 3.5, 10.0: 3.5, 100.0: 8.0}
_QUANTILES = (0.1, 0.4, 0.9)
_EDGE_ROWS = 3
_EXACTLY = 1.35
_FEWEST_OTHERS = 2
_NOTHING = 1e-9
_LEAST_STEP = 1e-6


@dataclass(frozen=True)
class Rows:
    """Readings of one quantity, one after another: mean power [kW], length [h], and the number of the local day."""

    kw: Reals
    hours: Reals
    day: NDArray[np.int64]
    whole: Mask


def stuck(rows: Rows, *, limited: bool) -> Mask:
    """Rows that repeat a value for too long; the first of them is true.

    Args:
        rows: the readings.
        limited: whether the quantity may stay at its most: an inverter's limit.
    """
    at_most = rows.kw >= _AT_LIMIT * rows.kw.max(initial=0.0)
    excused = at_most & limited & _approached(rows.kw, at_most)
    # The sun's first and last tenth of a kilowatt-hour may take a coarse counter hours.
    above = _CREEPS_KW if limited else LEAST_LOAD_KW
    return stuck_runs(rows.kw, rows.hours, least_hours=_STUCK_HOURS) & ~excused & (rows.kw > above)


def _approached(kw: Reals, at_most: Mask) -> Mask:
    """Return which runs at the most are come to and left by degrees, as an inverter does its limit."""
    found = np.zeros_like(at_most)
    for start, end in _runs(at_most):
        beside = [kw[place] for place in (start - 1, end) if 0 <= place < len(kw)]
        found[start:end] = min(beside, default=0.0) >= _LIMIT_SHARE * kw[start]
    return found


def stuck_runs(values: Reals, hours: Reals, *, least_hours: float) -> Mask:
    """Readings that repeat the one before in a run that is unlike all others of the series."""
    found = np.zeros(len(values), dtype=np.bool_)
    if len(values) < _FEWEST_RUNS:
        return found
    changes = np.flatnonzero(np.diff(values) != 0) + 1
    starts, ends = np.append(0, changes), np.append(changes, len(values))
    flowing = values[starts] > 0
    lengths = (ends - starts)[flowing]
    if len(lengths) < _FEWEST_RUNS:
        return found
    # Two stretches that stick must not excuse each other.
    usual = int(np.partition(lengths, -3)[-3])
    steps = np.abs(np.diff(values))
    digit = float(steps[steps > _LEAST_STEP].min(initial=np.inf))
    long = flowing & (ends - starts >= max(STUCK_ROWS, STUCK_TIMES * usual)) & (values[starts] > _STUCK_DIGITS * digit)
    for start, end in zip(starts[long], ends[long], strict=True):
        if hours[start:end].sum() >= least_hours:
            found[start + 1 : end] = True
    return found


def below_base(rows: Rows) -> Mask:
    """A load that is not zero and yet below what this home needs to stand by."""
    found = np.zeros(len(rows.kw), dtype=np.bool_)
    nothing = (rows.kw > 0) & (rows.kw < LEAST_LOAD_KW)
    if nothing.all() or np.count_nonzero(rows.kw == 0) > _RARELY * len(rows.kw):
        return found  # a coarse counter shows zeros between its steps
    base = _base(rows, ~nothing)
    ordinary = (rows.kw >= _ORDINARY_SHARE * base) | nothing
    low, none = _runs((rows.kw >= LEAST_LOAD_KW) & (rows.kw < BELOW_BASE * base)), _runs(nothing)
    most = max(_FEW_RUNS, len(np.unique(rows.day)) // _DAYS_A_RUN)
    if len(low) <= most:  # else this home is so
        _mark(found, [run for run in low if _sharp(rows, ordinary, *run)])
    if len(none) <= most and float(np.quantile(rows.kw[~nothing], 0.1)) > _ORDINARY_KW:
        _mark(found, none)
    return found


def _mark(found: Mask, runs: list[tuple[int, int]]) -> None:
    """Mark runs of a few rows and more: one or two may be power that came back within a row."""
    for start, end in runs:
        if end - start >= _FEWEST_LOW:
            found[start:end] = True


def _sharp(rows: Rows, ordinary: Mask, start: int, end: int) -> bool:
    """Return whether a stretch of half a day at most begins and ends with a step from and to what is ordinary."""
    steps = all(ordinary[position] for position in (start - 1, end) if 0 <= position < len(rows.kw))
    return bool(steps and rows.hours[start:end].sum() <= _BASE_HOURS)


def _base(rows: Rows, something: Mask) -> Reals:
    """Return what four in five readings exceed on the middle one of a day, the day before and the day after [kW]."""
    spans = list(pairwise(_day_bounds(rows)))
    usual = float(np.quantile(rows.kw[something], _BASE_SHARE))
    used = [rows.kw[start:end][something[start:end]] for start, end in spans]
    low = np.array([np.quantile(some, _BASE_SHARE) if some.size else usual for some in used])
    middle = low
    if len(low) > 1:
        padded = np.concatenate((low[:1], low, low[-1:]))
        middle = np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
        middle[[0, -1]] = low[[1, -2]]
    return np.repeat(middle, [end - start for start, end in spans])


def counted_later(rows: Rows) -> Mask:
    """A load of zero, and the row behind it that holds what flowed meanwhile, in a home that is else never at zero."""
    zero = rows.kw < LEAST_LOAD_KW
    found = np.zeros(len(rows.kw), dtype=np.bool_)
    for start, end in _runs(zero):
        others = int(zero.sum()) - (end - start)
        if end - start < _FEWEST_ZERO or others > _RARELY * len(zero) or start == 0 or end == len(zero):
            continue
        before, after = rows.kw[max(start - _ROWS_BESIDE, 0) : start], rows.kw[end + 1 : end + 1 + _ROWS_BESIDE]
        both = [float(np.median(some)) for some in (before, after) if some.size]
        # The evening before a long standstill says little of the night in which it ended.
        ordinary = (min if rows.hours[start:end].sum() >= _LONG_STILL_HOURS else max)(both)
        held = rows.kw[end] / ordinary if ordinary > LEAST_LOAD_KW else 0.0
        if held >= max(_LEAP_TIMES, _LEAP_SHARE * (end - start + 1)):
            found[start : end + 1] = True
    return found


def times_ten(rows: Rows) -> Mask:
    """Local days that are a power of ten times those beside them, from their first reading to their last."""
    found = np.zeros(len(rows.kw), dtype=np.bool_)
    bounds = _day_bounds(rows)
    levels = np.array([np.quantile(rows.kw[start:end], _QUANTILES) for start, end in pairwise(bounds)])
    for number, (start, end) in enumerate(pairwise(bounds)):
        others = [
            levels[other] for other in range(number - 2, number + 3) if other != number and 0 <= other < len(levels)
        ]
        if not rows.whole[start] or len(others) < _FEWEST_OTHERS:
            continue
        ratios = np.array([[_ratio(*pair) for pair in zip(levels[number], other, strict=True)] for other in others])
        all_of = np.append(ratios[:, :-1].ravel(), _edges(rows.kw, start, end))
        # Each factor with the times within which days may differ by themselves.
        for factor, within in _TENFOLD.items():
            alike = _near(all_of, factor, within).all() and _near(ratios[:, -1], factor, within / 1.4).any()
            found[start:end] |= alike or _near(ratios[:, :-1], factor, _EXACTLY).all()
    return found


def _near(ratios: Reals, factor: float, within: float) -> Mask:
    return np.abs(np.log(ratios / factor)) < np.log(within)


def _edges(kw: Reals, start: int, end: int) -> list[float]:
    """Return how many times the readings beside them a day's first and last are."""
    pairs = [(kw[start : start + _EDGE_ROWS], kw[max(start - _EDGE_ROWS, 0) : start])]
    pairs.append((kw[end - _EDGE_ROWS : end], kw[end : end + _EDGE_ROWS]))
    return [_ratio(np.median(inside), np.median(beside)) for inside, beside in pairs if beside.size]


def _ratio(one: np.floating, other: np.floating) -> float:
    """One by the other, as good as nothing where either is."""
    return max(float(one) / float(other), _NOTHING) if other > 0 else _NOTHING


def _day_bounds(rows: Rows) -> list[int]:
    """First position of every day, and the number of rows."""
    return [*np.flatnonzero(np.diff(rows.day, prepend=rows.day[0] - 1)).tolist(), len(rows.day)]


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """First and one past the last position of every run of true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
