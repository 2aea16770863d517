"""PV that was available, apart from PV that was made: slots in which the inverter held the panels back are unread.

Panels are held back where the surplus has nowhere to go: the battery is full or charges at its limit, and the export
is at its limit, or stopped because it would cost money. What was made then says nothing of the sun. A home without an
export limit that may not curtail never holds its panels back.
"""

from datetime import date

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.month_prices import with_month_prices
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES
from env.battery import Battery
from env.site import Limits
from env.time_grid import SLOT_HOURS
from planner.evaluation.daily_results import power_limit

AT_LIMIT = 0.97  # of a limit, beyond which it binds: inverters keep a little below it
NOTHING_KWH = 0.02  # in a slot: what meters show of a stopped export
FULL_PERCENT = 2.0  # below the highest state of charge, where charging tapers off
_SIGNS = ("export_kwh", "batt_charge_kwh", "soc_start_percent", "soc_end_percent")


def with_available_pv(context: Context, history: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Return readings whose PV is null where the panels were held back.

    Args:
        context: the site.
        history: `slot_start, load_kwh, pv_kwh` of the days.
        first: first local day.
        last: last local day.
    """
    site = context.site
    if site.limits.export_kw is None and not site.limits.curtailable:
        return history
    signs = context.lake.read(METER_READINGS, site.name, first, last).select("slot_start", *_SIGNS)
    joined = history.join(signs, on="slot_start", how="left", maintain_order="left").join(
        _export_prices(context, first, last), on="slot_start", how="left", maintain_order="left"
    )
    available = pl.when(~held_back(site.limits, site.battery)).then("pv_kwh").alias("pv_kwh")
    return joined.with_columns(available).select(history.columns)


def _export_prices(context: Context, first: date, last: date) -> pl.DataFrame:
    """Return `slot_start, export_price`, of prices as imported: the same before and after their repair."""
    site = context.site
    since = max(first, site.tariff.versions[0].valid_from)
    spot = context.lake.read(RAW_SPOT_PRICES, site.name, since, last).select("slot_start", "price")
    priced = site.tariff.with_prices(with_month_prices(spot, context.lake, site, published=last), site.timezone)
    return priced.select("slot_start", "export_price")


def held_back(limits: Limits, battery: Battery) -> pl.Expr:
    """Return whether the panels were held back in a slot, of its readings and its export price.

    Where the state of charge was not read, only an export at its limit shows it.
    """
    exported, charged, soc = pl.col("export_kwh"), pl.col("batt_charge_kwh"), pl.col("soc_end_percent")
    at_limit, stopped = pl.lit(value=False), pl.lit(value=False)
    if limits.export_kw is not None:
        most = limits.export_kw * SLOT_HOURS
        at_limit = exported >= AT_LIMIT * most
        if most <= NOTHING_KWH:
            at_limit, stopped = pl.lit(value=False), exported <= NOTHING_KWH
    if limits.curtailable:
        stopped = stopped | ((pl.col("export_price") < 0) & (exported <= NOTHING_KWH))
    full = soc >= 100 * battery.max_soc_kwh / battery.capacity_kwh - FULL_PERCENT
    can_charge = power_limit(battery, "charge", pl.col("soc_start_percent") * battery.capacity_kwh / 100)
    no_room = full | (charged >= AT_LIMIT * can_charge)
    unknown = soc.is_null() & charged.is_null()
    held = (at_limit & (no_room | unknown)) | (stopped & no_room)
    return held.fill_null(value=False) & (pl.col("pv_kwh") > NOTHING_KWH).fill_null(value=False)
