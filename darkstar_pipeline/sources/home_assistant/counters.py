"""Energy counters as sensors record them: they reset, stumble over restarts, and are silent while nothing flows.

A recorder stores a counter when it changes. So a long silence that ends in one small step is a quiet time, and one that
ends in a large step is a time whose readings were lost: its energy is known, when it flowed is not, and its slots stay
missing. Every rule is a number below.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from darkstar_pipeline.sources.home_assistant.energy_curve import EnergyCurve, Reals
from darkstar_pipeline.sources.plausibility import MAX_HOME_KW
from env.types import Mask

RESET_SHARE = 0.9
"""A counter that falls below this share of its last value was reset (Home Assistant's own rule)."""
LOST_AFTER_S = 65 * 60.0
"""Silence longer than this needs an explanation: an hourly counter plus five minutes of delay [s]."""
LOST_STEP_KWH = 0.1
"""A silence that ends in a larger step than this, and than three usual steps, is lost readings [kWh]."""
QUIET_KW = 0.05
"""Power that may flow in a silence that is not a loss of readings: an inverter or a battery at rest [kW]."""
DIP_S = 600.0
"""A fall that is back at its old level within this time was no reset [s]."""
_USUAL_STEPS = 3.0
_LOOK_AHEAD = 5
_FAR_STEPS = 10.0
_SMALLEST_KWH = 1e-6
_SLACK_KWH = 0.05
_NORMAL, _RESET, _SHIFT = 0, 1, 2
Links = NDArray[np.int8]


@dataclass(frozen=True)
class CounterCurve:
    """The energy of a counter, and how its readings were treated.

    Attributes:
        curve: the energy.
        resets: number of times it started again.
        dropped: number of readings left out as glitches.
        lost_kwh: energy that flowed while readings were lost [kWh].
        quiet_s: longest silence that was a quiet time [s].
    """

    curve: EnergyCurve
    resets: int
    dropped: int
    lost_kwh: float
    quiet_s: float


def counter_curve(seconds: Reals, values_kwh: Reals, *, until: float | None = None) -> CounterCurve:
    """Return the energy of a counter.

    Args:
        seconds: instants of the readings, ascending, shape (n,), n >= 1 [s].
        values_kwh: readings, shape (n,) [kWh].
        until: end of the recording: an unchanged counter is held up to it where that is no longer than it was quiet
            before [s].
    """
    usual = _usual_step(values_kwh)
    keep = ~_dips(seconds, values_kwh, usual)
    at, level, links = _without_glitches(seconds[keep], values_kwh[keep], usual)
    steps, time = np.diff(level), np.diff(at)
    reset = links == _RESET
    gained = np.where(reset, np.maximum(level[1:], 0.0), np.maximum(steps, 0.0))
    large = np.maximum(LOST_STEP_KWH, np.maximum(_USUAL_STEPS * usual, QUIET_KW * time / 3600))
    silent = (time > LOST_AFTER_S) & (gained > large)
    unknown = silent | (links == _SHIFT)
    quiet = float(time[~unknown].max(initial=0.0))
    energy = np.concatenate(([0.0], np.cumsum(np.where(unknown, 0.0, gained))))
    covered = np.concatenate(([0.0], np.cumsum(np.where(unknown, 0.0, time))))
    if until is not None and 0 < until - at[-1] <= quiet:
        at, energy = np.append(at, until), np.append(energy, energy[-1])
        covered = np.append(covered, covered[-1] + at[-1] - at[-2])
    lost = float(gained[silent & (links != _SHIFT)].sum())
    dropped = len(seconds) - len(links) - 1
    return CounterCurve(EnergyCurve(at, energy, covered), int(reset.sum()), dropped, lost, quiet)


def _usual_step(values: Reals) -> float:
    """The smallest step that is common: a counter's resolution [kWh]."""
    steps = np.diff(values)
    rises = steps[steps > _SMALLEST_KWH]
    return float(np.quantile(rises, 0.1)) if rises.size else 0.0


def _possible(time_s: float, usual: float) -> float:
    """The most energy that may flow in a time [kWh]; a coarse counter may add a few of its steps at once."""
    return MAX_HOME_KW * time_s / 3600 + max(_USUAL_STEPS * usual, _SLACK_KWH)


def _dips(seconds: Reals, values: Reals, usual: float) -> Mask:
    """Single readings that fall far and are back at their old level within ten minutes."""
    dips = np.zeros(len(values), dtype=np.bool_)
    before, here, after = values[:-2], values[1:-1], values[2:]
    brief = seconds[2:] - seconds[:-2] <= DIP_S
    back = (after >= before) & (after - before <= _USUAL_STEPS * usual)
    dips[1:-1] = brief & back & (here < RESET_SHARE * before) & (before - here > _FAR_STEPS * usual)
    return dips


def _without_glitches(seconds: Reals, values: Reals, usual: float) -> tuple[Reals, Reals, Links]:
    """The readings that belong to the counter, never falling but at a reset, and how each interval links its ends."""
    bounds = [0, *_breaks(seconds, values, usual), len(values)]
    kept: list[tuple[int, int]] = [(bounds[0], bounds[1])]
    links: list[int] = []
    segment = 1
    while segment < len(bounds) - 1:
        last = kept[-1][1] - 1
        after = _return(bounds, segment, last, seconds, values, usual)
        if after is not None:
            segment = after
        start = bounds[segment]
        links += [_link(values[start] - values[last], seconds[start] - seconds[last], values[start], usual)]
        kept.append((start, bounds[segment + 1]))
        segment += 1
    chosen = np.concatenate([np.arange(start, end) for start, end in kept])
    level = np.concatenate([np.maximum.accumulate(values[start:end]) for start, end in kept])
    kinds = np.zeros(len(chosen) - 1, dtype=np.int8)
    lengths = np.cumsum([end - start for start, end in kept])[:-1]
    kinds[lengths - 1] = links
    return seconds[chosen], level, kinds


def _breaks(seconds: Reals, values: Reals, usual: float) -> list[int]:
    """Positions of readings that do not continue the one before."""
    steps, time = np.diff(values), np.diff(seconds)
    falls = (steps < -max(_USUAL_STEPS * usual, _SMALLEST_KWH)) | (
        values[1:] < RESET_SHARE * values[:-1] - _SMALLEST_KWH
    )
    leaps = steps > MAX_HOME_KW * time / 3600 + max(_USUAL_STEPS * usual, _SLACK_KWH)
    return [int(position) + 1 for position in np.flatnonzero(falls | leaps)]


def _link(step: float, time_s: float, level: float, usual: float) -> int:
    """Classify the step between two readings: normal, a reset, or a shift to an unrelated level."""
    if -_USUAL_STEPS * usual <= step <= _possible(time_s, usual):
        return _NORMAL
    return _RESET if step < 0 and level <= _possible(time_s, usual) else _SHIFT


def _return(bounds: list[int], segment: int, last: int, seconds: Reals, values: Reals, usual: float) -> int | None:
    """The segment in which the counter is back where it was before this one, if this one is a glitch."""
    start = bounds[segment]
    fell = values[start] < values[last]
    if _link(values[start] - values[last], seconds[start] - seconds[last], values[start], usual) == _NORMAL:
        return None
    for later in range(segment + 1, min(segment + _LOOK_AHEAD, len(bounds) - 1)):
        position = bounds[later]
        opposite = (values[position] > values[position - 1]) == fell
        step, time = values[position] - values[last], seconds[position] - seconds[last]
        if opposite and _link(step, time, values[position], usual) == _NORMAL:
            return later
    return None
