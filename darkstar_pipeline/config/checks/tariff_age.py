"""Doubts about a tariff on a day: values past the days they are known for, not known at all, or not today's tax."""

from collections.abc import Iterator
from datetime import date

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.tariff import TariffSettings
from darkstar_pipeline.config.tariffs.catalogue import Tax, companies_in, tariffs_in
from darkstar_pipeline.config.tariffs.dated_versions import PRICE_LIST

_REDUCED = 0.096
"""Reduction of the energy tax in the north of Sweden [SEK/kWh]."""
_LEAST = 0.0005


def tariff_doubts(site: SiteSettings, day: date) -> list[str]:
    """Return what should be looked up again in the tariff in force on a day, a sentence each; empty where all is well.

    Args:
        site: its tariff, area and currency.
        day: local day.
    """
    begun = [version for version in site.tariff if version.valid_from <= day]
    if not begun:
        return []
    version = max(begun, key=lambda each: each.valid_from)
    return [*_age(version, day), *_unknown(version), *_tax(site, version, day)]


def mend_tariff(name: str, area: str, *, of_fleet: bool = False) -> str:
    """Return how a person renews the tariff of a site, or of a home of the fleet, which has no section of its own."""
    if of_fleet:
        return f"correct fleet.tariffs or fleet.defaults in darkstar.yaml (darkstar fleet show {name} tells which)"
    part = tariffs_in(area)
    if part is None:
        return "put the fees of your bill into darkstar.yaml (docs/tariffs.md)"
    ids = ", ".join(company.id for company in companies_in(area))
    which = f"for ID one of {ids}; none: taxes alone" if ids else "ID: none, for its taxes alone"
    return f"darkstar --site {name} tariffs use ID ({which})"


def _age(version: TariffSettings, day: date) -> Iterator[str]:
    since = f"the tariff from {version.valid_from} on"
    if version.valid_until is not None and version.valid_until < day:
        yield f"{since} is known until {version.valid_until}: put in the present prices of your grid company"
    elif version.valid_until is None and version.source is not None and day - version.valid_from > PRICE_LIST:
        yield f"{since} is old: see whether your grid company has new prices"


def _unknown(version: TariffSettings) -> Iterator[str]:
    for name in version.unknown:
        yield f"{name} of the tariff from {version.valid_from} on is not known: put in that of your bill"


def _tax(site: SiteSettings, version: TariffSettings, day: date) -> Iterator[str]:
    """Yield a doubt where the energy tax is another than the catalogue's, and none that holds somewhere."""
    part = tariffs_in(site.area)
    if part is None or version.source is not None or "energy_tax" in version.unknown:
        return  # values of the catalogue say themselves how long they are known for
    found = [tax for tax in part.taxes if _holds(tax, site.area, day) and tax.energy_tax is not None]
    allowed = {tax.energy_tax + tax.levy for tax in found if tax.energy_tax is not None}
    allowed |= {tax - _REDUCED for tax in allowed} if part.country == "SE" else set()
    if allowed and all(abs(version.energy_tax - tax) > _LEAST for tax in allowed):
        yield (
            f"energy_tax is {version.energy_tax:g} {site.currency}/kWh; since {found[0].valid_from} "
            f"it is {max(allowed):g} ({found[0].source})"
        )


def _holds(tax: Tax, area: str, day: date) -> bool:
    inside = tax.valid_from <= day and (tax.valid_until is None or day <= tax.valid_until)
    return inside and (not tax.areas or area in tax.areas)
