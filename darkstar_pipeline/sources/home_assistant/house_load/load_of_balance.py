"""A load that no sensor measures: what the other flows of the home leave over, slot by slot.

Most homes have a meter, panels and a battery whose counters Home Assistant knows, and no sensor of the house alone.
"""

from collections.abc import Collection

import polars as pl

from darkstar_pipeline.sources.home_assistant.sensor_names import Subject
from darkstar_pipeline.sources.parsed import ReadAs

BALANCE = "balance"
"""Stands in a mapping for the sensor of the load."""
FLOWS = (
    Subject.PV, Subject.IMPORT, Subject.EXPORT, Subject.CHARGE, Subject.DISCHARGE, Subject.GRID, Subject.GRID_INVERTED,
    Subject.BATTERY, Subject.BATTERY_INVERTED,
)  # fmt: skip
_SIGNS = {Subject.PV: 1, Subject.IMPORT: 1, Subject.EXPORT: -1, Subject.DISCHARGE: 1, Subject.CHARGE: -1}
_GRID, _BATTERY = (Subject.IMPORT, Subject.EXPORT), (Subject.CHARGE, Subject.DISCHARGE)
_BOTH = {
    Subject.GRID: _GRID,
    Subject.GRID_INVERTED: _GRID,
    Subject.BATTERY: _BATTERY,
    Subject.BATTERY_INVERTED: _BATTERY,
}
_APPLIANCES = (Subject.WATER, Subject.EV)
READ_AS = ReadAs(
    quantity=Subject.LOAD.value,
    format="balance of the home's flows",
    sensor=BALANCE,
    unit="kWh",
    treatment="PV + import - export + discharge - charge, without car and water heater",
)


def with_load_of_balance(slots: pl.DataFrame, subjects: Collection[Subject]) -> pl.DataFrame:
    """Return readings with the load that the other flows leave over; null where one of them is missing.

    Args:
        slots: a column a quantity, without a load.
        subjects: what the sensors of the home measure, also those that are not in these readings.
    """
    flows = sorted({flow for subject in subjects for flow in _BOTH.get(subject, (subject,)) if flow in _SIGNS})
    if not {*_GRID} & {*flows} or any(flow.value not in slots.columns for flow in flows):
        return slots
    parts = [pl.col(flow.value) * _SIGNS[flow] for flow in flows]
    parts += [-pl.col(each.value).fill_null(0.0) for each in _APPLIANCES if each.value in slots.columns]
    total = pl.sum_horizontal(parts, ignore_nulls=False).clip(lower_bound=0.0)
    return slots.with_columns(total.alias(Subject.LOAD.value))
