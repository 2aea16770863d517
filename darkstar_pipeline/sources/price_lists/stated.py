"""Reads what an export states of its prices (unit, currency, VAT, costs), and how they become money per kWh before VAT.

Stated things come first; the size of the numbers is the last resort, and is told. A stated unit that cannot be
converted is a refusal.
"""

import re
from dataclasses import dataclass

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.price_lists.areas import refuse_other_area
from darkstar_pipeline.sources.price_lists.units import PriceUnit, price_unit

_NORD_POOL_ID = re.compile(
    r"nordpool_(?P<energy>kwh|mwh|wh)_(?P<area>[a-z0-9_]+?)_(?P<currency>[a-z]{3})_\d+_\d+_(?P<vat>0\d*)(?:_\d)?$"
)
"""The custom integration's ids: energy, area, currency, decimals, limit of a low price, VAT (025 is 0.25)."""


@dataclass(frozen=True, kw_only=True)
class Stated:
    """Facts that an export states of its prices.

    Attributes:
        unit: unit as written; empty where none is.
        currency: code as written; None where none is.
        area: price area as written; None where none is.
        entity: id of the sensor they come from; empty where none is known.
        hundredths: whether a setting says that they are in hundredths; None where none does.
        costs: why they are more than spot prices; empty where nothing says so.
    """

    unit: str = ""
    currency: str | None = None
    area: str | None = None
    entity: str = ""
    hundredths: bool | None = None
    costs: str = ""


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A way to turn numbers into money per kWh before VAT.

    Attributes:
        divisor: what they are divided by.
        notes: what was converted or assumed, in words.
    """

    divisor: float
    notes: tuple[str, ...]


def conversion(stated: Stated, site: SiteSettings, name: str) -> Conversion:
    """Return how the numbers become the site's money per kWh before VAT.

    Args:
        stated: what the export states.
        site: its area and currency.
        name: name that is reported: of the file or the sensor.

    Raises:
        DataRefusedError: another area or currency, a unit that is none of a price, or prices with costs in them.
    """
    named = _NORD_POOL_ID.search(stated.entity.lower())
    refuse_other_area(stated.area, site, name)
    if stated.costs:
        raise DataRefusedError(f"{name}: {stated.costs}", "use the spot price alone; fees belong in the tariff")
    if named is not None:
        refuse_other_area(named["area"].upper(), site, name)
    unit = _unit(stated, name)
    _refuse_other_currency(unit, stated.currency or (named["currency"].upper() if named else None), site, name)
    energy = price_unit(f"/{named['energy']}") if named else None
    if unit is not None and unit.energy and energy is not None and unit.divisor / energy.divisor not in (1.0, 100.0):
        message = f"{name}: the id says {named['energy'] if named else ''}, the unit {unit.text}"
        raise DataRefusedError(message, "set up the sensor again, so that both agree")
    per_energy = 1.0 if energy is None or (unit is not None and unit.energy) else energy.divisor
    divisor = (1.0 if unit is None else unit.divisor) * per_energy
    if stated.hundredths and (unit is None or unit.divisor in (1.0, 1000.0, 0.001)):
        divisor *= 100.0
    vat = float(f"0.{named['vat'][1:] or '0'}") if named else 0.0
    known = energy is not None or (unit is not None and unit.energy)
    return Conversion(divisor=divisor * (1 + vat), notes=_notes(divisor, vat, site, unit, name, known=known))


def _notes(
    divisor: float, vat: float, site: SiteSettings, unit: PriceUnit | None, name: str, *, known: bool
) -> tuple[str, ...]:
    """Return what was converted or assumed."""
    shown = unit.text if unit is not None and unit.energy else "as the sensor states its unit"
    return (
        *(
            (f"{name}: prices ({shown}) were divided by {divisor:g} to give {site.currency}/kWh",)
            if divisor != 1
            else ()
        ),
        *((f"{name}: {100 * vat:g} % VAT, as its id says, was taken out of every price",) if vat else ()),
        *(() if known else (f"{name}: no unit is stated; by their size the prices are {site.currency}/kWh",)),
    )


def _unit(stated: Stated, name: str) -> PriceUnit | None:
    """The unit as understood; None where none is stated.

    Raises:
        DataRefusedError: it is no unit of a price.
    """
    if not stated.unit.strip():
        return None
    unit = price_unit(stated.unit)
    if unit is None:
        message = f"{name} is in {stated.unit}, which is not read as a unit of a price"
        raise DataRefusedError(message, "give prices per kWh or MWh, such as EUR/kWh, EUR/MWh or öre/kWh")
    return unit


def _refuse_other_currency(unit: PriceUnit | None, currency: str | None, site: SiteSettings, name: str) -> None:
    """Refuse a currency that is not the site's; nothing is converted, since the rate of the day is not known."""
    stated = unit.currencies if unit is not None and unit.currencies else ()
    own = site.currency.upper()
    other = currency if currency and currency.upper() != own and not price_unit_of(currency, own) else None
    if stated and own not in stated:
        other = " or ".join(stated)
    if other:
        message = f"{name}: prices are in {other}, the site's currency is {site.currency}"
        raise DataRefusedError(message, f"use prices in {site.currency}, or set the site's currency to {other}")


def price_unit_of(text: str, currency: str) -> bool:
    """Return whether a text such as `kr` or `€` may mean a currency."""
    unit = price_unit(text)
    return unit is not None and (not unit.currencies or currency in unit.currencies)
