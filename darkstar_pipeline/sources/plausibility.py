"""Plausibility checks of units: a wrong unit is recognised by the size of the numbers.

A home draws between a few tens of watts and some tens of kilowatts. Between watts and kilowatts lie three powers of
ten, so the limits need not be sharp. The size of prices: `price_lists.scale`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.parsed import Refused
from darkstar_pipeline.sources.resolution import NATIVE
from env.home_rows import HOME, per_home

MAX_HOME_KW = 100.0
"""No single row of a home may imply more [kW]."""
MAX_TYPICAL_KW = 30.0
"""The median of the non-zero rows of a column may not imply more [kW]."""
MIN_TYPICAL_KW = 0.005
"""The 95th percentile of the load may not imply less [kW]: no home with a meter runs on five watts."""
_SUNNY = ("pv_kwh", "export_kwh")
_ENOUGH = 8
_HOUR = 60
_KW_FOR_KWH = 2.5
"""Twice the battery's limit may be a battery configured too small; four times it at 15 minutes is kW for kWh."""
_SOC_FRACTION = 1.0


def implied_kw(name: str) -> pl.Expr:
    """Return the mean power of an energy column over its row [kW]."""
    return pl.col(name) * (60 / pl.col(NATIVE))


def most_typical_kw(name: str) -> float:
    """Return what the median of a column's rows that are not zero may imply [kW]: a farm's panels give their most."""
    return MAX_HOME_KW if name in _SUNNY else MAX_TYPICAL_KW


def wrong_energy_units(
    rows: pl.DataFrame, energy: Sequence[str], file: str, sites: Mapping[str, SiteSettings]
) -> Refused:
    """Return the homes whose energy columns are in W, Wh, kW or MWh, each with the column and the remedy.

    Args:
        rows: readable rows with `native_minutes` and the energy columns.
        energy: their names.
        file: name that is reported.
        sites: battery and grid limits of each home, which distinguish kW from kWh per slot.
    """
    refused = dict[str, DataRefusedError]()
    for name in energy:
        kw = implied_kw(name).abs()
        used = kw.filter(kw.is_finite() & (kw > 0))
        sizes = per_home(
            rows,
            used.median().alias("typical"),
            used.quantile(0.95).alias("top"),
            used.count().alias("count"),
            pl.col(NATIVE).min().alias("finest"),
            pl.col(NATIVE).median().alias("native"),
        ).filter(pl.col("count") > 0)
        for home, *size in sizes.iter_rows():
            if home not in refused and (error := _unit_error(_Size(*size), name, file, sites[home])) is not None:
                refused[home] = error
    return refused


class _Size(NamedTuple):
    """The readings of a quantity that are not zero: median and 95th percentile [kW], number, and row lengths [min]."""

    typical: float
    top: float
    rows: int
    finest: int
    native: float


def _unit_error(size: _Size, name: str, file: str, site: SiteSettings) -> DataRefusedError | None:
    """Return why a quantity of that size is in another unit; None where it is not."""
    if size.typical > (most := most_typical_kw(name)):
        limit = f"a home's is below {most:.0f} kW"
        message = f"{file}: {name} implies a typical power of {size.typical:,.0f} kW, {limit}"
        return DataRefusedError(message, _energy_remedy(int(size.native), name))
    if name == "load_kwh" and size.rows >= _ENOUGH and size.top < MIN_TYPICAL_KW:
        message = f"{file}: {name} implies at most {size.top * 1000:.2g} W, which no home runs on"
        return DataRefusedError(message, f"if {name} is in MWh, multiply it by 1000")
    return _kw_error(size, name, file, site)


def _energy_remedy(native: int, name: str) -> str:
    """Return the divisors for Wh and for W: the size alone cannot distinguish them."""
    per_kilowatt = 60_000 // native if 60_000 % native == 0 else 60_000 / native
    return (
        f"{name} must be kWh per row: if it holds Wh, divide by 1000; "
        f"if it holds W, divide by {per_kilowatt} ({native}-minute rows)"
    )


def _kw_error(size: _Size, name: str, file: str, site: SiteSettings) -> DataRefusedError | None:
    """Return why a quantity is in kW, where a limit of the site shows it; None where none does."""
    limits = {
        "batt_charge_kwh": ("battery.charge_kw", site.battery.charge_kw),
        "batt_discharge_kwh": ("battery.discharge_kw", site.battery.discharge_kw),
        "import_kwh": ("limits.import_kw", site.limits.import_kw),
        "export_kwh": ("limits.export_kw", site.limits.export_kw),
    }
    setting, limit = limits.get(name, ("", None))
    few = size.finest >= _HOUR or size.rows < _ENOUGH
    if limit is None or limit <= 0 or few or size.top <= _KW_FOR_KWH * limit:
        return None
    message = f"{file}: {name} implies {size.top:.1f} kW where {setting} is {limit:g} kW"
    native = size.finest
    hint = f"if {name} holds kW, divide by {60 / native:g} to get kWh per {native}-minute row; else correct {setting}"
    return DataRefusedError(message, hint)


def soc_fractions(rows: pl.DataFrame, names: Sequence[str], file: str) -> Refused:
    """Return the homes whose state of charge is 0..1: no value is above 1, in at least eight rows."""
    refused = dict[str, DataRefusedError]()
    for name in names:
        values = pl.col(name).drop_nulls()
        fraction = (values.max() > 0) & (values.max() <= _SOC_FRACTION) & (values.n_unique() > 1)
        found = per_home(rows, (fraction & (values.len() >= _ENOUGH)).alias("fraction")).filter("fraction")
        for home in found[HOME]:
            error = DataRefusedError(
                f"{file}: {name} never exceeds 1 %, so it looks like 0..1", f"multiply {name} by 100"
            )
            refused.setdefault(home, error)
    return refused
