"""The slots of the days that may be used: observations and prices joined, refused days left out."""

import polars as pl
import polars.selectors as cs

from env.site import Site
from env.tariff import MONTH_PRICE

USABLE = ("clean", "mask_battery")


def usable_slots(
    observations: pl.DataFrame, prices: pl.DataFrame, quality: pl.DataFrame, site: Site, *, has_pv: bool
) -> pl.DataFrame:
    """Return the slots of the days that the quality grades let through.

    Args:
        observations: `slot_start, local_day, load_kwh, pv_kwh`, the whole grid.
        prices: `slot_start, price`, repaired, and `month_price` where the tariff bills the month's mean.
        quality: `day, status`.
        site: tariff and time zone.
        has_pv: True where the home has panels; without, a missing PV reading is 0.

    Returns:
        `slot_start, local_day, import_price, export_price, load_kwh, pv_kwh`, in order of time.
    """
    usable = quality.filter(pl.col("status").is_in(USABLE)).select(pl.col("day").alias("local_day"))
    pv = pl.col("pv_kwh") if has_pv else pl.col("pv_kwh").fill_null(0.0)
    slots = (
        observations.join(usable, on="local_day", how="semi")
        .select("slot_start", "local_day", "load_kwh", pv)
        .join(
            prices.select("slot_start", cs.by_name("price", MONTH_PRICE, require_all=False)),
            on="slot_start",
            how="left",
        )
        .sort("slot_start")
    )
    return site.tariff.with_prices(slots, site.timezone).select(
        "slot_start", "local_day", "import_price", "export_price", "load_kwh", "pv_kwh"
    )
