"""Mean spot price of whole months, for contracts that bill it: of prices as imported, however days are cut.

Of a month that is not over it is the mean of what has been published, and moves a little until the month's end.
"""

from datetime import date, timedelta
from typing import cast

import polars as pl

from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES
from darkstar_pipeline.warehouse.tables import Tables
from env.site import Site
from env.tariff import MONTH_PRICE
from env.time_grid import local_day


def with_month_prices(prices: pl.DataFrame, lake: Tables, site: Site, *, published: date | None = None) -> pl.DataFrame:
    """Add `month_price` [money/kWh] to prices with `slot_start`, where a version of the tariff bills the month's mean.

    Args:
        prices: any days; as they are where no version bills a month's mean.
        lake: the tables that are read.
        site: tariff and time zone.
        published: last day whose prices may count; None: of all that are there.
    """
    if prices.is_empty() or not any(version.monthly_mean for version in site.tariff.versions):
        return prices
    days = prices.select(local_day(site.timezone))["local_day"]
    first, last = cast("date", days.min()), cast("date", days.max())
    end = _end(last) if published is None else min(published, _end(last))
    return month_means(prices, lake.read(RAW_SPOT_PRICES, site.name, first.replace(day=1), end), site.timezone)


def month_means(prices: pl.DataFrame, imported: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Add `month_price` [money/kWh] to prices with `slot_start`: the mean of the imported ones of each month."""
    month = local_day(timezone).dt.month_start().alias("month")
    means = imported.group_by(month).agg(pl.col("price").fill_nan(None).mean().alias(MONTH_PRICE))
    return prices.with_columns(month).join(means, on="month", how="left", maintain_order="left").drop("month")


def _end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
