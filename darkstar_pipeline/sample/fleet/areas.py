"""Price areas of a synthetic fleet, their tariffs, and the section of `darkstar.yaml` that names these."""

from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Any

from darkstar_pipeline.config.tariffs.dated_versions import tariff_versions

SE_FLAT, SE_HOURS, FI_FLAT = TARIFFS = "sample-se-flat", "sample-se-hours", "sample-fi-flat"
"""Tariffs by the name that homes call them by."""
WINTER_DAYS = {"months": [1, 2, 3, 11, 12], "weekdays": [1, 2, 3, 4, 5], "start": "06:00", "end": "22:00"}
TAXED_FROM = date(2025, 1, 1)
"""Day from which synthetic homes pay the taxes of each day; days before it have this one's."""
NIGHTS_HALF = {"start": "22:00", "end": "06:00", "weight": 0.5}
POWER: dict[str, dict[str, Any]] = {
    SE_FLAT: {"price_per_kw": 65.0, "top": 3, "windows": [NIGHTS_HALF]},
    SE_HOURS: {"price_per_kw": 36.0, "top": 3},
    FI_FLAT: {"price_per_kw": 4.5, "top": 1},
}
"""Demand charges of a month, before tax: three days' peaks with nights by half, three days' peaks, a single one."""
HOMES_A_BUCKET = 500
"""A day of 10 000 homes is 240 objects; one home is found among a thousand in 1.4 ms (ADR 0060)."""


@dataclass(frozen=True, kw_only=True)
class SampleArea:
    """A price area of the fleet.

    Attributes:
        name: of the area.
        timezone: its zone.
        currency: of its prices.
        level: mean spot price [money/kWh].
        share: of the homes.
        tariffs: names of the ordinary tariff and of that by the hour.
        latitude: of its homes [deg].
        wear: of a battery [money/kWh]; None for what is built in, which is meant for kronor.
    """

    name: str
    timezone: str
    currency: str
    level: float
    share: float
    tariffs: tuple[str, str]
    latitude: float
    wear: float | None = None


AREAS = (
    SampleArea(
        name="SE3",
        timezone="Europe/Stockholm",
        currency="SEK",
        level=0.55,
        share=0.6,
        tariffs=(SE_FLAT, SE_HOURS),
        latitude=59.3,
    ),
    SampleArea(
        name="SE4",
        timezone="Europe/Stockholm",
        currency="SEK",
        level=0.70,
        share=0.3,
        tariffs=(SE_FLAT, SE_HOURS),
        latitude=55.6,
    ),
    SampleArea(
        name="FI",
        timezone="Europe/Helsinki",
        currency="EUR",
        level=0.05,
        share=0.1,
        tariffs=(FI_FLAT, FI_FLAT),
        latitude=60.2,
        wear=0.018,
    ),
)


def fleet_section(homes: int, *, charging: bool = False) -> dict[str, Any]:
    """Return the section `fleet` for so many homes; `charging` for a fleet some of whose homes pay for power."""
    tariffs = {**sample_tariffs(), **(charging_tariffs() if charging else {})}
    return {"buckets": min(-(-homes // HOMES_A_BUCKET), 9999), "tariffs": tariffs}


def charging_name(tariff: str) -> str:
    """Return the name of a tariff that charges for power besides.

    >>> charging_name("sample-se-flat")
    'sample-se-flat-power'
    """
    return f"{tariff}-power"


def charging_tariffs() -> dict[str, list[dict[str, Any]]]:
    """Return the same tariffs with a demand charge, of homes that pay for power."""
    return {
        charging_name(name): [{**deepcopy(version), "power": [deepcopy(POWER[name])]} for version in versions]
        for name, versions in sample_tariffs().items()
    }


@lru_cache(maxsize=1)
def sample_tariffs() -> dict[str, list[dict[str, Any]]]:
    """Return the tariffs, a version for each span of the same taxes in the catalogue."""
    return {
        SE_FLAT: _taxed("SE3", {"transfer_fee": 0.2456}),
        SE_HOURS: _taxed("SE3", {"transfer_fee": 0.18, "time_of_use": [{**WINTER_DAYS, "transfer_fee": 0.61}]}),
        FI_FLAT: _taxed("FI", {"transfer_fee": 0.043}),
    }


def _taxed(area: str, fees: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a tariff's versions: these fees with the taxes of an area."""
    taxes = [
        (max(each.valid_from, TAXED_FROM), {"vat": each.vat, "energy_tax": each.energy_tax})
        for each in tariff_versions(area, None, has_pv=False)
    ]
    current = dict(taxes)  # of those before the day the last one is left
    changed = [(since, tax) for (_, old), (since, tax) in pairwise(current.items()) if tax != old]
    first = {**next(iter(current.values())), **fees}
    # Copies, since YAML writes an object that stands twice as an alias.
    return [first, *({"valid_from": since.isoformat(), **tax, **deepcopy(fees)} for since, tax in changed)]
