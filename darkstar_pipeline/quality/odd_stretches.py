"""Stretches of readings that no home has: a value that sticks, a load far below its own base, a day times ten.

Each rule compares a stretch with the rest of the same home's series, so that a calm or coarse series excuses itself:

- *stuck*: the same value four rows and an hour long, and three times as long as values else repeat;
- *below its base*: a load that is not zero falls, in one step and for three rows to twelve hours, below a fifth of
  what four in five readings of the days around exceed: a home that is left empty is so for longer. No length excuses a
  load below five watts. A home that does so often is like that;
- *counted later*: a load of zero that ends in a row that holds what flowed meanwhile;
- *times ten*: a local day begins and ends with a step of a power of ten, and its low, usual and high readings are all
  about as many times those of the days around, or the low and usual ones are so to a third: no appliance multiplies
  what stands by.
"""

import numpy as np

from darkstar_pipeline.quality.series_rows import Groups, Numbers, Reals, Rows, quantiles, runs, true_runs
from env.types import Mask

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


def stuck(rows: Rows, *, limited: bool) -> Mask:
    """Rows that repeat a value for too long; the first of them is true.

    Args:
        rows: the readings.
        limited: whether the quantity may stay at its most: an inverter's limit.
    """
    at_most = rows.kw >= _AT_LIMIT * np.maximum(rows.homes.most(rows.kw), 0.0)[rows.homes.of_row]
    excused = at_most & limited & _approached(rows, at_most)
    # The sun's first and last tenth of a kilowatt-hour may take a coarse counter hours.
    above = _CREEPS_KW if limited else LEAST_LOAD_KW
    found = stuck_runs(rows.kw, rows.hours, least_hours=_STUCK_HOURS, homes=rows.homes)
    return found & ~excused & (rows.kw > above)


def _approached(rows: Rows, at_most: Mask) -> Mask:
    """Return which runs at the most are come to and left by degrees, as an inverter does its limit."""
    starts, ends = runs(at_most, rows.homes)
    beside = np.minimum(*_beside(rows.kw, rows.homes, starts, ends))
    gently = np.where(np.isinf(beside), 0.0, beside) >= _LIMIT_SHARE * rows.kw[starts]
    return np.repeat(gently, ends - starts) & at_most


def _beside(values: Reals, homes: Groups, starts: Numbers, ends: Numbers) -> tuple[Reals, Reals]:
    """Return the values before and after stretches, infinite where a home's rows begin or end."""
    before = np.where(homes.begins[starts], np.inf, values[starts - 1])
    last = np.append(homes.begins, True)[ends]
    return before, np.where(last, np.inf, np.append(values, np.inf)[ends])


def stuck_runs(values: Reals, hours: Reals, *, least_hours: float, homes: Groups | None = None) -> Mask:
    """Readings that repeat the one before in a run that is unlike all others of the home's series.

    Args:
        values: the readings.
        hours: length of each [h].
        least_hours: shortest run that counts [h].
        homes: whose rows they are; None where all are of one home.
    """
    found = np.zeros(len(values), dtype=np.bool_)
    if not len(values):
        return found
    own = Groups(np.zeros(len(values), dtype=np.int64)) if homes is None else homes
    starts, ends = runs(values, own)
    flowing = values[starts] > 0
    of_run = Groups(own.of_row[starts[flowing]])
    enough = np.zeros(len(own), dtype=np.bool_)
    usual = np.zeros(len(own))
    lengths = ends - starts
    listed = own.of_row[starts[flowing]][of_run.first]  # homes that have runs at all
    enough[listed] = (of_run.count >= _FEWEST_RUNS) & (own.count[listed] >= _FEWEST_RUNS)
    # Two stretches that stick must not excuse each other.
    ordered = lengths[flowing][np.lexsort((lengths[flowing], of_run.of_row))]
    usual[listed] = ordered[of_run.first + np.maximum(of_run.count - 3, 0)]
    steps = np.abs(np.diff(values, prepend=values[0]))
    digit = own.least(np.where((steps > _LEAST_STEP) & ~own.begins, steps, np.inf))
    home = own.of_row[starts]
    long = flowing & enough[home] & (lengths >= np.maximum(STUCK_ROWS, STUCK_TIMES * usual[home]))
    long &= values[starts] > _STUCK_DIGITS * digit[home]
    for start, end in zip(starts[long].tolist(), ends[long].tolist(), strict=True):
        if hours[start:end].sum() >= least_hours:
            found[start + 1 : end] = True
    return found


