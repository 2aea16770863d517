"""Plausibility checks of units: a wrong unit is recognised by the size of the numbers.

A home draws between a few tens of watts and some tens of kilowatts; a kilowatt-hour costs between nothing and a few
euros. Between watts and kilowatts lie three powers of ten, so the limits need not be sharp.
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
_ENOUGH = 8
_HOUR = 60
_KW_FOR_KWH = 2.5
"""Twice the battery's limit may be a battery configured too small; four times it at 15 minutes is kW for kWh."""
_SOC_FRACTION = 1.0

MAX_TYPICAL_PRICE_EUR = 0.75
"""The median price of a file may not exceed this [EUR/kWh]; the most expensive day of 2022 had a median of 0.53."""
MAX_PRICE_EUR = 6.0
"""No single price may exceed this either way [EUR/kWh]; the market's own cap was never above 5."""
_PER_EURO = {"EUR": 1.0, "SEK": 11.0, "NOK": 11.5, "DKK": 7.46, "GBP": 0.85, "USD": 1.1, "CHF": 0.95, "PLN": 4.3}
_CENTS = {"SEK": "öre", "NOK": "øre", "DKK": "øre", "GBP": "pence"}


def implied_kw(name: str) -> pl.Expr:
    """Return the mean power of an energy column over its row [kW]."""
    return pl.col(name) * (60 / pl.col(NATIVE))


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
        if typical > MAX_TYPICAL_KW:
            limit = f"a home's is below {MAX_TYPICAL_KW:.0f} kW"
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


def price_limit(currency: str, per_euro: float) -> float:
    """Convert a limit from EUR/kWh to another currency [money/kWh]; an unknown currency counts like the krona."""
    return per_euro * _PER_EURO.get(currency.upper(), 11.0)


def refuse_wrong_price_scale(prices: pl.Series, currency: str, file: str) -> None:
    """Refuse prices per MWh or in hundredths.

    Args:
        prices: readable prices [money/kWh if right].
        currency: the site's currency.
        file: name that is reported.

    Raises:
        DataRefusedError: with what to divide by.
    """
    finite = prices.filter(prices.is_finite() & (prices != 0))
    if finite.is_empty():
        return
    typical = _number(finite.abs().median())
    limit = price_limit(currency, MAX_TYPICAL_PRICE_EUR)
    if typical > limit:
        cents = _CENTS.get(currency.upper(), "cents")
        message = f"{file}: the typical price is {typical:,.4g}, too much for {currency}/kWh (at most {limit:.2g})"
        hint = f"prices are {currency} per kWh: divide {currency}/MWh by 1000, {cents}/kWh by 100"
        raise DataRefusedError(message, hint)


def _number(value: object) -> float:
    """A scalar that Polars types as anything; here it is a number."""
    return float(value) if isinstance(value, int | float) else float("nan")
