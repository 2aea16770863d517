"""Energy counters as sensors record them: they reset, stumble over restarts, and are silent while nothing flows.

A recorder stores a counter when it changes. So a long silence that ends in one small step is a quiet time, and one that
ends in a large step is a time whose readings were lost: its energy is known, when it flowed is not, and its slots stay
missing. Every rule is a number below.
"""

from dataclasses import dataclass

import numpy as np

from darkstar_pipeline.sources.home_assistant.counter_glitches import (
    USUAL_STEPS,
    CleanCounter,
    Link,
    own_most_kw,
    usual_step,
    without_glitches,
)
from darkstar_pipeline.sources.home_assistant.counter_resets import LOST_AFTER_S, at_odd_hours, unseen_before_resets
from darkstar_pipeline.sources.home_assistant.energy_curve import EnergyCurve, Reals
from env.types import Mask

LOST_STEP_KWH = 0.1
"""A silence that ends in a larger step than this, and than three usual steps, is lost readings [kWh]."""
HELD_INTERVALS = 1.5
"""A counter of the sun that was rising fast stands still for no longer than so many of its own last intervals."""
QUIET_KW = 0.05
"""Power that may flow in a silence that is not a loss of readings: an inverter or a battery at rest [kW]."""
_SURGE_TIMES = 5.0
_SURGE_KW = 10.0
_SLACK_KWH = 0.05
_ROUNDING_KWH = 1e-6
_FAST_SHARE = 0.1


@dataclass(frozen=True)
class CounterCurve:
    """The energy of a counter, and how its readings were treated.

    Attributes:
        curve: the energy.
        resets: number of times it started again.
        dropped: number of readings left out as glitches.
        lost_kwh: energy that flowed while readings were lost [kWh].
        quiet_s: longest silence that was a quiet time [s].
        lifted: number of readings that fell by no more than noise and were held at the value before.
        shifts: number of changes to an unrelated level or by many times the counter's own most; their slots stay
            missing.
        dropped_s: instants of the readings that were left out [s].
        lifted_s: instants of those that were held [s].
        shift_s: pairs of readings between which the level changed, shape (n, 2) [s].
        lost_s: pairs of readings between which others were lost, shape (n, 2) [s].
        unseen_kwh: what flowed between a last reading and a reset, going by what flowed around it; the counter does not
            tell, and where that is known well enough it is in the curve [kWh].
    """

    curve: EnergyCurve
    resets: int
    dropped: int
    lost_kwh: float
    quiet_s: float
    lifted: int
    shifts: int
    unseen_kwh: float
    dropped_s: Reals
    lifted_s: Reals
    shift_s: Reals
    lost_s: Reals


