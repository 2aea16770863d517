"""Rows that claim the same instant: equal ones become one, contradicting ones are all refused."""

from collections.abc import Sequence

import polars as pl

from darkstar_pipeline.sources.parsed import REASON, ROW, reason_if


def resolve_duplicates(frame: pl.DataFrame, values: Sequence[str], key: str = "slot_start") -> tuple[pl.DataFrame, int]:
    """Refuse contradicting rows and drop repeated ones.

    Args:
        frame: rows with `_row` and `_reason`; refused rows stay and take no part.
        values: columns that must agree.
        key: column of the instant.

    Returns:
        The frame, and how many rows were dropped because they repeat another row.
    """
    accepted = pl.col(REASON).is_null()
    good = frame.filter(accepted)
    copies = good.height - good.select(key).n_unique()
    if copies == 0:
        return frame, 0
    same = pl.struct(values)
    compared = good.with_columns((same != same.first()).any().over(key).alias("_differs"))
    reason = pl.format(
        "{} {} occurs {} times with different values",
        pl.lit(key),
        pl.col(key).dt.strftime("%Y-%m-%d %H:%M:%SZ"),
        pl.len().over(key),
    )
    marked = compared.with_columns(reason_if(pl.col("_differs"), reason).alias(REASON)).drop("_differs")
    refused = marked.filter(pl.col(REASON).is_not_null())
    kept = marked.filter(accepted).unique(key, keep="first", maintain_order=True)
    dropped = good.height - refused.height - kept.height
    return pl.concat([frame.filter(~accepted), refused, kept]).sort(ROW), dropped
