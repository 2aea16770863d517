"""Rows of `spot_prices` and `price_repairs`."""

from datetime import UTC, date, datetime

import polars as pl

from darkstar_pipeline.config.settings import config_path
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.quality.price_repair import Repaired, near_zero, repair_prices
from darkstar_pipeline.sources.prices import read_prices


def repaired_prices(settings: SiteSettings, raw: pl.DataFrame, first: date, last: date) -> Repaired:
    """Repair the prices of a range of local days: the same for every home of an area, zone, currency and second file.

    Args:
        settings: of any of those homes.
        raw: rows of `raw_spot_prices`.
        first: first local day.
        last: last local day, included.

    Raises:
        ConfigurationError: the second source's file is not there.
        DataRefusedError: that file cannot be used; says why.
    """
    near = near_zero(settings.currency)
    return repair_prices(raw, first, last, settings.timezone, second_prices(settings), near=near)


def price_rows(site_name: str, area: str, repaired: Repaired) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return rows of `spot_prices` and of `price_repairs` of a home."""
    site = pl.lit(site_name).alias("site")
    prices = repaired.prices.with_columns(site, pl.lit(area).alias("area"))
    return prices, repaired.repairs.with_columns(site)


def second_prices(settings: SiteSettings) -> pl.DataFrame | None:
    """Prices of the second source, where one is configured.

    Raises:
        ConfigurationError: the file is not there.
        DataRefusedError: the file cannot be used; says why.
    """
    file = settings.second_price_file
    if file is None:
        return None
    path = config_path().parent / file.expanduser()
    now = datetime.now(UTC)
    return read_prices(path, site=settings, area=settings.area, now=now).rows.select("slot_start", "price")
