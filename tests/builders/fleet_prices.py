"""Prices of homes of a fleet's lake of two buckets."""

from datetime import date

import polars as pl

from darkstar_pipeline.warehouse.buckets.object_names import bucket_of
from env.time_grid import grid

BUCKETS = 2


def homes_in(bucket: int, n: int) -> list[str]:
    """Return so many homes of a bucket."""
    return [site for i in range(50) if bucket_of(site := f"home-{i:02d}", BUCKETS) == bucket][:n]


def prices(first: date, last: date, *sites: str, price: float = 1.0) -> pl.DataFrame:
    """Return rows of `spot_prices` of a span of days."""
    slots = grid(first, last, "Europe/Stockholm").select(
        "slot_start",
        "local_day",
        pl.lit("SE4").alias("area"),
        pl.lit(price).alias("price"),
        pl.lit(price).alias("raw_price"),
        pl.lit(value=False).alias("repaired"),
        pl.lit(15).alias("native_minutes"),
    )
    return pl.concat([slots.select(pl.lit(site).alias("site"), pl.all()) for site in sites])
