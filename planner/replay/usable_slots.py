"""The slots of the days that may be used: observations and prices joined, refused days left out."""

from collections.abc import Sequence

import polars as pl
import polars.selectors as cs

from env.site import Site
from env.tariff import MONTH_PRICE

USABLE = ("clean", "mask_battery")


def usable_slots(
    observations: pl.DataFrame,
    prices: pl.DataFrame,
    quality: pl.DataFrame,
    site: Site,
    *,
    has_pv: bool,
    homes: Sequence[str] = (),
) -> pl.DataFrame:
    """Return the slots of the days that the quality grades let through.

    Args:
        observations: `slot_start, local_day, load_kwh, pv_kwh`, the whole grid.
        prices: `slot_start, price`, repaired, and `month_price` where the tariff bills the month's mean.
        quality: `day, status`.
        site: tariff and time zone.
        has_pv: True where the home has panels; without, a missing PV reading is 0.
        homes: columns of all frames that tell homes apart which have tariff, zone and panels in common.

    Returns:
        `slot_start, local_day, import_price, export_price, load_kwh, pv_kwh`, in order of time; of several homes with
        those columns in front, by home and time.
    """
    usable = quality.filter(pl.col("status").is_in(USABLE)).select(*homes, pl.col("day").alias("local_day"))
    pv = pl.col("pv_kwh") if has_pv else pl.col("pv_kwh").fill_null(0.0)
    slots = (
        observations.join(usable, on=[*homes, "local_day"], how="semi")
        .select(*homes, "slot_start", "local_day", "load_kwh", pv)
        .join(
            prices.select(*homes, "slot_start", cs.by_name("price", MONTH_PRICE, require_all=False)),
            on=[*homes, "slot_start"],
            how="left",
        )
        .sort(*homes, "slot_start")
    )
    return site.tariff.with_prices(slots, site.timezone).select(
        *homes, "slot_start", "local_day", "import_price", "export_price", "load_kwh", "pv_kwh"
    )
