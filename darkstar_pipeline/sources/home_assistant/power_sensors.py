"""Power sensors: the last value is held until the next one, so the energy of a slot is the sum of its pieces.

A value is held for a quarter of an hour at most, for no house draws the same power longer without a reading being lost.
Nothing stays nothing: a zero is held until the sensor speaks again, for a recorder stores only changes.
"""

import numpy as np

from darkstar_pipeline.sources.home_assistant.energy_curve import EnergyCurve, Reals

HOLD_S = 900.0
"""Longest time a power other than zero is held [s]."""


def power_curve(seconds: Reals, power_kw: Reals, *, until: float | None = None) -> EnergyCurve:
    """The energy of a power sensor.

    Args:
        seconds: instants of the states, ascending, shape (n,), n >= 1 [s].
        power_kw: power from each instant on, not negative, NaN where the sensor had no value, shape (n,) [kW].
        until: end of the recording [s].
    """
    ends = np.append(seconds[1:], seconds[-1] if until is None else max(until, seconds[-1]))
    # A short loss of the sensor is bridged like any silence: the value before it is held, up to the limit.
    known = np.flatnonzero(~np.isnan(power_kw))
    if known.size == 0:
        return EnergyCurve(np.empty(0), np.empty(0), np.empty(0))
    starts, power = seconds[known], power_kw[known]
    following = np.append(starts[1:], ends[-1])
    undisturbed = np.append(known[1:], len(seconds)) == known + 1
    hold = np.where((power == 0) & undisturbed, np.inf, HOLD_S)
    held = np.minimum(following - starts, hold)
    # Every reading gives two points: where its value begins and where it is no longer held.
    at = np.column_stack((starts, starts + held)).ravel()
    energy = np.cumsum(np.column_stack((np.zeros_like(held), power * held / 3600)).ravel())
    covered = np.cumsum(np.column_stack((np.zeros_like(held), held)).ravel())
    return EnergyCurve(at, energy, covered)


def split_signed(power_kw: Reals) -> tuple[Reals, Reals]:
    """The positive and the negative part of a power, both not negative; NaN stays NaN [kW]."""
    return np.maximum(power_kw, 0.0), np.maximum(-power_kw, 0.0)
