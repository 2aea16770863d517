"""Check of appliances that are read apart: whether the load leaves them out, as forecasts of the house need it."""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import tables_of
from darkstar_pipeline.doctor.finding import CheckResult, passed, warned
from darkstar_pipeline.warehouse.lake import LakeUnreadableError, SchemaMismatchError
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS
from darkstar_pipeline.warehouse.tables import Tables

DAYS = 30
LEAST_KWH, LEAST_SLOTS = 0.2, 8  # of an appliance in a slot, and so many of those slots
HELD = 0.6  # of its energy, that is missing in the flows if it is counted beside the load
_SIGNS = {"import_kwh": 1.0, "export_kwh": -1.0, "pv_kwh": 1.0, "batt_discharge_kwh": 1.0, "batt_charge_kwh": -1.0}
_NAMES = {"ev_kwh": "car", "water_kwh": "water heater"}
_SETTINGS = {"ev_kwh": "ev", "water_kwh": "water"}
_REMEDY = (
    "set home_assistant.sensors.load_holds: [{}], or load: balance, and fetch the readings again; "
    "in a file, write load_kwh without it"
)
_AGAIN = (
    "fetch the readings of these days again (darkstar fetch readings --from DAY): load_holds is newer than they are"
)
_NEVER = "take it out of load_holds and fetch the readings again"


def check_appliances(settings: Settings, home: Path, site: str, now: datetime) -> CheckResult | None:
    """Check whether the load of a site leaves out the appliances that are read apart; None where none is."""
    today = now.astimezone(ZoneInfo(settings.sites[site].timezone)).date()
    try:
        rows = tables_of(settings, home, site).read(METER_READINGS, site, today - timedelta(days=DAYS), today)
        pump = _heat_pump(tables_of(settings, home, site), site, today)
    except (LakeUnreadableError, SchemaMismatchError):
        return None  # the checks of the lake say which file
    present = [name for name in _NAMES if rows[name].count()]
    if not present:
        return passed(f"appliances, {site}", f"read apart: {pump}") if pump else None
    check, site_settings = f"appliances, {site}", settings.sites[site]
    said = {*site_settings.home_assistant.sensors.load_holds, *site_settings.sources.mqtt.load_holds}
    subtracted = [name for name in present if _SETTINGS[name] in said]
    beside = {name: share for name in present if (share := share_beside(rows, name)) is not None}
    held = [name for name, share in beside.items() if HELD < share < 2 - HELD]
    if held:
        detail = f"the load holds the {_named(held)}, which is read apart too: it counts twice and is forecast"
        again = all(name in subtracted for name in held)
        return warned(check, detail, _AGAIN if again else _REMEDY.format(", ".join(_SETTINGS[name] for name in held)))
    if lost := [name for name in subtracted if HELD < -beside.get(name, 0.0) < 2 - HELD]:
        detail = f"the {_named(lost)} is subtracted from a load that does not hold it: the load is too low"
        return warned(check, detail, _NEVER)
    told = f"read apart, and not in the load: {', '.join(_NAMES[name] for name in present)}"
    taken = f"; subtracted from it, since its sensor holds the {_named(subtracted)}" if subtracted else ""
    return passed(check, f"{told}{taken}{f'; {pump}' if pump else ''}")


def _heat_pump(tables: Tables, site: str, today: date) -> str:
    """Return what is read of a heat pump; empty where none is."""
    hours = tables.read(METER_STATISTICS, site, today - timedelta(days=DAYS), today)
    energy = hours.filter(pl.col("quantity") == "heat_pump")["energy_kwh"]
    if energy.is_empty():
        return ""
    daily = 24 * float(energy.sum()) / energy.len()
    return f"the heat pump draws {daily:.1f} kWh a day, and stays in the load, since nothing plans it"


def _named(columns: list[str]) -> str:
    return " and the ".join(_NAMES[name] for name in columns)


def share_beside(rows: pl.DataFrame, appliance: str) -> float | None:
    """Return how much of an appliance load and appliances are above the flows while it runs; None where it hardly did.

    About 0 is right; 1 where the load holds it too; -1 where it was subtracted from a load that did not hold it.

    Args:
        rows: readings; import is needed, other flows that are not read count as nothing.
        appliance: column of the appliance.
    """
    running = rows.filter(pl.col(appliance) >= LEAST_KWH).drop_nulls(["load_kwh", "import_kwh"])
    if running.height < LEAST_SLOTS:
        return None
    flows = pl.sum_horizontal(pl.col(name).fill_null(0.0) * sign for name, sign in _SIGNS.items())
    others = pl.sum_horizontal(pl.col(name).fill_null(0.0) for name in _NAMES if name != appliance)
    beside = pl.col("load_kwh") + pl.col(appliance) + others
    return float(running.select(((beside - flows) / pl.col(appliance)).median()).item())
