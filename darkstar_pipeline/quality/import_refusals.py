"""Reasons of missing slots: what an import refused there or did not find, as it was remarked at the import."""

from collections.abc import Sequence

import polars as pl

from env.home_rows import HOME
from planner.wording.columns import worded

DAY = "local_day"
EXPLAINS = {"refused": "refused at import", "missing": "not in the import"}
_WHOLE_ROW = "all"


def refusals(missing: pl.DataFrame, remarks: pl.DataFrame, quantities: Sequence[str]) -> pl.DataFrame:
    """Return per day how many of its missing slots an import refused or did not find, and why.

    Args:
        missing: `[site, slot_start, local_day]`, the missing slots.
        remarks: rows of `import_remarks` of the same days.
        quantities: columns that are missed there; remarks on a whole row count for each.

    Returns:
        `[site, local_day, refused, refused_why]`; `refused_why` is the first reason, and how many others there are.
    """
    relevant = remarks.filter(
        pl.col("action").is_in(list(EXPLAINS)), pl.col("quantity").is_in([*quantities, _WHOLE_ROW])
    ).select(HOME, DAY, "action", "first_slot", "last_slot", "reason")
    within = pl.col("slot_start").is_between(pl.col("first_slot"), pl.col("last_slot"))
    explained = missing.join(relevant, on=[HOME, DAY]).filter(within).sort(HOME, "slot_start", "first_slot", "reason")
    action = pl.col("action").replace_strict(EXPLAINS, return_dtype=pl.String)
    return explained.group_by(HOME, DAY, maintain_order=True).agg(
        pl.col("slot_start").n_unique().cast(pl.Int32).alias("refused"),
        worded("{}: {}", action.first(), _first_of_reasons()).alias("refused_why"),
    )


def treatments(missing: pl.DataFrame, remarks: pl.DataFrame) -> pl.DataFrame:
    """Return which readings of a day an import refused or altered without a slot going missing.

    As `[site, local_day, treated]`.

    Args:
        missing: `[site, slot_start, local_day]`, the missing slots, whose reasons are told by `refusals`.
        remarks: rows of `import_remarks` of the same days; repaired prices have a table of their own.
    """
    relevant = remarks.filter(pl.col("action").is_in(["altered", "refused"]), pl.col("quantity") != "price")
    within = pl.col("slot_start").is_between(pl.col("first_slot"), pl.col("last_slot"))
    told = missing.join(relevant.filter(pl.col("action") == "refused"), on=[HOME, DAY]).filter(within)
    keys = [HOME, DAY, "first_slot", "quantity", "action", "reason", "source"]
    counts = (
        relevant.join(told, on=keys, how="anti")
        .sort(HOME, "first_slot", "reason")
        .group_by(HOME, DAY, "action", maintain_order=True)
        .agg(pl.col("readings").sum(), why=_first_of_reasons())
    )
    noun = pl.when(pl.col("readings") == 1).then(pl.lit("reading")).otherwise(pl.lit("readings"))
    words = worded("{} {} {} at import: {}", "readings", noun, "action", "why")
    return counts.sort(HOME, DAY, "action").group_by(HOME, DAY, maintain_order=True).agg(treated=words.str.join("; "))


def _first_of_reasons() -> pl.Expr:
    """The first reason of a group, and how many others there are."""
    others = pl.col("reason").n_unique() - 1
    noun = pl.when(others == 1).then(pl.lit("reason")).otherwise(pl.lit("reasons"))
    more = pl.when(others > 0).then(worded(" and {} more {}", others, noun)).otherwise(pl.lit(""))
    return pl.col("reason").first().str.replace_all("; ", ", ", literal=True) + more
