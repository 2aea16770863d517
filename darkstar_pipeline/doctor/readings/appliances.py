"""Check of appliances that are read apart: whether the load leaves them out, as forecasts of the house need it."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import LAKE_FOLDER
from darkstar_pipeline.doctor.finding import CheckResult, passed, warned
from darkstar_pipeline.warehouse.lake import Lake, LakeUnreadableError, SchemaMismatchError
from darkstar_pipeline.warehouse.schemas import METER_READINGS

DAYS = 30
LEAST_KWH, LEAST_SLOTS = 0.2, 8  # of an appliance in a slot, and so many of those slots
HELD = 0.6  # of its energy, that is missing in the flows if it is counted beside the load
_SIGNS = {"import_kwh": 1.0, "export_kwh": -1.0, "pv_kwh": 1.0, "batt_discharge_kwh": 1.0, "batt_charge_kwh": -1.0}
_NAMES = {"ev_kwh": "car", "water_kwh": "water heater"}
_REMEDY = (
    "with Home Assistant set home_assistant.sensors.load: balance and fetch the readings again; "
    "in a file, write load_kwh without it"
)


def check_appliances(settings: Settings, home: Path, site: str, now: datetime) -> CheckResult | None:
    """Check whether the load of a site leaves out the appliances that are read apart; None where none is."""
    today = now.astimezone(ZoneInfo(settings.sites[site].timezone)).date()
    try:
        rows = Lake(home / LAKE_FOLDER).read(METER_READINGS, site, today - timedelta(days=DAYS), today)
    except (LakeUnreadableError, SchemaMismatchError):
        return None  # the checks of the lake say which file
    present = [name for name in _NAMES if rows[name].count()]
    if not present:
        return None
    check, held = f"appliances, {site}", [_NAMES[name] for name in present if is_held_in_load(rows, name)]
    if not held:
        return passed(check, f"read apart, and not in the load: {', '.join(_NAMES[name] for name in present)}")
    detail = f"the load holds the {' and the '.join(held)}, which is read apart too: it counts twice and is forecast"
    return warned(check, detail, _REMEDY)


def is_held_in_load(rows: pl.DataFrame, appliance: str) -> bool:
    """Return whether the load holds an appliance: while it runs, the flows lack what it would add to the load.

    Args:
        rows: readings; import is needed, other flows that are not read count as nothing.
        appliance: column of the appliance.
    """
    running = rows.filter(pl.col(appliance) >= LEAST_KWH).drop_nulls(["load_kwh", "import_kwh"])
    if running.height < LEAST_SLOTS:
        return False
    flows = pl.sum_horizontal(pl.col(name).fill_null(0.0) * sign for name, sign in _SIGNS.items())
    others = pl.sum_horizontal(pl.col(name).fill_null(0.0) for name in _NAMES if name != appliance)
    beside = pl.col("load_kwh") + pl.col(appliance) + others
    lacking = running.select(((beside - flows) / pl.col(appliance)).median()).item()
    return bool(HELD < lacking < 2 - HELD)
