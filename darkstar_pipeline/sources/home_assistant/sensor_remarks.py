"""Remarks on sensors: which of a counter's readings were left out or held, and which slots stay missing."""

import numpy as np
import polars as pl

from darkstar_pipeline.sources.home_assistant.counters import CounterCurve
from darkstar_pipeline.sources.home_assistant.energy_curve import Reals
from darkstar_pipeline.sources.home_assistant.power_sensors import HOLD_S
from darkstar_pipeline.sources.home_assistant.series import Series
from darkstar_pipeline.sources.remarks import ALTERED, FILLED, MISSING, REFUSED, remarks_at, remarks_between


def counter_remarks(counted: CounterCurve, entity: str, quantity: str, timezone: str) -> list[pl.DataFrame]:
    """Return the remarks on a counter.

    Args:
        counted: the counter and how its readings were treated.
        entity: its sensor.
        quantity: column that it fills.
        timezone: IANA zone of the home.
    """
    glitch = f"{entity}: a fall or jump of the counter that is undone"
    held = f"{entity}: a fall of the last digit, the value before is held"
    shift = f"{entity}: not known what it counted (an unrelated level, a standstill, a reset with readings missing)"
    lost = f"{entity}: readings are missing and the counter rose meanwhile"
    return [
        remarks_at(counted.dropped_s, quantity, REFUSED, glitch, timezone),
        remarks_at(counted.lifted_s, quantity, ALTERED, held, timezone),
        remarks_between(counted.shift_s, quantity, REFUSED, shift, timezone),
        remarks_between(counted.lost_s, quantity, MISSING, lost, timezone),
    ]


def outage_remarks(
    seconds: Reals, power_kw: Reals, entity: str, quantity: str, timezone: str, *, until: float
) -> list[pl.DataFrame]:
    """Return the remarks on the times in which a power sensor was unavailable for longer than it is held.

    Args:
        seconds: instants of its states, shape (n,) [s].
        power_kw: power from each instant on, NaN where it had none, shape (n,) [kW].
        entity: its sensor.
        quantity: column that it fills.
        timezone: IANA zone of the home.
        until: end of the recording [s].
    """
    absent = np.concatenate(([False], np.isnan(power_kw), [False])).astype(np.int8)
    edges = np.append(seconds, max(until, float(seconds[-1])))
    starts, ends = (edges[np.flatnonzero(np.diff(absent) == step)] for step in (1, -1))
    long = ends - starts > HOLD_S
    outages = np.column_stack((starts[long], ends[long]))
    reason = f"{entity}: unavailable, or without a number"
    return [remarks_between(outages, quantity, MISSING, reason, timezone)]


def night_remarks(sensor: Series, seconds: Reals, power_kw: Reals, quantity: str, timezone: str) -> list[pl.DataFrame]:
    """Return the remarks on the nights in which a PV inverter slept, and its power is known to be zero.

    Args:
        sensor: the sensor as it was recorded.
        seconds: instants of its powers, those of the nights among them [s].
        power_kw: power from each instant on, zero in the nights [kW].
        quantity: column that it fills.
        timezone: IANA zone of the home.
    """
    slept = seconds[(power_kw == 0) & ~np.isin(seconds, sensor.known()[0])]
    words = f"{sensor.entity}: silent or unavailable at night, taken as 0"
    return [remarks_at(slept, quantity, FILLED, words, timezone)]