def below_base(rows: Rows) -> Mask:
    """A load that is not zero and yet below what this home needs to stand by."""
    found = np.zeros(len(rows.kw), dtype=np.bool_)
    nothing = (rows.kw > 0) & (rows.kw < LEAST_LOAD_KW)
    homes = rows.homes
    # A coarse counter shows zeros between its steps.
    judged = homes.number(~nothing) > 0
    judged &= homes.number(rows.kw == 0) <= _RARELY * homes.count
    if not judged.any():
        return found
    base = _base(rows, ~nothing)
    ordinary = (rows.kw >= _ORDINARY_SHARE * base) | nothing
    low = true_runs((rows.kw >= LEAST_LOAD_KW) & (rows.kw < BELOW_BASE * base), homes)
    none = true_runs(nothing, homes)
    rare_low, rare_none = (judged & (_by_home(homes, some) <= _most_runs(rows)) for some in (low, none))
    for start, end in low:
        if rare_low[homes.of_row[start]] and _sharp(rows, ordinary, start, end):  # else this home is so
            _mark(found, start, end)
    for start, end in none:
        own = slice(*homes.span(start))
        if rare_none[homes.of_row[start]] and np.quantile(rows.kw[own][~nothing[own]], 0.1) > _ORDINARY_KW:
            _mark(found, start, end)
    return found


def _by_home(homes: Groups, stretches: list[tuple[int, int]]) -> Numbers:
    """Return how many of the stretches each home has."""
    return np.bincount([homes.of_row[start] for start, _ in stretches], minlength=len(homes))


