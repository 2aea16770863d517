"""The reason for a slot's battery use, as one word of a closed list, derived from its flows."""

import polars as pl

from planner.tolerances import VISIBLE_KWH

REASONS = (
    "charge_from_grid",
    "store_surplus",
    "sell_from_battery",
    "cover_load",
    "curtail",
    "sell_surplus",
    "hold",
)
PLAN_REASONS = (
    *REASONS,
    "paid_to_charge",
    "keep_for_later",
    "keep_under_fuse",
    "keep_under_peak",
    "limited",
)
"""Reasons of planned slots: more than flows show, since a plan knows the value of stored energy (`explanations`)."""

EXPLAINED = ("reason", "sentence", "wording", "idle_costs")
"""Columns that explanations add to a schedule."""


def with_reasons(schedule: pl.DataFrame) -> pl.DataFrame:
    """Add `reason` to a schedule with flows; the first that applies is taken."""
    surplus = (pl.col("pv_kwh") - pl.col("load_kwh")).clip(lower_bound=0)
    deficit = (pl.col("load_kwh") - pl.col("pv_kwh")).clip(lower_bound=0)
    charge, discharge = pl.col("charge_kwh"), pl.col("discharge_kwh")
    return schedule.with_columns(
        pl.when(charge > surplus + VISIBLE_KWH)
        .then(pl.lit("charge_from_grid"))
        .when(charge > VISIBLE_KWH)
        .then(pl.lit("store_surplus"))
        .when(discharge > deficit + VISIBLE_KWH)
        .then(pl.lit("sell_from_battery"))
        .when(discharge > VISIBLE_KWH)
        .then(pl.lit("cover_load"))
        .when(pl.col("curtailed_kwh") > VISIBLE_KWH)
        .then(pl.lit("curtail"))
        .when(pl.col("export_kwh") > VISIBLE_KWH)
        .then(pl.lit("sell_surplus"))
        .otherwise(pl.lit("hold"))
        .alias("reason")
    )
