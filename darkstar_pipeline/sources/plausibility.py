"""Plausibility checks of units: a wrong unit is recognised by the size of the numbers.

A home draws between a few tens of watts and some tens of kilowatts. Between watts and kilowatts lie three powers of
ten, so the limits need not be sharp. The size of prices: `price_lists.scale`.
"""

from collections.abc import Sequence

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.resolution import NATIVE

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


def refuse_wrong_energy_unit(rows: pl.DataFrame, energy: Sequence[str], file: str, site: SiteSettings) -> None:
    """Refuse a file whose energy columns are in W, Wh, kW or MWh.

    Args:
        rows: readable rows with `native_minutes` and the energy columns.
        energy: their names.
        file: name that is reported.
        site: battery and grid limits, which distinguish kW from kWh per slot.

    Raises:
        DataRefusedError: naming the column and the remedy.
    """
    for name in energy:
        kw = rows.select(implied_kw(name).abs().alias(name)).to_series()
        used = kw.filter(kw.is_finite() & (kw > 0))
        if used.is_empty():
            continue
        typical = _number(used.median())
        if typical > (most := most_typical_kw(name)):
            limit = f"a home's is below {most:.0f} kW"
            message = f"{file}: {name} implies a typical power of {typical:,.0f} kW, {limit}"
            raise DataRefusedError(message, _energy_remedy(rows, name))
        top = _number(used.quantile(0.95))
        if name == "load_kwh" and len(used) >= _ENOUGH and top < MIN_TYPICAL_KW:
            message = f"{file}: {name} implies at most {top * 1000:.2g} W, which no home runs on"
            raise DataRefusedError(message, f"if {name} is in MWh, multiply it by 1000")
        _refuse_kw(used, name, file, site, int(_number(rows[NATIVE].min())))


def _energy_remedy(rows: pl.DataFrame, name: str) -> str:
    """Return the divisors for Wh and for W: the size alone cannot distinguish them."""
    native = int(_number(rows[NATIVE].median()))
    per_kilowatt = 60_000 // native if 60_000 % native == 0 else 60_000 / native
    return (
        f"{name} must be kWh per row: if it holds Wh, divide by 1000; "
        f"if it holds W, divide by {per_kilowatt} ({native}-minute rows)"
    )


def _refuse_kw(used: pl.Series, name: str, file: str, site: SiteSettings, native: int) -> None:
    """Refuse kW in a column of kWh, where a limit of the site shows it."""
    limits = {
        "batt_charge_kwh": ("battery.charge_kw", site.battery.charge_kw),
        "batt_discharge_kwh": ("battery.discharge_kw", site.battery.discharge_kw),
        "import_kwh": ("limits.import_kw", site.limits.import_kw),
        "export_kwh": ("limits.export_kw", site.limits.export_kw),
    }
    setting, limit = limits.get(name, ("", None))
    top = _number(used.quantile(0.95))
    if limit is None or limit <= 0 or native >= _HOUR or len(used) < _ENOUGH or top <= _KW_FOR_KWH * limit:
        return
    message = f"{file}: {name} implies {top:.1f} kW where {setting} is {limit:g} kW"
    hint = f"if {name} holds kW, divide by {60 / native:g} to get kWh per {native}-minute row; else correct {setting}"
    raise DataRefusedError(message, hint)


def refuse_soc_fraction(rows: pl.DataFrame, names: Sequence[str], file: str) -> None:
    """Refuse a state of charge given as 0..1.

    Raises:
        DataRefusedError: no value is above 1, in at least eight rows.
    """
    for name in names:
        values = rows[name].drop_nulls()
        if len(values) >= _ENOUGH and 0 < _number(values.max()) <= _SOC_FRACTION and values.n_unique() > 1:
            raise DataRefusedError(
                f"{file}: {name} never exceeds 1 %, so it looks like 0..1", f"multiply {name} by 100"
            )


def _number(value: object) -> float:
    """A scalar that Polars types as anything; here it is a number."""
    return float(value) if isinstance(value, int | float) else float("nan")
