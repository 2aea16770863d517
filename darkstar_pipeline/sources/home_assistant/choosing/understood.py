"""The understanding of an import: each sensor that is taken, its quantity, unit, direction, rhythm and some values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from darkstar_pipeline.sources.home_assistant.sensor_names import Subject
from darkstar_pipeline.sources.home_assistant.series import Kind, Series

_POSITIVE = {
    Subject.GRID: "import",
    Subject.GRID_INVERTED: "export",
    Subject.BATTERY: "charging",
    Subject.BATTERY_INVERTED: "discharging",
}
_INTO_HOME = {"pv_kwh": 1.0, "import_kwh": 1.0, "export_kwh": -1.0, "batt_discharge_kwh": 1.0, "batt_charge_kwh": -1.0}
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


@dataclass(frozen=True, kw_only=True)
class Balance:
    """The energy balance of the slots in which all flows are known.

    Attributes:
        slots: number of those slots.
        load_kwh: the load as recorded [kWh].
        flows_kwh: PV + import - export + discharge - charge, which should be the load [kWh].
        unexplained_kwh: sum of the differences of the slots, without their signs [kWh].
        without: flows that no sensor records and that are taken as nothing.
    """

    slots: int
    load_kwh: float
    flows_kwh: float
    unexplained_kwh: float
    without: tuple[str, ...]


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


def balance_of(slots: pl.DataFrame) -> Balance | None:
    """Return the energy balance of readings; None where load or grid are not recorded.

    Args:
        slots: `[slot_start, <columns>]`.
    """
    if "load_kwh" not in slots.columns or "import_kwh" not in slots.columns:
        return None
    flows = {name: sign for name, sign in _INTO_HOME.items() if name in slots.columns}
    whole = slots.drop_nulls(["load_kwh", *flows])
    if whole.is_empty():
        return None
    into = whole.select(pl.sum_horizontal(pl.col(name) * sign for name, sign in flows.items()))[:, 0]
    load = whole["load_kwh"]
    return Balance(
        slots=whole.height,
        load_kwh=round(float(load.sum()), 3),
        flows_kwh=round(float(into.sum()), 3),
        unexplained_kwh=round(float((load - into).abs().sum()), 3),
        without=tuple(name for name in _INTO_HOME if name not in flows),
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


def in_words(balance: Balance) -> str:
    """Return a balance as a sentence."""
    share = balance.unexplained_kwh / balance.load_kwh if balance.load_kwh > 0 else 0.0
    missing = f", without {', '.join(balance.without)}" if balance.without else ""
    return (
        f"load {balance.load_kwh:.2f} kWh, PV + import - export + discharge - charge {balance.flows_kwh:.2f} kWh"
        f"{missing}; {balance.unexplained_kwh:.2f} kWh ({share:.0%} of the load) unexplained in {balance.slots} slots"
    )
