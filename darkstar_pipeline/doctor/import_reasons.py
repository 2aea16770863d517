"""Readings that imports refused or altered, by quantity and reason over all days that are looked at."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

_NUMBERS = r"[0-9][0-9.:TZ+-]*"
_WHOLE_ROW = "all"
_NAMES = {"soc_start_percent": "soc_percent"}


@dataclass(frozen=True, kw_only=True)
class ImportReason:
    """Readings of a quantity that imports refused or altered for one reason.

    Attributes:
        action: refused, altered, missing where nothing was read, or filled where that is known.
        reason: the reason, of those that differ only in numbers the first.
        readings: number of readings; of missing ones, of their slots.
        days: number of local days.
        first_slot: first slot that is concerned.
        last_slot: last slot that is concerned.
    """

    action: str
    reason: str
    readings: int
    days: int
    first_slot: datetime
    last_slot: datetime


def import_reasons(remarks: pl.DataFrame, quantity: str) -> tuple[ImportReason, ...]:
    """Return why readings of a quantity were refused or altered, the most frequent reason first.

    Args:
        remarks: rows of `import_remarks`; those on whole rows of files are on each of their readings.
        quantity: column of the readings, or `price`.
    """
    names = [_NAMES.get(quantity, quantity), *([] if quantity == "price" else [_WHOLE_ROW])]
    mine = remarks.filter(pl.col("quantity").is_in(names)).sort("first_slot")
    grouped = mine.group_by("action", pl.col("reason").str.replace_all(_NUMBERS, "0").alias("_kind")).agg(
        pl.col("reason").first(),
        pl.col("readings").sum(),
        days=pl.col("local_day").n_unique(),
        first_slot=pl.col("first_slot").min(),
        last_slot=pl.col("last_slot").max(),
    )
    ordered = grouped.sort("readings", "action", "_kind", descending=[True, False, False]).drop("_kind")
    return tuple(ImportReason(**row) for row in ordered.to_dicts())
