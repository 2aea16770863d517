"""Power sensors: the last value is held until the next one, so the energy of a slot is the sum of its pieces.

How long it is held is judged by the sensor's own rhythm: half as long again as nine in ten of its silences, at least a
quarter of an hour, and as long as its silences last that it has twice a day. A sensor that speaks less often than once
an hour shows a power that rarely changes, and a recorder stores only changes: it is held until the next state. So is a
zero. A sensor that became unavailable is bridged for a quarter of an hour.
"""

import numpy as np

from darkstar_pipeline.sources.home_assistant.energy_curve import EnergyCurve, Reals
from env.types import Mask

HOLD_S = 900.0
"""Shortest time for which a power is held that no state follows [s]."""
_RHYTHM = 1.5
_OFTEN_A_DAY = 2.0
_FEWEST_OFTEN = 4
_FEWEST_RARE = 3
_FEWEST_USUAL = 8
_RARELY_S = 3600.0
_LONGEST_RARE_S = 26 * 3600.0
_DAY_S = 86_400.0
_NO_VALUE_W = (-32_768.0, 32_767.0, 65_535.0, -2_147_483_648.0, 2_147_483_647.0, 4_294_967_295.0)
"""What Modbus registers of 16 and 32 bits show where there is no value [W]."""
_ROUNDING_W = 0.01


def power_curve(
    seconds: Reals, power_kw: Reals, *, until: float | None = None, doubted: Mask | None = None
) -> EnergyCurve:
    """The energy of a power sensor.

    Args:
        seconds: instants of the states, ascending, shape (n,), n >= 1 [s].
        power_kw: power from each instant on, not negative, NaN where the sensor had no value, shape (n,) [kW].
        until: end of the recording [s].
        doubted: readings that are not believed: until the next one nothing is known, shape (n,).
    """
    ends = np.append(seconds[1:], seconds[-1] if until is None else max(until, seconds[-1]))
    # A short loss of the sensor is bridged like any silence: the value before it is held, up to the limit.
    known = np.flatnonzero(~np.isnan(power_kw))
    if known.size == 0:
        return EnergyCurve(np.empty(0), np.empty(0), np.empty(0))
    starts, power = seconds[known], power_kw[known]
    following = np.append(starts[1:], ends[-1])
    undisturbed = np.append(known[1:], len(seconds)) == known + 1
    hold = np.where(undisturbed, np.where(power == 0, np.inf, _longest_hold(starts, undisturbed)), HOLD_S)
    # The recording may have gone on without this sensor: not even a zero is held longer than it was ever silent.
    hold[-1] = min(hold[-1], max(HOLD_S, float(np.diff(starts).max(initial=0.0)))) if known.size > 1 else hold[-1]
    held = np.minimum(following - starts, hold)
    # Every reading gives two points: where its value begins and where it is no longer held.
    at = np.column_stack((starts, starts + held)).ravel()
    energy = np.cumsum(np.column_stack((np.zeros_like(held), power * held / 3600)).ravel())
    believed = held if doubted is None else np.where(doubted[known], 0.0, held)
    covered = np.cumsum(np.column_stack((np.zeros_like(held), believed)).ravel())
    return EnergyCurve(at, energy, covered)


def _longest_hold(at: Reals, undisturbed: Mask) -> float:
    """The longest silence in which a sensor's power is as it was [s]."""
    gaps = np.diff(at)[undisturbed[:-1]]
    if gaps.size < _FEWEST_RARE:
        return HOLD_S
    if float(np.median(gaps)) > _RARELY_S:
        return _LONGEST_RARE_S
    often = max(_FEWEST_OFTEN, round(_OFTEN_A_DAY * (at[-1] - at[0]) / _DAY_S))
    usual = _RHYTHM * float(np.quantile(gaps, 0.9)) if gaps.size >= _FEWEST_USUAL else HOLD_S
    regular = float(np.sort(gaps)[-often]) if gaps.size >= often else 0.0
    return max(HOLD_S, usual, regular)


def without_markers(power_kw: Reals) -> tuple[Reals, int]:
    """The powers with NaN where a register shows that it has no value [kW], and how many those are."""
    marked = (np.abs(power_kw[:, None] * 1000 - _NO_VALUE_W) <= _ROUNDING_W).any(axis=1)
    return np.where(marked, np.nan, power_kw), int(marked.sum())


def split_signed(power_kw: Reals) -> tuple[Reals, Reals]:
    """The positive and the negative part of a power, both not negative; NaN stays NaN [kW]."""
    return np.maximum(power_kw, 0.0), np.maximum(-power_kw, 0.0)
