"""Price areas of a synthetic fleet, their tariffs, and the section of `darkstar.yaml` that names these."""

from dataclasses import dataclass
from typing import Any

SE_FLAT, SE_HOURS, FI_FLAT = "sample-se-flat", "sample-se-hours", "sample-fi-flat"
TARIFFS: dict[str, list[dict[str, Any]]] = {
    SE_FLAT: [{"vat": 0.25, "transfer_fee": 0.2456, "energy_tax": 0.439}],
    SE_HOURS: [
        {
            "vat": 0.25,
            "transfer_fee": 0.18,
            "energy_tax": 0.439,
            "time_of_use": [
                {
                    "months": [1, 2, 3, 11, 12],
                    "weekdays": [1, 2, 3, 4, 5],
                    "start": "06:00",
                    "end": "22:00",
                    "transfer_fee": 0.61,
                }
            ],
        }
    ],
    FI_FLAT: [{"vat": 0.255, "transfer_fee": 0.043, "energy_tax": 0.0225}],
}
"""Tariffs by the name that homes call them by."""
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


def fleet_section(homes: int) -> dict[str, Any]:
    """Return the section `fleet` for so many homes."""
    return {"buckets": min(-(-homes // HOMES_A_BUCKET), 9999), "tariffs": TARIFFS}
