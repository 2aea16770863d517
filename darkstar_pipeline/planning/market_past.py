"""The prices of the days before a plan, and the forecaster that has learned from them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.datasets.price_forecaster import LEARNED_DAYS, known_prices
from darkstar_pipeline.forecasts.price_versions import PriceVersion
from darkstar_pipeline.planning.site_tables import SiteTables
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES, SPOT_PRICES
from env.time_grid import zone
from planner.forecasts.price_forecast import NEEDED_DAYS, PriceFit, PriceForecaster
from planner.value.scenario_source import SCENARIO_DAYS
from planner.wording.messages import phrase

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class MarketPast:
    """The prices of the days before a plan.

    Attributes:
        forecaster: forecaster of the days after the last published one.
        recent: `slot_start, price` of the days before today that scenarios are taken from.
        model: what the forecaster rests on, in words.
    """

    forecaster: PriceForecaster
    recent: pl.DataFrame
    model: str


def market_past(
    tables: SiteTables, published: pl.DataFrame, today: date, timezone: str, version: PriceVersion | None
) -> MarketPast:
    """Return the prices before a plan; read again, and learned from, where a price of the last days has changed.

    A price that is older is noticed the next day.

    Args:
        tables: the site's tables.
        published: `slot_start, price` from today's midnight to the last published slot.
        today: the plan's local day.
        timezone: of the site.
        version: the price forecast in use; None, or one of another month, has the weights fitted here.
    """
    until = published["slot_start"][-1]
    last = until.astimezone(zone(timezone)).date()
    fits: Mapping[date, PriceFit] = {} if version is None else version.fits_for(last, timezone)
    watched = [
        tables.identity(table, today - timedelta(days=NEEDED_DAYS), today + timedelta(days=1))
        for table in (SPOT_PRICES, RAW_SPOT_PRICES)
    ]
    words = phrase("fitted on the prices in the lake") if version is None or not fits else version.words

    def read() -> MarketPast:
        learned_days = NEEDED_DAYS if fits else LEARNED_DAYS
        try:
            past = known_prices(
                tables.lake, tables.site, today - timedelta(days=learned_days), today - timedelta(days=1)
            )
        except LakeUnreadableError as error:  # a price of years ago must not leave the home without a plan
            _log.warning("the next day's prices are not forecast: %s", error.message)
            nothing = published.clear()
            return MarketPast(PriceForecaster(nothing, timezone), nothing, f"none: {error.message}")
        since = today - timedelta(days=SCENARIO_DAYS)
        recent = past.filter(pl.col("local_day") >= since).select("slot_start", "price")
        known = pl.concat([past.select("slot_start", "price"), published.select("slot_start", "price")])
        return MarketPast(PriceForecaster(known, timezone, fits), recent, words)

    return tables.memo.get("market past", (today, until, timezone, words, *watched), read)
