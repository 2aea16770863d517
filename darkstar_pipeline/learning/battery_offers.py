"""Offers of the battery: what readings show of it that differs from what is set, for a person to take over.

Nothing is changed by itself: capacity and taper are figures of the device, and what plans rest on.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import polars as pl

from darkstar_pipeline.config.battery import BatterySettings
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from darkstar_pipeline.warehouse.tables import Tables
from planner.care.learned_battery import LearnedBattery, learned_battery

BATTERY_DAYS = 120
"""Days whose readings show what a battery is."""
OFF_BY = 0.05
"""Part of the capacity by which the readings may differ from the settings without an offer."""
TAPER_OFF_BY = 0.15
"""Part of the charging power by which a taper may differ from the settings without an offer."""

OfferName = Literal["capacity", "taper"]
SETTINGS: dict[OfferName, str] = {"capacity": "capacity_kwh", "taper": "charge_taper"}
"""The setting in `battery` of each offer."""


@dataclass(frozen=True, kw_only=True)
class BatteryOffer:
    """A value that readings show.

    Attributes:
        name: how commands call it.
        setting: its name in `battery`.
        now: the value that is set.
        offered: the value that readings show.
    """

    name: OfferName
    setting: str
    now: Any
    offered: Any


def readings_of(lake: Tables, site: str, today: date) -> pl.DataFrame:
    """Return the readings that offers rest on."""
    return lake.read(METER_READINGS, site, today - timedelta(days=BATTERY_DAYS), today)


def battery_offers(
    readings: pl.DataFrame, settings: BatterySettings
) -> tuple[LearnedBattery | None, list[BatteryOffer]]:
    """Return what readings show of a battery, None where they do not suffice, and what of it is offered."""
    found = learned_battery(readings)
    if found is None:
        return None, []
    offers: list[BatteryOffer] = []
    capacity = round(found.capacity_kwh, 1)
    if abs(capacity - settings.capacity_kwh) > OFF_BY * settings.capacity_kwh:
        offers.append(
            BatteryOffer(name="capacity", setting="capacity_kwh", now=settings.capacity_kwh, offered=capacity)
        )
    if found.charge_taper and _differs(found, settings):
        taper = [list(point) for point in found.charge_taper]
        now = [list(point) for point in settings.charge_taper]
        offers.append(BatteryOffer(name="taper", setting="charge_taper", now=now, offered=taper))
    return found, offers


def _differs(found: LearnedBattery, settings: BatterySettings) -> bool:
    """Return whether a learned taper is another than the one that is set."""
    levels = np.linspace(0.0, 100.0, 101)
    learned = settings.model_copy(update={"charge_taper": found.charge_taper}).battery()
    stored = levels / 100 * settings.capacity_kwh
    off = np.abs(np.asarray(learned.most_charge_kw(stored)) - np.asarray(settings.battery().most_charge_kw(stored)))
    return bool(off.max() > TAPER_OFF_BY * settings.charge_kw)
