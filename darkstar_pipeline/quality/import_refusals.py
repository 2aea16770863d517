"""Reasons of missing slots: what an import refused there or did not find, as it was remarked at the import."""

from collections.abc import Sequence

import polars as pl

DAY = "local_day"
EXPLAINS = {"refused": "refused at import", "missing": "not in the import"}
_WHOLE_ROW = "all"


def refusals(missing: pl.DataFrame, remarks: pl.DataFrame, quantities: Sequence[str]) -> pl.DataFrame:
    """Return per day how many of its missing slots an import refused or did not find, and why.

    Args:
        missing: `[slot_start, local_day]`, the missing slots.
        remarks: rows of `import_remarks` of the same days.
        quantities: columns that are missed there; remarks on a whole row count for each.

    Returns:
        `[local_day, refused, refused_why]`; `refused_why` is the first reason, and how many others there are.
    """
    relevant = remarks.filter(
        pl.col("action").is_in(list(EXPLAINS)), pl.col("quantity").is_in([*quantities, _WHOLE_ROW])
    ).select(DAY, "action", "first_slot", "last_slot", pl.col("reason").str.replace_all("; ", ", ", literal=True))
    within = pl.col("slot_start").is_between(pl.col("first_slot"), pl.col("last_slot"))
    explained = missing.join(relevant, on=DAY).filter(within).sort("slot_start", "first_slot", "reason")
    action = pl.col("action").replace_strict(EXPLAINS, return_dtype=pl.String)
    others = pl.col("reason").n_unique() - 1
    noun = pl.when(others == 1).then(pl.lit("reason")).otherwise(pl.lit("reasons"))
    more = pl.when(others > 0).then(pl.format(" and {} more {}", others, noun)).otherwise(pl.lit(""))
    return explained.group_by(DAY, maintain_order=True).agg(
        pl.col("slot_start").n_unique().cast(pl.Int32).alias("refused"),
        pl.format("{}: {}{}", action.first(), pl.col("reason").first(), more).alias("refused_why"),
    )
