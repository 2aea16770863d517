"""Repair of spot prices: recorder zeros and missing slots, with provenance.

True zero and negative prices are never touched; only zeros that are proven not to be prices (`zero_runs`) and missing
slots are. All evidence is of the same local day or of the second source, so the result for a day does not depend on the
range that is repaired. Repairing is repeated until nothing changes, so repairing repaired prices changes nothing.
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from darkstar_pipeline.config.countries import market_timezone
from darkstar_pipeline.quality.market_hours import DAY, with_market_hours
from darkstar_pipeline.quality.price_filling import with_filled_prices
from darkstar_pipeline.quality.zero_runs import NEAR_ZERO, with_recorder_zeros
from env.time_grid import SLOT_DTYPE, grid
from planner.currencies import PER_EURO

PRICE_COLUMNS = ("slot_start", DAY, "price", "raw_price", "repaired", "native_minutes")
REPAIR_COLUMNS = (
    "slot_start",
    DAY,
    "raw_price",
    "repaired_price",
    "method",
    "evidence",
    "repaired_at",
)


@dataclass(frozen=True)
class Repaired:
    """Prices after repair, and what was changed.

    Attributes:
        prices: a row a slot that has a price: `slot_start, local_day, price, raw_price, repaired, native_minutes`.
        repairs: a row a changed slot: `slot_start, local_day, raw_price, repaired_price, method, evidence,
            repaired_at`.
    """

    prices: pl.DataFrame
    repairs: pl.DataFrame


def near_zero(currency: str) -> float | None:
    """Return the bound of prices near zero, in a currency [money/kWh]; None where its worth is not known.

    >>> near_zero("SEK"), round(near_zero("EUR"), 4), near_zero("XTS")
    (0.015, 0.0014, None)
    """
    worth = PER_EURO.get(currency.upper())
    return None if worth is None else NEAR_ZERO * (worth / PER_EURO["SEK"])


def repair_prices(
    raw: pl.DataFrame,
    first: date,
    last: date,
    timezone: str,
    second: pl.DataFrame | None = None,
    *,
    near: float | None = NEAR_ZERO,
) -> Repaired:
    """Repair the spot prices of the local days `first` to `last`, both included.

    Args:
        raw: `slot_start`, `price` [money/kWh], `native_minutes` [min], `imported_at`; a row a slot, any order, slots of
            other days are left aside.
        first: first local day.
        last: last local day.
        timezone: IANA zone of the local days.
        second: prices of a second source: `slot_start`, `price` [money/kWh].
        near: prices up to here are near zero [money/kWh]; `near_zero` gives it for a currency. None: a share of the
            day's usual price.

    Returns:
        Prices after repair and the repairs, both by `slot_start`.
    """
    frame = _on_grid(raw, first, last, timezone, second)
    to_come = _still_to_come(frame, timezone)
    while True:
        filled = with_filled_prices(with_recorder_zeros(with_market_hours(frame), near))
        guessed = to_come & (filled["method"] != "second_source").fill_null(value=True)
        changed = filled["filled"].is_not_null() & ~filled["filled"].eq_missing(filled["price"]) & ~guessed
        if not changed.any():
            break
        frame = _taken_over(frame, filled, changed)
    return _results(frame)


def _on_grid(raw: pl.DataFrame, first: date, last: date, timezone: str, second: pl.DataFrame | None) -> pl.DataFrame:
    """Return the whole grid of the days with the prices known of each slot, and columns for repairs."""
    known = raw.select(
        pl.col("slot_start").cast(SLOT_DTYPE),
        pl.col("price").cast(pl.Float64).fill_nan(None),
        pl.col("native_minutes").cast(pl.Int32),
        pl.col("imported_at").cast(SLOT_DTYPE),
    )
    other = pl.DataFrame(schema={"slot_start": SLOT_DTYPE, "second": pl.Float64})
    if second is not None:
        price = pl.col("price").cast(pl.Float64).fill_nan(None)
        other = second.select(pl.col("slot_start").cast(SLOT_DTYPE), price.alias("second"))
    return (
        grid(first, last, timezone)
        .join(known, on="slot_start", how="left", validate="1:1", maintain_order="left")
        .join(other, on="slot_start", how="left", validate="1:1", maintain_order="left")
        .with_columns(
            raw_price=pl.col("price"),
            repair_method=pl.lit(None, pl.String),
            repair_evidence=pl.lit(None, pl.String),
        )
    )


def _still_to_come(frame: pl.DataFrame, timezone: str) -> pl.Series:
    """Return which slots lie in a day of the market of which their local day has no price: it is yet to be published.

    Such are the last hour of an Irish day and the first of a Finnish one; what the market will say is not guessed.
    """
    market = pl.col("slot_start").dt.convert_time_zone(market_timezone(timezone)).dt.date()
    return frame.select(pl.col("price").is_null().all().over(DAY, market)).to_series()


def _taken_over(frame: pl.DataFrame, filled: pl.DataFrame, changed: pl.Series) -> pl.DataFrame:
    """Return the frame with the new prices, their methods and the evidence."""
    evidence = pl.coalesce(filled["evidence"], pl.lit("no price was delivered"))
    new = {
        "price": filled["filled"],
        "repair_method": filled["method"],
        "repair_evidence": filled.select(evidence).to_series(),
    }
    return frame.with_columns(
        pl.when(changed).then(values).otherwise(pl.col(name)).alias(name) for name, values in new.items()
    )


def _results(frame: pl.DataFrame) -> Repaired:
    """Rows of both tables.

    `repaired_at` is the import that the repair rests on: the slot's own; for a missing slot the last one of its day,
    else the start of its day, when nothing but the second source is known.
    """
    of_day = pl.col("imported_at").max().over(DAY)
    at = pl.coalesce("imported_at", of_day, pl.col("slot_start").min().over(DAY))
    native = pl.coalesce("native_minutes", pl.col("native_minutes").max().over(DAY), pl.lit(15, pl.Int32))
    rows = frame.rename({"repair_method": "method", "repair_evidence": "evidence"}).with_columns(
        repaired=pl.col("method").is_not_null(), repaired_price="price", repaired_at=at, native_minutes=native
    )
    return Repaired(
        prices=rows.filter(pl.col("price").is_not_null()).select(PRICE_COLUMNS),
        repairs=rows.filter("repaired").select(REPAIR_COLUMNS),
    )
