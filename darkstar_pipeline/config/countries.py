"""Countries by price area: their time zone and currency, for the start of a configuration.

What is not listed is asked for; nothing is ever taken for the Swedish defaults.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast


class Country(NamedTuple):
    """The time zone and the currency of a country's homes."""

    code: str
    timezone: str
    currency: str


_COUNTRIES = {
    country.code: country
    for country in (
        Country("AL", "Europe/Tirane", "ALL"),
        Country("AT", "Europe/Vienna", "EUR"),
        Country("BA", "Europe/Sarajevo", "BAM"),
        Country("BE", "Europe/Brussels", "EUR"),
        Country("BG", "Europe/Sofia", "EUR"),
        Country("CH", "Europe/Zurich", "CHF"),
        Country("CY", "Asia/Nicosia", "EUR"),
        Country("CZ", "Europe/Prague", "CZK"),
        Country("DE", "Europe/Berlin", "EUR"),
        Country("DK", "Europe/Copenhagen", "DKK"),
        Country("EE", "Europe/Tallinn", "EUR"),
        Country("ES", "Europe/Madrid", "EUR"),
        Country("FI", "Europe/Helsinki", "EUR"),
        Country("FR", "Europe/Paris", "EUR"),
        Country("GB", "Europe/London", "GBP"),
        Country("GR", "Europe/Athens", "EUR"),
        Country("HR", "Europe/Zagreb", "EUR"),
        Country("HU", "Europe/Budapest", "HUF"),
        Country("IE", "Europe/Dublin", "EUR"),
        Country("IS", "Atlantic/Reykjavik", "ISK"),
        Country("IT", "Europe/Rome", "EUR"),
        Country("LT", "Europe/Vilnius", "EUR"),
        Country("LU", "Europe/Luxembourg", "EUR"),
        Country("LV", "Europe/Riga", "EUR"),
        Country("MD", "Europe/Chisinau", "MDL"),
        Country("ME", "Europe/Podgorica", "EUR"),
        Country("MK", "Europe/Skopje", "MKD"),
        Country("MT", "Europe/Malta", "EUR"),
        Country("NL", "Europe/Amsterdam", "EUR"),
        Country("NO", "Europe/Oslo", "NOK"),
        Country("PL", "Europe/Warsaw", "PLN"),
        Country("PT", "Europe/Lisbon", "EUR"),
        Country("RO", "Europe/Bucharest", "RON"),
        Country("RS", "Europe/Belgrade", "RSD"),
        Country("SE", "Europe/Stockholm", "SEK"),
        Country("SI", "Europe/Ljubljana", "EUR"),
        Country("SK", "Europe/Bratislava", "EUR"),
        Country("TR", "Europe/Istanbul", "TRY"),
        Country("UA", "Europe/Kyiv", "UAH"),
        Country("XK", "Europe/Belgrade", "EUR"),
    )
}
_CODED = re.compile(r"^10Y([A-Z]{2})-.*$")
"""ENTSO-E's codes of areas that are countries, such as 10YFI-1--------U."""
_OTHER_CODES = {"UK": "GB", "EL": "GR", "SEM": "IE", "IE(SEM)": "IE", "NIE": "GB", "GER": "DE"}
_AREA = re.compile(r"([A-Z]{2})(?:\d{1,2}|[-_ ].*)?")
"""A country's code, alone or followed by a number or a part of it: FI, NO1, DE-LU, IT_NORD; not SEM or SAX."""
_SWEDISH_MONEY = "SEK"
_log = logging.getLogger(__name__)
_SWEDISH = re.compile(r"SE(?:[-_ ]?[1-4])?")


def country_of(area: str) -> Country | None:
    """Return the country of a price area; None where it is not known.

    >>> country_of("de-lu").timezone, country_of("SEM").currency, country_of("SA1")
    ('Europe/Berlin', 'EUR', None)
    """
    name = _CODED.sub(r"\1", area.strip().upper())
    found = _AREA.fullmatch(name)
    code = _OTHER_CODES.get(name, found.group(1) if found else "")
    if code == "SE" and not _SWEDISH.fullmatch(name):
        return None
    return _COUNTRIES.get(_OTHER_CODES.get(code, code))


def read_country(values: object) -> object:
    """Fill what a site in another country than Sweden leaves out; the defaults of the settings are Swedish.

    Time zone and currency follow the price area; fees are none until they are given.

    Args:
        values: the settings of a site as they were written.

    Raises:
        ValueError: the area does not tell what is missing.
    """
    area = cast("Mapping[str, Any]", values).get("area") if isinstance(values, Mapping) else None
    if not isinstance(area, str) or not area.strip():  # none, or wrong, which the field itself says
        return cast("object", values)
    given = dict(cast("Mapping[str, Any]", values))
    country = country_of(area)
    if country is None and (missing := [name for name in ("timezone", "currency") if name not in given]):
        message = f"the {' and the '.join(missing)} of price area {area!r} are not known: give them"
        raise ValueError(message)
    if country is not None:
        given = {"timezone": country.timezone, "currency": country.currency, **given}
    if given["currency"] != _SWEDISH_MONEY and "tariff" not in given:
        _log.warning("no tariff is given for %s: fees, energy tax and VAT are taken as 0", area)
        given["tariff"] = [{"vat": 0.0, "transfer_fee": 0.0, "energy_tax": 0.0}]
    return given


_OWN_MARKET_DAY = ("Europe/Istanbul", "Europe/Kyiv", "Europe/Kiev", "Europe/Moscow", "Europe/Minsk", "Europe/Chisinau")
_BEYOND_EUROPE = ("Asia/Nicosia", "Atlantic/Madeira", "Atlantic/Canary")
MARKET_ZONE = "Europe/Brussels"
"""Central European Time, whose days the coupled day-ahead markets clear, from Ireland to Finland and Greece."""


def market_timezone(timezone: str) -> str:
    """Return the zone whose days are published whole to homes in a time zone.

    >>> market_timezone("Europe/Helsinki"), market_timezone("Australia/Sydney")
    ('Europe/Brussels', 'Australia/Sydney')
    """
    coupled = timezone.startswith("Europe/") and timezone not in _OWN_MARKET_DAY
    return MARKET_ZONE if coupled or timezone in _BEYOND_EUROPE else timezone
