"""Nights of a PV inverter, which sleeps: unavailable or silent in the dark, it gives nothing."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from darkstar_pipeline.sources.home_assistant.energy_curve import Reals

HOLD_S = 900.0
_LONGEST_NIGHT_S = 20 * 3600.0
_DUSK_SHARE = 0.05
_DARK_HOURS = (22, 23, 0, 1, 2, 3)
_HOUR_S = 3600.0


def with_nights(seconds: Reals, power_kw: Reals, timezone: str, *, until: float) -> tuple[Reals, Reals, int]:
    """Return the power of a PV sensor with zeros where its inverter slept, and the number of nights.

    A night is a stretch without a value, of twenty hours at most, that lies in the dark at least in part, and beside
    which the inverter gives next to nothing (a twentieth of its usual most).

    Args:
        seconds: instants of the states, ascending, shape (n,) [s].
        power_kw: power, NaN where the sensor had no value, shape (n,) [kW].
        timezone: IANA zone of the home.
        until: end of the recording [s].
    """
    known = np.flatnonzero(~np.isnan(power_kw))
    if known.size == 0:
        return seconds, power_kw, 0
    low = _DUSK_SHARE * float(np.quantile(power_kw[known], 0.99))
    zone = ZoneInfo(timezone)
    at, power = seconds[known], np.maximum(power_kw[known], 0.0)
    # Before its first and after its last value the inverter slept if it does so at the edges of the recording.
    starts, ends = np.concatenate((seconds[:1], at)), np.concatenate((at, [max(until, float(at[-1]))]))
    before, after = np.concatenate(([0.0], power)), np.concatenate((power, [0.0]))
    quiet = (before <= low) & (after <= low) & (ends - starts > HOLD_S) & (ends - starts <= _LONGEST_NIGHT_S)
    nights = [
        (float(starts[index]), float(ends[index]))
        for index in np.flatnonzero(quiet)
        if _dark(float(starts[index]), float(ends[index]), zone)
    ]
    if not nights:
        return seconds, power_kw, 0
    first = at[0]
    asleep = np.array([start if start < first else start + HOLD_S for start, _ in nights])
    kept = np.ones(len(seconds), dtype=np.bool_)
    for start, end in nights:
        kept &= ~(np.isnan(power_kw) & (seconds >= start) & (seconds < max(end, start + 1)))
    if np.isnan(power_kw[-1]) and nights[-1][1] > at[-1] and nights[-1][0] == at[-1]:
        kept[known[-1] + 1 :] = False
    every, values = np.concatenate((seconds[kept], asleep)), np.concatenate((power_kw[kept], np.zeros(len(asleep))))
    order = np.argsort(every, kind="stable")
    return every[order], values[order], len(nights)


def _dark(start: float, end: float, zone: ZoneInfo) -> bool:
    """Return whether a stretch touches the hours around midnight."""
    hours = np.append(np.arange(start, end, _HOUR_S), end)
    return any(datetime.fromtimestamp(float(second), zone).hour in _DARK_HOURS for second in hours)
