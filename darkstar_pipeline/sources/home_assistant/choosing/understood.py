"""The understanding of an import: each sensor that is taken, its quantity, unit, direction, rhythm and some values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from darkstar_pipeline.sources.home_assistant.sensor_names import Subject
from darkstar_pipeline.sources.home_assistant.series import Kind, Series
from darkstar_pipeline.sources.parsed import ReadAs

_POSITIVE = {
    Subject.GRID: "import",
    Subject.GRID_INVERTED: "export",
    Subject.BATTERY: "charging",
    Subject.BATTERY_INVERTED: "discharging",
}
_SAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Understood:
    """The understanding of one sensor.

    Attributes:
        sensor: its id.
        quantity: the column that it fills.
        kind: counter, resetting counter, power sensor or level.
        unit: the unit that it was read in.
        unit_is_stated: whether the export states the unit; else the size of the values decided.
        positive: what positive values mean, for a signed power; else empty.
        every_s: usual time between its readings; None where there are too few [s].
        samples: first, middle and last value, in kWh, kW or percent.
        energy_kwh: energy in whole slots; None for a level [kWh].
    """

    sensor: str
    quantity: str
    kind: str
    unit: str
    unit_is_stated: bool
    positive: str
    every_s: float | None
    samples: tuple[float, ...]
    energy_kwh: float | None


def understood(sensor: Series, quantity: str, slots: pl.DataFrame | None) -> Understood:
    """Return how a sensor was understood.

    Args:
        sensor: the sensor.
        quantity: the column that it fills.
        slots: `[slot_start, <quantity>]` of what it was taken for; None for a level.
    """
    seconds, values = sensor.known()
    middle = [0, len(values) // 2, len(values) - 1] if len(values) >= _SAMPLES else range(len(values))
    return Understood(
        sensor=sensor.entity,
        quantity=quantity,
        kind=str(sensor.kind),
        unit=sensor.unit,
        unit_is_stated=sensor.unit_is_stated or sensor.kind is Kind.LEVEL,
        positive=_POSITIVE.get(sensor.subject, ""),
        every_s=round(float(np.median(np.diff(seconds))), 1) if len(seconds) > 1 else None,
        samples=tuple(round(float(values[index]), 3) for index in middle),
        energy_kwh=None if slots is None else round(float(slots[quantity].sum()), 3),
    )


def read_as(seen: Understood, notes: Sequence[str]) -> ReadAs:
    """Return how a sensor was read.

    Args:
        seen: how it was understood.
        notes: notes on all sensors; those that begin with this one's name tell how its values were treated.
    """
    treatment = [note.removeprefix(f"{seen.sensor}: ") for note in notes if note.startswith(f"{seen.sensor}: ")]
    if seen.positive and not any(note.startswith("positive is") for note in treatment):
        treatment.insert(0, f"positive is {seen.positive}")
    return ReadAs(
        quantity=seen.quantity,
        format=f"Home Assistant history, {seen.kind}",
        sensor=seen.sensor,
        unit=(seen.unit if seen.unit_is_stated else f"{seen.unit} (by size)") or "not stated",
        treatment="; ".join(treatment),
    )


def rows(seen: Sequence[Understood]) -> list[Mapping[str, object]]:
    """Return what was understood as rows of a table."""
    return [
        {
            "sensor": one.sensor,
            "quantity": one.quantity,
            "unit": one.unit if one.unit_is_stated else f"{one.unit} (by size)",
            "positive": one.positive,
            "every": "" if one.every_s is None else _duration(one.every_s),
            "samples": ", ".join(f"{value:g}" for value in one.samples),
            "energy": one.energy_kwh,
        }
        for one in seen
    ]


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - two minutes
