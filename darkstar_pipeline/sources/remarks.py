"""Remarks of an import: what it refused or altered, by quantity, reason and local day, with its first and last slot.

Counts and spans, not a row a reading: a counter whose last digit flickers has a hundred thousand altered readings a
year, and the gate and `darkstar doctor` ask for the rule and the hour only. The rows that a file had are in quarantine.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from env.home_rows import HOME, by_home
from env.time_grid import SLOT_DTYPE, SLOT_MINUTES, local_day

Reals = NDArray[np.float64]

REFUSED, ALTERED, MISSING, FILLED = "refused", "altered", "missing", "filled"
WHOLE_ROW = "all"
"""The quantity of a remark on a row of a tidy file, whose readings are refused together."""
REMARKS = pl.Schema(
    {
        "quantity": pl.String(),
        "action": pl.String(),
        "reason": pl.String(),
        "readings": pl.Int32(),
        "first_slot": SLOT_DTYPE,
        "last_slot": SLOT_DTYPE,
    }
)
_DAYS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC))
_NUMBERS = r"[0-9][0-9.:TZ+-]*"


def no_remarks() -> pl.DataFrame:
    """Return no remarks."""
    return pl.DataFrame(schema=REMARKS)


def remarks_of_homes() -> pl.DataFrame:
    """Return no remarks, with a column for the home."""
    return pl.DataFrame(schema={HOME: pl.String(), **REMARKS})


def remarks_on(readings: pl.DataFrame, quantity: str, action: str, timezone: str) -> pl.DataFrame:
    """Return remarks on readings; reasons that differ only in their numbers are one, told by the first.

    Args:
        readings: `[slot_start, reason]`, a row a reading; one without an instant is left out. Of several homes also
            `site`, which the remarks then have too.
        quantity: column that they belong to.
        action: `REFUSED`, `ALTERED`, `MISSING` (nothing was read) or `FILLED` (known without a reading).
        timezone: IANA zone of the local days.
    """
    known = readings.drop_nulls("slot_start").sort(by_home(readings, "slot_start"))
    if known.is_empty():
        return no_remarks() if HOME not in known.columns else remarks_of_homes()
    slot = pl.col("slot_start").cast(SLOT_DTYPE).dt.truncate("15m")
    return (
        known.with_columns(slot, _kind=pl.col("reason").str.replace_all(_NUMBERS, "0"))
        .with_columns(local_day(timezone))
        .group_by(by_home(known, "local_day", "_kind"), maintain_order=True)
        .agg(
            pl.lit(quantity).alias("quantity"),
            pl.lit(action).alias("action"),
            pl.col("reason").first(),
            readings=pl.len(),
            first_slot=pl.col("slot_start").min(),
            last_slot=pl.col("slot_start").max(),
        )
        .select(*by_home(known), *(pl.col(name).cast(dtype) for name, dtype in REMARKS.items()))
    )


def remarks_at(seconds: Reals, quantity: str, action: str, reason: str, timezone: str) -> pl.DataFrame:
    """Return remarks on readings at some instants [s]."""
    if not len(seconds):
        return no_remarks()
    instants = pl.Series("slot_start", (np.asarray(seconds) * 1e6).astype(np.int64)).cast(SLOT_DTYPE)
    readings = instants.to_frame().with_columns(pl.lit(reason).alias("reason"))
    return remarks_on(readings, quantity, action, timezone)


def remarks_between(spans: Reals, quantity: str, action: str, reason: str, timezone: str) -> pl.DataFrame:
    """Return remarks on spans whose slots stay missing, by their slots.

    Args:
        spans: pairs of instants, shape (n, 2) [s].
        quantity: column that they belong to.
        action: `REFUSED` or `MISSING`.
        reason: why they stay missing.
        timezone: IANA zone of the local days.
    """
    slot_s = SLOT_MINUTES * 60
    starts = {
        float(number) * slot_s
        for first, last in spans.reshape(-1, 2)
        for number in range(int(first // slot_s), int(-(-last // slot_s)))
    }
    return remarks_at(np.array(sorted(starts)), quantity, action, reason, timezone)


def remarks_on_rejects(rejects: pl.DataFrame, timezone: str, quantity: str = WHOLE_ROW) -> list[pl.DataFrame]:
    """Return remarks on the rows that a reader refused.

    Args:
        rejects: see `Parsed`.
        timezone: IANA zone of the local days.
        quantity: what a row measures that names no quantity.
    """
    # A row of the year 1 or 9999 is a slot of no day that anybody asks about, and of none that Python can say.
    known = pl.col("slot_start").is_between(*_DAYS).fill_null(value=True)
    named = rejects.filter(known).with_columns(pl.col("quantity").fill_null(quantity))
    return [
        remarks_on(group, str(key[0]), REFUSED, timezone)
        for key, group in named.partition_by("quantity", as_dict=True, maintain_order=True).items()
    ]


def all_remarks(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return remarks as one frame, one row a slot, quantity, action and reason; of several homes each home's own."""
    every = list(parts)
    joined = pl.concat(every) if every else no_remarks()
    keys = by_home(joined, "first_slot", "quantity", "action", "reason")
    return (
        joined.group_by(keys, maintain_order=True)
        .agg(pl.col("readings").sum(), pl.col("last_slot").max())
        .select(by_home(joined, *REMARKS.names()))
    )
