"""Checks that every spot price passes, whatever list or table it comes from."""

from datetime import datetime, timedelta

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.numbers import number_checks
from darkstar_pipeline.sources.parsed import REASON, reason_if
from darkstar_pipeline.sources.price_lists.scale import MAX_PRICE_EUR, price_limit
from planner.wording.columns import worded

PRICE_MINUTES = (15, 30, 60)
NO_PRICE = "price is empty"
AHEAD = timedelta(days=2)
"""Tomorrow's prices are known a day and a half ahead at most; anything later is a wrong date."""


def refuse_future(frame: pl.DataFrame, file: str, now: datetime) -> None:
    """Refuse a file with prices of days that no market has published yet."""
    later = frame.filter(pl.col(REASON).is_null() & (pl.col("slot_start") > now + AHEAD))
    if later.height:
        last = later["slot_start"].max()
        message = f"{file}: {later.height} prices lie more than two days ahead, up to {last:%Y-%m-%d %H:%MZ}"
        raise DataRefusedError(message, f"check slot_start and this machine's clock (now {now:%Y-%m-%d %H:%MZ})")


def price_checks(site: SiteSettings) -> list[pl.Expr]:
    """Return the checks of one spot price; zero and negative ones are valid."""
    limit = price_limit(site.currency, MAX_PRICE_EUR)
    beyond = worded("price {} is beyond what a market pays ({} {}/kWh)", "price", pl.lit(limit), pl.lit(site.currency))
    return [
        *number_checks(["price"]),
        reason_if(pl.col("price").is_null(), pl.lit(NO_PRICE)),
        reason_if(pl.col("price").abs() > limit, beyond),
    ]
