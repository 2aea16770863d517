"""Plan against readings on a local day: the plan in force at each slot's start, and the readings."""

import json
from datetime import date
from typing import Any

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.month_prices import with_month_prices
from darkstar_pipeline.evaluation.plan_history import in_force, plans_between, system_id
from darkstar_pipeline.service.schemas.history import HistoryDocument, HistorySlot
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES, SPOT_PRICES
from darkstar_pipeline.warehouse.tables import Tables
from env.battery import Battery
from env.site import Site
from env.time_grid import grid
from planner.plans.fallback_chain import SOURCE_NAMES
from planner.wording.values import command_words


def history_document(context: Context, day: date) -> HistoryDocument:
    """Return the 92, 96 or 100 slots of a local day; null where there is no plan or reading."""
    slots = _slots(context.lake, context.site, day)
    plans = plans_between(context.lake, context.site_name, day, day).filter(
        pl.col("system_id") == system_id(context.site_name)
    )
    in_effect = in_force(plans, slots["slot_start"].to_list())
    rows = slots.join(
        in_effect.rename({name: f"planned_{name}" for name in in_effect.columns if name != "slot_start"}),
        on="slot_start",
        how="left",
        maintain_order="left",
    )
    return HistoryDocument(
        site=context.site_name,
        day=day,
        timezone=context.timezone,
        currency=context.site.currency,
        slots=[_slot(context.site.battery, row) for row in rows.iter_rows(named=True)],
    )


def _slots(lake: Tables, site: Site, day: date) -> pl.DataFrame:
    """Return prices and readings of the day's whole grid."""
    read = lake.read(METER_READINGS, site.name, day, day).select(
        "slot_start",
        "load_kwh",
        "pv_kwh",
        "import_kwh",
        "export_kwh",
        charge_kwh="batt_charge_kwh",
        discharge_kwh="batt_discharge_kwh",
        soc_percent="soc_end_percent",
    )
    repaired, raw = (
        lake.read(table, site.name, day, day).select("slot_start", pl.col("price").alias(table.name))
        for table in (SPOT_PRICES, RAW_SPOT_PRICES)
    )
    slots = grid(day, day, site.timezone)
    for part in (read, repaired, raw):
        slots = slots.join(part, on="slot_start", how="left", maintain_order="left")
    price = pl.coalesce(SPOT_PRICES.name, RAW_SPOT_PRICES.name).fill_nan(None).alias("price")
    known_prices = with_month_prices(slots.with_columns(price), lake, site)
    priced = site.tariff.with_prices(known_prices, site.timezone)
    known = pl.col("price").is_not_null()
    return priced.with_columns(pl.when(known).then(name).alias(name) for name in ("import_price", "export_price"))


def _slot(battery: Battery, row: dict[str, Any]) -> HistorySlot:
    planned = row["planned_charge_kw"] is not None
    rung = json.loads(row["planned_metrics"]).get("rung") if planned else None
    soc = row["planned_soc_end_kwh"]
    command = (row["planned_charge_kw"], row["planned_discharge_kw"], row["planned_export_kw"])
    return HistorySlot(
        slot_start=row["slot_start"],
        import_price=row["import_price"],
        export_price=row["export_price"],
        rung=rung if rung in SOURCE_NAMES else None,
        command=command_words(command, battery.discharge_kw, row["planned_import_limit_kw"]) if planned else None,
        planned_import_kwh=row["planned_import_kwh"],
        planned_export_kwh=row["planned_export_kwh"],
        planned_soc_percent=None if soc is None else 100 * soc / battery.capacity_kwh,
        planned_load_kwh=row["planned_load_kwh"],
        planned_pv_kwh=row["planned_pv_kwh"],
        load_kwh=row["load_kwh"],
        pv_kwh=row["pv_kwh"],
        import_kwh=row["import_kwh"],
        export_kwh=row["export_kwh"],
        charge_kwh=row["charge_kwh"],
        discharge_kwh=row["discharge_kwh"],
        soc_percent=row["soc_percent"],
    )
