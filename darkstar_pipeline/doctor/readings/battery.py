"""Check of the battery by its readings: capacity and charge taper, offered and not imposed, and its full charges."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import tables_of
from darkstar_pipeline.doctor.finding import CheckResult, passed, warned
from darkstar_pipeline.learning.battery_offers import BATTERY_DAYS, BatteryOffer, battery_offers, readings_of
from darkstar_pipeline.warehouse.lake import LakeUnreadableError, SchemaMismatchError
from planner.care.learned_battery import LearnedBattery
from planner.care.soc_targets import full_percent


def check_battery(settings: Settings, home: Path, site: str, now: datetime) -> CheckResult | None:
    """Check a site's battery by its readings; None where they say nothing and no full charge is wished for."""
    today = now.astimezone(ZoneInfo(settings.sites[site].timezone)).date()
    try:
        rows = readings_of(tables_of(settings, home, site), site, today)
    except (LakeUnreadableError, SchemaMismatchError):
        return None  # the checks of the lake say which file
    check, own = f"battery, {site}", settings.sites[site]
    late = _late_full_charge(rows, own, now)
    if late is not None:
        return warned(check, *late)
    found, offers = battery_offers(rows, own.battery)
    if found is None:
        return None
    return passed(check, _offer(found, offers, own))


def _late_full_charge(rows: pl.DataFrame, own: SiteSettings, now: datetime) -> tuple[str, str] | None:
    """Return what is wrong with the full charges, and what to do; None where nothing is."""
    days = own.household.care.full_charge_every_days
    if days is None:
        return None
    if not rows["soc_end_percent"].count():
        remedy = (
            "give home_assistant.sensors.soc and fetch the readings, or set household.care.full_charge_every_days: null"
        )
        return "full charges are wished for, and no state of charge was read: none is planned", remedy
    full = rows.filter(pl.col("soc_end_percent") >= full_percent(own.battery.battery()))["slot_start"].max()
    if isinstance(full, datetime) and now - full <= timedelta(days=days):
        return None
    last = f"the last was on {full:%Y-%m-%d}" if isinstance(full, datetime) else f"none in {BATTERY_DAYS} days"
    remedy = "look whether the inverter takes its commands (darkstar plan, GET /health); plans place one within a day"
    return f"a full charge is wished for every {days} days, {last}", remedy


def _offer(found: LearnedBattery, offers: list[BatteryOffer], own: SiteSettings) -> str:
    """Return what readings show, and which command takes it over."""
    said = f"readings of {found.cycles:.0f} cycles show {found.capacity_kwh:.1f} kWh ({own.battery.capacity_kwh:g} set)"
    said += (
        f", {100 * found.round_trip_efficiency:.0f} % out per kWh in ({100 * own.battery.round_trip_efficiency:g} set)"
    )
    if found.charge_taper:
        begins, least = found.charge_taper[0][0], found.charge_taper[-1][1]
        known = "" if own.battery.charge_taper else " (none set)"
        said += f", less power from {begins:g} % on, {least:g} kW at 100 %{known}"
    for offer in offers:
        said += f"; to use battery.{offer.setting}: {json.dumps(offer.offered)}: darkstar care accept {offer.name}"
    return said
