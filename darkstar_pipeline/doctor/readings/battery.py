"""Check of the battery by its readings: capacity and charge taper, offered and not imposed, and its full charges."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import LAKE_FOLDER
from darkstar_pipeline.doctor.finding import CheckResult, passed, warned
from darkstar_pipeline.warehouse.lake import Lake, LakeUnreadableError, SchemaMismatchError
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from planner.care.learned_battery import LearnedBattery, learned_battery
from planner.care.soc_targets import full_percent

DAYS = 120
OFF_BY = 0.05
"""Part of the capacity by which the readings may differ from the settings without a word."""


def check_battery(settings: Settings, home: Path, site: str, now: datetime) -> CheckResult | None:
    """Check a site's battery by its readings; None where they say nothing and no full charge is wished for."""
    today = now.astimezone(ZoneInfo(settings.sites[site].timezone)).date()
    try:
        rows = Lake(home / LAKE_FOLDER).read(METER_READINGS, site, today - timedelta(days=DAYS), today)
    except (LakeUnreadableError, SchemaMismatchError):
        return None  # the checks of the lake say which file
    check, own = f"battery, {site}", settings.sites[site]
    late = _late_full_charge(rows, own, now)
    if late is not None:
        return warned(check, *late)
    found = learned_battery(rows)
    if found is None:
        return None
    return passed(check, _offer(found, own))


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
    last = f"the last was on {full:%Y-%m-%d}" if isinstance(full, datetime) else f"none in {DAYS} days"
    remedy = "look whether the inverter takes its commands (darkstar plan, GET /health); plans place one within a day"
    return f"a full charge is wished for every {days} days, {last}", remedy


def _offer(found: LearnedBattery, own: SiteSettings) -> str:
    """Return what readings show, and what to write to use it."""
    set_kwh, shown_kwh = own.battery.capacity_kwh, found.capacity_kwh
    said = f"readings of {found.cycles:.0f} cycles show {shown_kwh:.1f} kWh ({set_kwh:g} set)"
    said += (
        f", {100 * found.round_trip_efficiency:.0f} % out per kWh in ({100 * own.battery.round_trip_efficiency:g} set)"
    )
    if found.taper_percent is not None and found.taper_kw is not None:
        said += f", taper above {found.taper_percent:.0f} % to {found.taper_kw:.1f} kW (plans do not know it)"
    if abs(shown_kwh - set_kwh) <= OFF_BY * set_kwh:
        return said
    return f"{said}; to use it write battery.capacity_kwh: {shown_kwh:.1f} into darkstar.yaml"
