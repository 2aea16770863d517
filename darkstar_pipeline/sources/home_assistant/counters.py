"""Energy counters as sensors record them: they reset, stumble over restarts, and are silent while nothing flows.

A recorder stores a counter when it changes. So a long silence that ends in one small step is a quiet time, and one that
ends in a large step is a time whose readings were lost: its energy is known, when it flowed is not, and its slots stay
missing. Every rule is a number below.
"""

from dataclasses import dataclass

import numpy as np

from darkstar_pipeline.sources.home_assistant.counter_glitches import (
    USUAL_STEPS,
    Link,
    Links,
    usual_step,
    without_glitches,
)
from darkstar_pipeline.sources.home_assistant.energy_curve import SLOT_SECONDS, EnergyCurve, Reals

LOST_AFTER_S = 65 * 60.0
"""Silence longer than this needs an explanation: an hourly counter plus five minutes of delay [s]."""
LOST_STEP_KWH = 0.1
"""A silence that ends in a larger step than this, and than three usual steps, is lost readings [kWh]."""
QUIET_KW = 0.05
"""Power that may flow in a silence that is not a loss of readings: an inverter or a battery at rest [kW]."""
_RESET_TIMES = 2.0
_SLACK_KWH = 0.05


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
        shifts: number of changes to an unrelated level, whose slots stay missing.
    """

    curve: EnergyCurve
    resets: int
    dropped: int
    lost_kwh: float
    quiet_s: float
    lifted: int
    shifts: int


def counter_curve(seconds: Reals, values_kwh: Reals, *, until: float | None = None) -> CounterCurve:
    """Return the energy of a counter.

    Args:
        seconds: instants of the readings, ascending, shape (n,), n >= 1 [s].
        values_kwh: readings, shape (n,) [kWh].
        until: end of the recording: an unchanged counter is held up to it where that is no longer than it was quiet
            before [s].
    """
    usual = usual_step(values_kwh)
    clean = without_glitches(seconds, values_kwh, usual)
    at, level, links = clean.seconds, clean.level, clean.links
    steps, time = np.diff(level), np.diff(at)
    reset = (links == Link.RESET) & (level[1:] <= _believable_kwh(at, level, links, usual))
    shift = (links != Link.NORMAL) & ~reset
    gained = np.where(reset, np.maximum(level[1:], 0.0), np.maximum(steps, 0.0))
    large = np.maximum(LOST_STEP_KWH, np.maximum(USUAL_STEPS * usual, QUIET_KW * time / 3600))
    silent = (time > LOST_AFTER_S) & (gained > large)
    unknown = silent | shift
    quiet = float(time[~unknown].max(initial=0.0))
    energy = np.concatenate(([0.0], np.cumsum(np.where(unknown, 0.0, gained))))
    covered = np.concatenate(([0.0], np.cumsum(np.where(unknown, 0.0, time))))
    if until is not None and 0 < until - at[-1] <= quiet:
        at, energy = np.append(at, until), np.append(energy, energy[-1])
        covered = np.append(covered, covered[-1] + at[-1] - at[-2])
    lost = float(gained[silent & ~shift].sum())
    dropped = len(seconds) - len(links) - 1
    return CounterCurve(
        EnergyCurve(at, energy, covered),
        resets=int(reset.sum()),
        dropped=dropped,
        lost_kwh=lost,
        quiet_s=quiet,
        lifted=clean.lifted,
        shifts=int(np.count_nonzero(shift)),
    )


def _believable_kwh(at: Reals, level: Reals, links: Links, usual: float) -> Reals:
    """The most that a counter can have gained since it was reset, by what it gained elsewhere [kWh].

    A counter that is reset to more than that was not reset to zero then: it shows what was counted already.
    """
    steps = np.where(links == Link.NORMAL, np.maximum(np.diff(level), 0.0), 0.0)
    energy = np.concatenate(([0.0], np.cumsum(steps)))
    quarters: Reals = np.arange(float(at[0]), float(at[-1]) + SLOT_SECONDS, SLOT_SECONDS, dtype=np.float64)
    gained: Reals = np.diff(np.interp(quarters, at, energy))
    most = float(gained.max(initial=0.0))
    return _RESET_TIMES * most * np.diff(at) / SLOT_SECONDS + USUAL_STEPS * usual + _SLACK_KWH
