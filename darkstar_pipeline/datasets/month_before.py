"""The peaks of a month's days before a range that begins inside it, as the home had them."""

from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.warehouse.schemas import METER_READINGS
from darkstar_pipeline.warehouse.tables import Tables
from env.home_rows import by_home
from env.power_tariff import EarlierDays
from env.site import Site
from planner.demand_charges.bills import has_demand_charge
from planner.demand_charges.day_charges import peaks_of_days


def month_before(lake: Tables, site: Site, first: date) -> EarlierDays:
    """Return the peaks of the days of a month before a local day of it, by day; none without a demand charge.

    By metered import, or net load where there is none; what was not read counts as no import.
    """
    if first.day == 1 or not has_demand_charge(site):
        return ()
    readings = lake.read(METER_READINGS, site.name, first.replace(day=1), first - timedelta(days=1))
    imports = metered_imports(readings).with_columns(pl.col("import_kwh").fill_null(0.0))
    return tuple(peaks_of_days(imports, site).items())


def metered_imports(readings: pl.DataFrame) -> pl.DataFrame:
    """Return `slot_start, local_day, import_kwh`: as metered, else the net load, null where nothing was read.

    With `site` as the readings.
    """
    net = (pl.col("load_kwh") - pl.col("pv_kwh").fill_null(0.0)).clip(lower_bound=0)
    return readings.select(
        *by_home(readings, "slot_start", "local_day"), pl.coalesce("import_kwh", net).alias("import_kwh")
    )