def counter_curve(
    seconds: Reals, values_kwh: Reals, *, until: float | None = None, always: bool = False, smooth: bool = False
) -> CounterCurve:
    """Return the energy of a counter.

    Args:
        seconds: instants of the readings, ascending, shape (n,), n >= 1 [s].
        values_kwh: readings, shape (n,) [kWh].
        until: end of the recording: an unchanged counter is held up to it where that is no longer than it was quiet
            before [s].
        always: whether something always flows, as a home's load does.
        smooth: whether it comes to rest by degrees only, as the sun does and a grid connection does not.
    """
    usual = usual_step(values_kwh)
    most_kw = own_most_kw(seconds, values_kwh)
    clean = without_glitches(seconds, values_kwh, usual, most_kw)
    at, level, links = clean.seconds, clean.level, clean.links
    steps, time = np.diff(level), np.diff(at)
    reset = links == Link.RESET
    shift = (links == Link.SHIFT) | (_surges(steps, time, usual, most_kw) & ~reset)
    unseen, untold = unseen_before_resets(at, level, reset, usual, most_kw, always=always)
    shift |= untold | at_odd_hours(at, reset)
    shift |= _standing_still_before(level, shift)
    if always:
        shift |= _stuck_at_the_end(at, level)
    gained = np.where(reset, np.maximum(level[1:], 0.0), np.maximum(steps, 0.0)) + unseen
    several = np.count_nonzero(gained > _ROUNDING_KWH) > 1  # a single step is no evidence that it is usual
    large = np.maximum(LOST_STEP_KWH, np.maximum(USUAL_STEPS * usual * several, QUIET_KW * time / 3600))
    silent = (time > LOST_AFTER_S) & (gained > large)
    unknown = silent | shift
    quiet = float(time[~unknown].max(initial=0.0))
    energy = np.concatenate(([0.0], np.cumsum(np.where(unknown, 0.0, gained))))
    covered = np.concatenate(([0.0], np.cumsum(np.where(unknown, 0.0, time))))
    held = _last_interval(at, level) * HELD_INTERVALS if smooth and _broke_off(at, level, most_kw) else quiet
    if until is not None and not always and 0 < until - at[-1] <= held:
        at, energy = np.append(at, until), np.append(energy, energy[-1])
        covered = np.append(covered, covered[-1] + at[-1] - at[-2])
    lost = silent & ~shift
    dropped = len(seconds) - len(links) - 1
    pairs = np.column_stack((clean.seconds[:-1], clean.seconds[1:]))
    return CounterCurve(
        EnergyCurve(at, energy, covered),
        resets=int(reset.sum()),
        dropped=dropped,
        lost_kwh=float(gained[lost].sum()),
        quiet_s=quiet,
        lifted=clean.lifted,
        shifts=int(np.count_nonzero(shift)),
        unseen_kwh=float(unseen[~unknown].sum()),
        dropped_s=seconds[~np.isin(seconds, clean.seconds)] if dropped else np.empty(0),
        lifted_s=_lifted(seconds, values_kwh, clean) if clean.lifted else np.empty(0),
        shift_s=pairs[shift],
        lost_s=pairs[lost],
    )


def _lifted(seconds: Reals, values: Reals, clean: CleanCounter) -> Reals:
    """The instants at which a reading was held at the value before [s]."""
    read = values[np.searchsorted(seconds, clean.seconds)]
    return clean.seconds[clean.level - read > _ROUNDING_KWH]


def _surges(steps: Reals, time: Reals, usual: float, most_kw: float) -> Mask:
    """Steps of many times the counter's own most in the time between two readings."""
    hours = time / 3600
    return (steps > _SURGE_TIMES * most_kw * hours + USUAL_STEPS * usual) & (steps > _SURGE_KW * hours + _SLACK_KWH)


def _standing_still_before(level: Reals, shift: Mask) -> Mask:
    """Where the counter repeats the value that it leaves by an unexplained step: what flowed then was not counted."""
    found = np.zeros_like(shift)
    rises = np.flatnonzero(np.append(True, np.diff(level) != 0))
    for last in np.flatnonzero(shift).tolist():
        found[int(rises[np.searchsorted(rises, last, side="right") - 1]) : last] = True
    return found


def _stuck_at_the_end(at: Reals, level: Reals) -> Mask:
    """The end of a recording in which a counter that always counts repeats one value for longer than it ever did."""
    found = np.zeros(len(level) - 1, dtype=np.bool_)
    rises = np.flatnonzero(np.append(True, np.diff(level) != 0))
    longest = float(np.diff(at[rises]).max(initial=0.0))
    if at[-1] - at[rises[-1]] > max(LOST_AFTER_S, longest):
        found[int(rises[-1]) :] = True
    return found


def _last_interval(at: Reals, level: Reals) -> float:
    """Return the time between the last two rises of a counter, no more than what counts as lost [s]."""
    before, last = (np.flatnonzero(np.diff(level) > 0) + 1)[-2:]
    return min(float(at[last] - at[before]), LOST_AFTER_S / HELD_INTERVALS)


def _broke_off(at: Reals, level: Reals, most_kw: float) -> bool:
    """Return whether a counter was last rising fast: it did not come to rest, its readings stopped."""
    rises = np.flatnonzero(np.diff(level) > 0) + 1
    if rises.size < 2:  # noqa: PLR2004 - a rate needs two
        return False
    before, last = int(rises[-2]), int(rises[-1])
    return float(level[last] - level[before]) > _FAST_SHARE * most_kw * float(at[last] - at[before]) / 3600
