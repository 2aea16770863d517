"""Metered energy of a span, the battery's cycles, and how far forecasts were from it."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.warehouse.schemas import METER_READINGS, SLOT_FORECASTS

CENTRAL = 0.5
FORECAST = ("load_kwh", "pv_kwh")
_ENERGIES = ("load_kwh", "pv_kwh", "import_kwh", "export_kwh", "batt_charge_kwh", "batt_discharge_kwh")


@dataclass(frozen=True, kw_only=True)
class MeteredEnergy:
    """Energy of the slots of a span in which it was read; None where a quantity was never read.

    Attributes:
        slots: slots that have a row of readings.
        energy_kwh: sum by quantity [kWh].
        read_slots: slots in which each was read.
        cycles: energy taken out of the store in capacities.
        self_consumption: share of the panels' energy that was not exported, 0-1.
        self_sufficiency: share of the load that was not imported, 0-1.
    """

    slots: int
    energy_kwh: dict[str, float | None]
    read_slots: dict[str, int]
    cycles: float | None
    self_consumption: float | None
    self_sufficiency: float | None


@dataclass(frozen=True, kw_only=True)
class ForecastError:
    """Distance of the stored forecasts, made at midnight, from what was metered on the same days.

    Attributes:
        days: days that have both.
        of_day_kwh: mean absolute error of the day's sum [kWh].
        bias_kwh: mean of forecast less metered, of the day's sum [kWh].
        mean_kwh: mean of the metered day's sum [kWh].
    """

    days: int
    of_day_kwh: float
    bias_kwh: float
    mean_kwh: float


def metered_energy(context: Context, first: date, last: date) -> MeteredEnergy:
    """Return the metered energy of the local days from `first` to `last`."""
    rows = context.lake.read(METER_READINGS, context.site_name, first, last)
    read = {name: rows.height - rows[name].null_count() for name in _ENERGIES}
    energy = {name: float(rows[name].sum()) if read[name] else None for name in _ENERGIES}
    capacity, out = context.site.battery.capacity_kwh, energy["batt_discharge_kwh"]
    stored = None if out is None or not capacity else out / context.site.battery.discharge_efficiency
    return MeteredEnergy(
        slots=rows.height,
        energy_kwh=energy,
        read_slots=read,
        cycles=None if stored is None else stored / capacity,
        self_consumption=_kept(rows, "pv_kwh", "export_kwh"),
        self_sufficiency=_kept(rows, "load_kwh", "import_kwh"),
    )


def _kept(rows: pl.DataFrame, whole: str, part: str) -> float | None:
    """Return the share of a quantity that does not go into another, on slots where both were read; never below 0."""
    both = rows.filter(pl.col(whole).is_not_null() & pl.col(part).is_not_null())
    total = float(both[whole].sum())
    return None if total <= 0 else max(1.0 - float(both[part].sum()) / total, 0.0)


def forecast_errors(context: Context, first: date, last: date) -> dict[str, ForecastError]:
    """Return the error of the central forecasts of load and PV by quantity, on whole days that have both."""
    site, day = context.site_name, pl.col("local_day")
    forecasts = (
        context.lake.read(SLOT_FORECASTS, site, first, last)
        .filter(pl.col("quantile") == CENTRAL)
        .rename({name: f"forecast_{name}" for name in FORECAST})
        .select("slot_start", *(f"forecast_{name}" for name in FORECAST), vintage_day=day)
    )
    metered = context.lake.read(METER_READINGS, site, first, last).select("slot_start", "local_day", *FORECAST)
    both = metered.join(forecasts, on="slot_start").filter(day == pl.col("vintage_day"))
    slots = metered.group_by("local_day").agg(slots=pl.len())
    found: dict[str, ForecastError] = {}
    for name in FORECAST:
        known = both.drop_nulls([name, f"forecast_{name}"])
        days = known.group_by("local_day").agg(pl.len().alias("n"), pl.col(name, f"forecast_{name}").sum())
        whole = days.join(slots, on="local_day").filter(pl.col("n") == pl.col("slots"))
        if whole.is_empty() or float(whole[name].sum()) == 0:
            continue
        off = whole[f"forecast_{name}"] - whole[name]
        found[name] = ForecastError(
            days=whole.height,
            of_day_kwh=float(off.abs().sum()) / whole.height,
            bias_kwh=float(off.sum()) / whole.height,
            mean_kwh=float(whole[name].sum()) / whole.height,
        )
    return found
