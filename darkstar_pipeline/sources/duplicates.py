"""Rows that claim the same instant: equal ones become one, contradicting ones are all refused."""

from collections.abc import Sequence

import polars as pl

from darkstar_pipeline.sources.parsed import REASON, ROW, reason_if
from env.home_rows import by_home
from planner.wording.columns import worded


def resolve_duplicates(frame: pl.DataFrame, values: Sequence[str], key: str = "slot_start") -> pl.DataFrame:
    """Return rows of which contradicting ones are refused, less those that repeat another row of their home.

    Args:
        frame: rows with `_row` and `_reason`; refused rows stay and take no part.
        values: columns that must agree.
        key: column of the instant.
    """
    accepted = pl.col(REASON).is_null()
    good = frame.filter(accepted)
    keys = by_home(frame, key)
    if good.height == good.select(keys).n_unique():
        return frame
    same = pl.struct(values)
    compared = good.with_columns((same != same.first()).any().over(keys).alias("_differs"))
    reason = worded(
        "{} {} occurs {} times with different values",
        pl.lit(key),
        pl.col(key).dt.strftime("%Y-%m-%d %H:%M:%SZ"),
        pl.len().over(keys),
    )
    marked = compared.with_columns(reason_if(pl.col("_differs"), reason).alias(REASON)).drop("_differs")
    refused = marked.filter(pl.col(REASON).is_not_null())
    kept = marked.filter(accepted).unique(keys, keep="first", maintain_order=True)
    return pl.concat([frame.filter(~accepted), refused, kept]).sort(ROW)
