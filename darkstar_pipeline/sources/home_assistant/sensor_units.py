"""The unit of a sensor that states none, by the size of its values, and a unit that changes within a series.

Size is the last resort, and what it says is told. Every rule weighs time, not readings, so that a glitch of some
seconds says nothing.
"""

from dataclasses import dataclass

import numpy as np

from darkstar_pipeline.sources.home_assistant.energy_curve import Reals
from darkstar_pipeline.sources.plausibility import MAX_TYPICAL_KW

_LARGEST_KW = 60.0
"""A power above this is in watts: no home's sensor shows more kilowatts [kW]."""
_WHOLE_WATTS = 5.0
_WHOLE_STEP = 5.0
_LEAST_WHOLE = 2.0
_FACTORS = (1e-3, 1e3, 1e-2, 1e2, 1e-1, 1e1)
_DAY_S = 86_400.0
_DEEP_SHARE = 0.1
_SHALLOW_SHARE = 0.7
_USUAL_STEPS = 3.0
_FEWEST = 10
_DIGITS = 20
_LEVEL_SHARE = 2e-4
_PEAK_TIMES = 20
_UNIT_POWER = 3  # Wh, kWh and MWh are a thousand apart
_LEVEL_NEAR = 0.01


def behaves_like_a_counter(values: Reals) -> bool:
    """Return whether values rise as a counter's do, resets and flicker of the last digit apart.

    Falls are weighed, not counted: a counter falls deep now and then, or by its last digit and back at once. A power
    falls as much as it rises.
    """
    steps = np.diff(values)
    steps = steps[steps != 0]
    if len(steps) < _FEWEST:
        return True
    rises, falls = steps[steps > 0], -steps[steps < 0]
    usual = float(np.quantile(rises, 0.1)) if rises.size else 0.0
    deep = falls > _USUAL_STEPS * usual * (1 + 1e-9)
    if np.count_nonzero(deep) > _DEEP_SHARE * len(steps):
        return False
    usual_rises = rises[rises <= np.quantile(rises, 0.99)] if rises.size else rises
    return float(falls[~deep].sum()) <= _SHALLOW_SHARE * max(float(usual_rises.sum()), usual)


def counter_unit_by_size(seconds: Reals, values: Reals) -> str:
    """Return the unit that makes a counter that of a home, Wh or kWh."""
    steps, hours = np.diff(values), np.diff(seconds) / 3600
    rising = (steps > 0) & (hours > 0)
    if not rising.any():
        return "kWh"
    rates = steps[rising] / hours[rising]
    order = np.argsort(rates)
    weights = np.cumsum(hours[rising][order])
    typical = float(rates[order][int(np.searchsorted(weights, float(weights[-1]) / 2))])
    whole = bool(np.all(values == np.round(values))) and float(np.median(steps[rising])) >= _WHOLE_STEP
    return "Wh" if typical > MAX_TYPICAL_KW or (whole and typical > _LEAST_WHOLE) else "kWh"


def power_unit_by_size(values: Reals) -> str:
    """Return the unit that makes a power that of a home, W or kW."""
    high = float(np.quantile(np.abs(values), 0.99))
    whole = bool(np.all(values == np.round(values))) and high >= _WHOLE_WATTS
    return "W" if high > _LARGEST_KW or whole else "kW"


@dataclass(frozen=True)
class UnitChange:
    """A reading from which on a counter is given in another unit: `factor` times as large as before."""

    second: float
    factor: float


def in_one_unit(seconds: Reals, values: Reals) -> tuple[Reals, tuple[UnitChange, ...]]:
    """Return a counter in the unit that it began with, and where its unit changed.

    No two units differ by ten or a hundred: of such a change the longer part is right.

    A change shows twice: the level goes on but for a power of ten, and so does the rate at which it rises.

    Args:
        seconds: instants, ascending, shape (n,) [s].
        values: readings, shape (n,).
    """
    changes: list[UnitChange] = []
    result = values
    jumps = _jumps(values)
    for before, position, after in zip([0, *jumps], jumps, [*jumps[1:], len(values)], strict=False):
        factor = _factor(seconds[before:after], result[before:after], position - before)
        if factor is None and changes and _returns(result, position, changes[-1].factor):
            factor = 1 / changes[-1].factor
        elif factor is None and after < len(values):
            factor = _until(result, position, after)
        if factor is not None:
            if result is values:
                result = values.copy()
            result[position:] = values[position:] / _applied(changes) / factor
            changes.append(UnitChange(float(seconds[position]), factor))
            back = _back_at_a_reset(seconds, values, result, position, factor)
            if back is not None and back < after:
                result[back:] *= factor
                changes.append(UnitChange(float(seconds[back]), 1 / factor))
    return result * _usual_factor(seconds, changes), tuple(changes)


