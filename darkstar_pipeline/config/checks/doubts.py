"""Settings that may be, and are seldom meant: told once at load, by `darkstar doctor` and on the page."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from darkstar_pipeline.config.battery import WEAR_IN_KRONOR
from darkstar_pipeline.config.countries import areas_beside, usual_area_name
from planner.currencies import SWEDISH_KRONA, worth

if TYPE_CHECKING:
    from darkstar_pipeline.config.site import SiteSettings
    from darkstar_pipeline.config.tariff import TariffSettings

UNUSUAL_FEES = {"SEK": 2.0, "NOK": 2.0, "DKK": 2.5, "EUR": 0.35, "GBP": 0.4, "CHF": 0.4}
"""Fees above these are seldom on a bill [money/kWh]; of other currencies, those above the worth of the euro's."""
UNUSUAL_PANELS_KW = 200.0
"""Homes have smaller panels."""
_SWEDISH_FEES = {"transfer_fee": 0.2456, "energy_tax": 0.439}


def doubts(site: "SiteSettings") -> list[str]:
    """Return what should be looked at again, a sentence each with the setting and the remedy; empty where all is usual.

    Args:
        site: valid settings.
    """
    return [
        *_area(site),
        *_panels(site),
        *_wear(site),
        *(text for version in site.tariff for text in _fees(site, version)),
    ]


def _area(site: "SiteSettings") -> Iterator[str]:
    usual, areas = usual_area_name(site.area), areas_beside(site.area)
    if areas:
        yield f"area {site.area} is no price area: give one of {areas}"
    elif usual != site.area:
        yield f"area {site.area} is usually written {usual}"


def _panels(site: "SiteSettings") -> Iterator[str]:
    peak = site.forecast.rated_kw
    if peak is not None and peak > UNUSUAL_PANELS_KW:
        yield f"the panels of forecast have {peak:g} kWp, which few homes have: are these kW, not W?"


def _wear(site: "SiteSettings") -> Iterator[str]:
    """Yield a doubt about wear that is the built-in one in other money."""
    meant = worth(WEAR_IN_KRONOR, site.currency)
    if site.battery.wear_cost_per_kwh == WEAR_IN_KRONOR and meant not in (None, WEAR_IN_KRONOR):
        yield (
            f"wear_cost_per_kwh of the battery is {WEAR_IN_KRONOR:g} {site.currency}, which is built in for SEK: "
            f"take it out for its worth, {meant:g} {site.currency}, or give that of your own battery"
        )


def _fees(site: "SiteSettings", version: "TariffSettings") -> Iterator[str]:
    """Yield doubts about a version of the tariff."""
    since = f"of the tariff from {version.valid_from} on"
    unusual = UNUSUAL_FEES.get(site.currency, worth(UNUSUAL_FEES["EUR"], site.currency, of="EUR"))
    for name, swedish in _SWEDISH_FEES.items():
        fee: float = getattr(version, name)
        if site.currency != SWEDISH_KRONA and fee == swedish:
            yield (
                f"{name} {since} is {fee:g} {site.currency}/kWh, which is the Swedish fee in SEK: "
                "give that of your own bill"
            )
        elif unusual is not None and fee > unusual:
            yield f"{name} {since} is {fee:g} {site.currency}/kWh, which few bills have: is it before VAT, per kWh?"