def _most_runs(rows: Rows) -> Numbers:
    """Return how many stretches a home may have before they are its habit."""
    days = np.bincount(rows.homes.of_row[rows.days.first], minlength=len(rows.homes))
    return np.maximum(_FEW_RUNS, days // _DAYS_A_RUN)


def _mark(found: Mask, start: int, end: int) -> None:
    """Mark a run of a few rows and more: one or two may be power that came back within a row."""
    if end - start >= _FEWEST_LOW:
        found[start:end] = True


def _sharp(rows: Rows, ordinary: Mask, start: int, end: int) -> bool:
    """Return whether a stretch of half a day at most begins and ends with a step from and to what is ordinary."""
    first, last = rows.homes.span(start)
    steps = all(ordinary[position] for position in (start - 1, end) if first <= position < last)
    return bool(steps and rows.hours[start:end].sum() <= _BASE_HOURS)


def _base(rows: Rows, something: Mask) -> Reals:
    """Return what four in five readings exceed on the middle one of a day, the day before and the day after [kW]."""
    days, homes = rows.days, rows.homes
    used = rows.kw[something]
    read = Groups(days.of_row[something])
    low = np.full(len(days), np.nan)
    low[days.of_row[something][read.first]] = quantiles(used, read, (_BASE_SHARE,))[:, 0]
    for number in np.flatnonzero(np.isnan(low)):
        own = slice(*homes.span(days.first[number]))
        some = rows.kw[own][something[own]]
        low[number] = np.quantile(some, _BASE_SHARE) if some.size else np.nan
    before, after = _days_beside(rows, low)
    first, last = np.isnan(before), np.isnan(after)
    middle = np.sort(np.stack([before, low, after]), axis=0)[1]
    return np.select([first & last, first, last], [low, after, before], middle)[days.of_row]


def _days_beside(rows: Rows, figures: Reals) -> tuple[Reals, Reals]:
    """Return the figures of the day before and the day after of the same home, nan without one."""
    home = rows.homes.of_row[rows.days.first]
    before, after = np.full(len(figures), np.nan), np.full(len(figures), np.nan)
    same = home[1:] == home[:-1]
    before[1:][same], after[:-1][same] = figures[:-1][same], figures[1:][same]
    return before, after


def counted_later(rows: Rows) -> Mask:
    """A load of zero, and the row behind it that holds what flowed meanwhile, in a home that is else never at zero."""
    zero = rows.kw < LEAST_LOAD_KW
    found = np.zeros(len(rows.kw), dtype=np.bool_)
    zeros = rows.homes.number(zero)
    for start, end in true_runs(zero, rows.homes):
        home = rows.homes.of_row[start]
        first, last = rows.homes.span(start)
        others = int(zeros[home]) - (end - start)
        if end - start < _FEWEST_ZERO or others > _RARELY * (last - first) or start == first or end == last:
            continue
        before = rows.kw[max(start - _ROWS_BESIDE, first) : start]
        after = rows.kw[end + 1 : min(end + 1 + _ROWS_BESIDE, last)]
        both = [float(np.median(some)) for some in (before, after) if some.size]
        # The evening before a long standstill says little of the night in which it ended.
        ordinary = (min if rows.hours[start:end].sum() >= _LONG_STILL_HOURS else max)(both)
        held = rows.kw[end] / ordinary if ordinary > LEAST_LOAD_KW else 0.0
        if held >= max(_LEAP_TIMES, _LEAP_SHARE * (end - start + 1)):
            found[start : end + 1] = True
    return found


def times_ten(rows: Rows) -> Mask:
    """Local days that are a power of ten times those beside them, from their first reading to their last."""
    days = rows.days
    levels = quantiles(rows.kw, days, _QUANTILES)
    ratios, known = _ratios_beside(rows, levels)
    judged = rows.whole[days.first] & (known.sum(axis=1) >= _FEWEST_OTHERS)
    found = np.zeros(len(days), dtype=np.bool_)
    # Each factor with the times within which days may differ by themselves.
    for factor, within in _TENFOLD.items():
        lower, high = ratios[:, :, :-1], ratios[:, :, -1]
        alike = (
            judged & _all_near(lower, known, factor, within) & (_near(high, factor, within / 1.4) & known).any(axis=1)
        )
        for number in np.flatnonzero(alike).tolist():
            found[number] |= _near(np.array(_edges(rows, number)), factor, within).all()
        found |= judged & _all_near(lower, known, factor, _EXACTLY)
    return found[days.of_row]


def _ratios_beside(rows: Rows, levels: Reals) -> tuple[Reals, Mask]:
    """Return how many times the levels of the two days on either side a day's are, and whether there is such a day."""
    home = rows.homes.of_row[rows.days.first]
    number = np.arange(len(levels))[:, None] + np.array([-2, -1, 1, 2])
    inside = np.clip(number, 0, len(levels) - 1)
    known = (number == inside) & (home[inside] == home[:, None])
    other = levels[inside]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(other > 0, np.maximum(levels[:, None, :] / other, _NOTHING), _NOTHING)
    return ratios, known


def _near(ratios: Reals, factor: float, within: float) -> Mask:
    return np.abs(np.log(ratios / factor)) < np.log(within)


def _all_near(ratios: Reals, known: Mask, factor: float, within: float) -> Mask:
    return np.all(np.all(_near(ratios, factor, within), axis=2) | ~known, axis=1)


def _edges(rows: Rows, number: int) -> list[float]:
    """Return how many times the readings beside them a day's first and last are."""
    start = rows.days.first[number]
    end = start + rows.days.count[number]
    first, last = rows.homes.span(start)
    pairs = [(rows.kw[start : start + _EDGE_ROWS], rows.kw[max(start - _EDGE_ROWS, first) : start])]
    pairs.append((rows.kw[end - _EDGE_ROWS : end], rows.kw[end : min(end + _EDGE_ROWS, last)]))
    return [_ratio(np.median(inside), np.median(beside)) for inside, beside in pairs if beside.size]


def _ratio(one: np.floating, other: np.floating) -> float:
    """One by the other, as good as nothing where either is."""
    return max(float(one) / float(other), _NOTHING) if other > 0 else _NOTHING