def _usual_factor(seconds: Reals, changes: list[UnitChange]) -> float:
    """The factor in which a counter is for most of the time; 1 where that is one by which units differ."""
    if not changes:
        return 1.0
    factors = np.cumprod([1.0, *(change.factor for change in changes)])
    times = np.diff([float(seconds[0]), *(change.second for change in changes), float(seconds[-1])])
    spent = {round(float(np.log10(factor))): 0.0 for factor in factors}
    for factor, time in zip(factors, times, strict=True):
        spent[round(float(np.log10(factor)))] += float(time)
    power = max(spent, key=lambda each: spent[each])
    return 1.0 if power % _UNIT_POWER == 0 else float(10.0**power)


def _returns(converted: Reals, position: int, factor: float) -> bool:
    """Return whether a level goes on only if a change of unit ends there, whatever the rates say (a night of PV)."""
    return abs(float(converted[position]) * factor / float(converted[position - 1]) - 1) < _LEVEL_NEAR


def _until(level: Reals, position: int, after: int) -> float | None:
    """The factor of a stretch whose level is as many times too large at both of its ends; None where it is not one."""
    before, first, last, behind = (float(level[place]) for place in (position - 1, position, after - 1, after))
    if after - position < _USUAL_STEPS or not -_LEVEL_SHARE <= behind / before - 1 < _LEVEL_NEAR:
        return None
    factor = min(_FACTORS, key=lambda tried: abs(np.log(first / before / tried)))
    same = all(abs(ratio - 1) < _LEVEL_NEAR for ratio in (first / before / factor, last / behind / factor))
    return factor if same else None


def _back_at_a_reset(seconds: Reals, values: Reals, converted: Reals, position: int, factor: float) -> int | None:
    """The first reset behind a change from which on the counter rises in the unit that it had before."""
    falls = np.flatnonzero(values[position + 1 :] < _DEEP_SHARE * values[position:-1]) + position + 1
    if not falls.size:
        return None
    reset = int(falls[0])
    first = int(np.searchsorted(seconds, float(seconds[position]) - _DAY_S))
    last = int(np.searchsorted(seconds, float(seconds[reset]) + _DAY_S, side="right"))
    before, _ = _rate(seconds[first:position], converted[first:position])
    behind, _ = _rate(seconds[reset:last], converted[reset:last])
    if before <= 0 or behind <= 0:
        return None
    return reset if abs(np.log(behind * factor / before)) < abs(np.log(behind / before)) else None


def _applied(changes: list[UnitChange]) -> float:
    return float(np.prod([change.factor for change in changes]))


def _jumps(values: Reals) -> list[int]:
    """Positions at which the level changes about by a power of ten."""
    before, after = values[:-1], values[1:]
    positive = (before > 0) & (after > 0)
    ratio = np.ones(len(before))
    np.divide(after, before, out=ratio, where=positive)
    near = np.zeros(len(before), dtype=np.bool_)
    for factor in _FACTORS:
        near |= np.abs(ratio / factor - 1) < 0.05  # noqa: PLR2004 - examined more closely below
    return (np.flatnonzero(near) + 1).tolist()


def _factor(seconds: Reals, scaled: Reals, position: int) -> float | None:
    """The factor by which the unit changed at a position; None if it did not."""
    old, new = float(scaled[position - 1]), float(scaled[position])
    factor = min(_FACTORS, key=lambda candidate: abs(np.log(new / old / candidate)))
    first = int(np.searchsorted(seconds, float(seconds[position - 1]) - _DAY_S))
    last = int(np.searchsorted(seconds, float(seconds[position]) + _DAY_S, side="right"))
    before, step_before = _rate(seconds[first:position], scaled[first:position])
    after, step_after = _rate(seconds[position:last], scaled[position:last])
    if before <= 0 or after <= 0:
        return None
    same_rate = abs(np.log(after / before / factor)) < abs(np.log(factor)) / 2
    resolution = max(step_before, step_after / factor)
    most = _PEAK_TIMES * before * float(seconds[position] - seconds[position - 1]) + _USUAL_STEPS * resolution
    level = new / factor - old
    precise = old > _DIGITS * resolution
    return factor if same_rate and precise and -resolution - _LEVEL_SHARE * old <= level <= most else None


def _rate(seconds: Reals, values: Reals) -> tuple[float, float]:
    """The rise of a stretch of a counter per second, and its smallest common step; zero where it is too short."""
    steps = np.diff(values)
    rises = steps[steps > 0]
    if rises.size < _USUAL_STEPS or seconds[-1] <= seconds[0]:
        return 0.0, 0.0
    # A leap is no part of how fast a counter rises.
    usual = rises[rises <= 20 * np.median(rises)]
    return float(usual.sum() / (seconds[-1] - seconds[0])), float(np.quantile(rises, 0.1))
