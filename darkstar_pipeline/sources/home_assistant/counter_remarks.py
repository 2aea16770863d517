"""Remarks on a counter: which of its readings were left out or held, and which of its slots stay missing."""

import polars as pl

from darkstar_pipeline.sources.home_assistant.counters import CounterCurve
from darkstar_pipeline.sources.remarks import ALTERED, REFUSED, remarks_at, remarks_between


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
    shift = f"{entity}: the counter went to an unrelated level, or began again with readings missing"
    lost = f"{entity}: readings are missing and the counter rose meanwhile"
    return [
        remarks_at(counted.dropped_s, quantity, REFUSED, glitch, timezone),
        remarks_at(counted.lifted_s, quantity, ALTERED, held, timezone),
        remarks_between(counted.shift_s, quantity, shift, timezone),
        remarks_between(counted.lost_s, quantity, lost, timezone),
    ]
