"""The forecaster of a site's prices, from the prices that its lake has."""

from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES, SPOT_PRICES
from darkstar_pipeline.warehouse.tables import Tables
from env.site import Site
from planner.forecasts.price_forecast import PriceForecaster

LEARNED_DAYS = 6 * 365
"""Days of prices that are read at most: older markets teach little."""


def price_forecaster(lake: Tables, site: Site, last: date) -> PriceForecaster:
    """Return a forecaster that has a site's prices up to a local day."""
    prices = known_prices(lake, site.name, last - timedelta(days=LEARNED_DAYS), last)
    return PriceForecaster(prices.select("slot_start", "price"), site.timezone)


def known_prices(lake: Tables, site: str, first: date, last: date) -> pl.DataFrame:
    """Return `local_day, slot_start, price` of days in order: as repaired, and as imported where that was not done.

    Prices of the years before a home was measured help to forecast and are repaired by no backfill.

    Raises:
        LakeUnreadableError: a day is damaged.
    """
    repaired, columns = {*lake.days(SPOT_PRICES, site)}, ("local_day", "slot_start", "price")
    days = [day for day in {*repaired, *lake.days(RAW_SPOT_PRICES, site)} if first <= day <= last]
    found = {
        table: [day for day in days if (day in repaired) == own]
        for table, own in ((SPOT_PRICES, True), (RAW_SPOT_PRICES, False))
    }
    return pl.concat([lake.read_days(table, site, own).select(columns) for table, own in found.items()]).sort(
        "slot_start"
    )
