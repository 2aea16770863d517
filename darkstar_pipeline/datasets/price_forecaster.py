"""The forecaster of a site's prices, from the prices that its lake has."""

from datetime import date, timedelta

from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import SPOT_PRICES
from env.site import Site
from planner.forecasts.price_forecast import PriceForecaster

LEARNED_DAYS = 6 * 365
"""Days of prices that are read at most: older markets teach little."""


def price_forecaster(lake: Lake, site: Site, last: date) -> PriceForecaster:
    """Return a forecaster that has a site's prices up to a local day."""
    prices = lake.read(SPOT_PRICES, site.name, last - timedelta(days=LEARNED_DAYS), last)
    return PriceForecaster(prices.select("slot_start", "price"), site.timezone)
