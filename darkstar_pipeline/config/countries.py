"""Countries by price area: their time zone and currency, for the start of a configuration.

What is not listed is asked for; nothing is ever taken for the Swedish defaults.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

from darkstar_pipeline.config.base import SettingError
from darkstar_pipeline.config.battery import WEAR_IN_KRONOR, BatterySettings
from planner.currencies import SWEDISH_KRONA, worth


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
_FEES = {"vat": "VAT", "transfer_fee": "transfer fee", "energy_tax": "energy tax"}
"""Settings whose defaults are Swedish money."""
_WEAR = "wear_cost_per_kwh"
_log = logging.getLogger(__name__)
_NUMBER_OF_AREAS = {"SE": 4, "NO": 5, "DK": 2}
"""Countries whose price areas are counted from 1."""
_COUNTED = re.compile(r"(SE|NO|DK)[-_ ]?(.*)")


def country_of(area: str) -> Country | None:
    """Return the country of a price area; None where it is not known.

    >>> country_of("de-lu").timezone, country_of("SEM").currency, country_of("SA1")
    ('Europe/Berlin', 'EUR', None)
    """
    name = _CODED.sub(r"\1", area.strip().upper())
    found = _AREA.fullmatch(name)
    code = _OTHER_CODES.get(name, found.group(1) if found else "")
    if areas_beside(name) and name != code:
        return None
    return _COUNTRIES.get(_OTHER_CODES.get(code, code))


def usual_area_name(area: str) -> str:
    """Return a price area's name as the market writes it.

    >>> usual_area_name("se3"), usual_area_name("no-1"), usual_area_name("de-lu")
    ('SE3', 'NO1', 'DE-LU')
    """
    name = area.strip().upper()
    found = _COUNTED.fullmatch(name)
    return f"{found[1]}{found[2]}" if found is not None and found[2].isdigit() else name


def areas_beside(area: str) -> str:
    """Return the areas of a country, where it has several and this is none of them; else nothing.

    >>> areas_beside("SE5"), areas_beside("dk"), areas_beside("DK1"), areas_beside("FI")
    ('SE1, SE2, SE3, SE4', 'DK1, DK2', '', '')
    """
    found = _COUNTED.fullmatch(area.strip().upper())
    if found is None or (found[2] and not found[2].isdigit()):
        return ""
    names = [f"{found[1]}{number}" for number in range(1, _NUMBER_OF_AREAS[found[1]] + 1)]
    return "" if f"{found[1]}{found[2]}" in names else ", ".join(names)


def read_country(values: object) -> object:
    """Fill what a site in another country than Sweden leaves out; the defaults of the settings are Swedish.

    Time zone and currency follow the price area; fees are none until they are given; wear of a battery is worth what
    the built-in one is.

    Args:
        values: the settings of a site as they were written.

    Raises:
        ValueError: the area does not tell what is missing.
    """
    if not isinstance(values, Mapping):  # which the settings themselves refuse
        return values
    given = dict(cast("Mapping[str, Any]", values))
    area, currency = given.get("area"), given.get("currency", SWEDISH_KRONA)
    if isinstance(area, str) and area.strip():  # else none, or wrong, which the field itself says
        given = _with_country(given, area)
        currency = given["currency"]
    if currency == SWEDISH_KRONA or not isinstance(currency, str):
        return given
    home = area if isinstance(area, str) else f"a home with prices in {currency}"
    given["tariff"] = _without_swedish_fees(given.get("tariff", [{}]), home)
    given["battery"] = _in_currency(given.get("battery", {}), currency, home)
    if isinstance(further := given.get("extra_batteries", ()), (list, tuple)) and further:
        given["extra_batteries"] = [_in_currency(each, currency, home) for each in cast("Sequence[object]", further)]
    return given


def _with_country(given: dict[str, Any], area: str) -> dict[str, Any]:
    """Return settings with the time zone and the currency of a price area, where they have none.

    Raises:
        ValueError: the area does not tell what is missing.
    """
    country = country_of(area)
    if country is None and (missing := [name for name in ("timezone", "currency") if name not in given]):
        remedy = f"give one of {areas}" if (areas := areas_beside(area)) else "give them"
        message = f"the {' and the '.join(missing)} of price area {area!r} are not known: {remedy}"
        raise SettingError(("area",), message)
    return given if country is None else {"timezone": country.timezone, "currency": country.currency, **given}


def _in_currency(battery: object, currency: str, area: str) -> object:
    """Return a battery whose wear is in the home's money, where it is left out; nothing where no rate is known."""
    written = battery.model_dump(exclude_unset=True) if isinstance(battery, BatterySettings) else battery
    if not isinstance(written, Mapping) or _WEAR in written:
        return cast("object", battery)  # if it is no section, the field itself says so
    wear = worth(WEAR_IN_KRONOR, currency)
    taken = f"0, since the worth of {currency} is not known here" if wear is None else f"{wear:g} {currency}"
    _tell_once(f"no {_WEAR} in the battery of {area}: taken as {taken} (it is {WEAR_IN_KRONOR:g} SEK in Sweden)")
    return {**cast("Mapping[str, Any]", written), _WEAR: 0.0 if wear is None else wear}


def _without_swedish_fees(tariff: object, area: str) -> object:
    """Return the versions of a tariff in other money, with 0 for the fees that they leave out."""
    if not isinstance(tariff, (list, tuple)):
        return tariff  # which the field itself refuses
    filled: list[object] = []
    for version in cast("Sequence[object]", tariff):
        if isinstance(version, Mapping):
            fees = cast("Mapping[str, Any]", version)
            if absent := [words for name, words in _FEES.items() if name not in fees]:
                _tell_once(f"no {', '.join(absent)} in the tariff of {area}: taken as 0")
            filled.append({**dict.fromkeys(_FEES, 0.0), **fees})
        else:
            filled.append(version)
    return filled


@lru_cache(maxsize=1024)
def _tell_once(words: str) -> None:
    """Log what is taken for granted, once in a process: a fleet has thousands of homes with one tariff."""
    _log.warning(words)


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
