"""The prices of the days before a plan, and the forecaster that has learned from them."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.datasets.price_forecaster import LEARNED_DAYS
from darkstar_pipeline.planning.site_tables import SiteTables
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES, SPOT_PRICES
from planner.forecasts.price_forecast import LONG_DAYS, SPREAD_DAYS, PriceForecaster
from planner.value.scenario_source import SCENARIO_DAYS

WATCHED_DAYS = LONG_DAYS + SPREAD_DAYS
"""A price of so many last days that changes is noticed at once, an older one the next day."""


@dataclass(frozen=True, eq=False)
class MarketPast:
    """The prices of the days before a plan.

    Attributes:
        forecaster: forecaster of the days after the last published one.
        recent: `slot_start, price` of the days before today that scenarios are taken from.
        problem: why prices cannot be read; empty where they can.
    """

    forecaster: PriceForecaster
    recent: pl.DataFrame
    problem: str = ""


def market_past(tables: SiteTables, published: pl.DataFrame, today: date, timezone: str) -> MarketPast:
    """Return the prices before a plan; read and learned from anew where a price of the last days has changed.

    Args:
        tables: the site's tables.
        published: `slot_start, price` from today's midnight to the last published slot.
        today: the plan's local day.
        timezone: of the site.
    """
    yesterday, until = today - timedelta(days=1), published["slot_start"][-1]
    watched = [
        tables.identity(table, today - timedelta(days=WATCHED_DAYS), today + timedelta(days=1))
        for table in (SPOT_PRICES, RAW_SPOT_PRICES)
    ]

    def read() -> MarketPast:
        try:
            past = _prices(tables, today - timedelta(days=LEARNED_DAYS), yesterday)
        except LakeUnreadableError as error:  # a price of years ago must not leave the home without a plan
            nothing = published.clear()
            return MarketPast(PriceForecaster(nothing, timezone), nothing, error.message)
        since = today - timedelta(days=SCENARIO_DAYS)
        recent = past.filter(pl.col("local_day") >= since).select("slot_start", "price")
        known = pl.concat([past.select("slot_start", "price"), published.select("slot_start", "price")])
        return MarketPast(PriceForecaster(known, timezone), recent)

    return tables.memo.get("market past", (today, until, timezone, *watched), read)


def _prices(tables: SiteTables, first: date, last: date) -> pl.DataFrame:
    """Return `local_day, slot_start, price` of days: as repaired, and as imported where that was not done."""
    repaired, columns = {*tables.days(SPOT_PRICES)}, ("local_day", "slot_start", "price")
    days = [day for day in {*repaired, *tables.days(RAW_SPOT_PRICES)} if first <= day <= last]
    paths = {
        table: [tables.lake.path(table, tables.site, day) for day in sorted(days) if (day in repaired) == own]
        for table, own in ((SPOT_PRICES, True), (RAW_SPOT_PRICES, False))
    }
    return pl.concat([tables.lake.read_paths(table, found).select(columns) for table, found in paths.items()])
