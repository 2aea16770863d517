"""Gating as data: the slots the stages after grading work on, and why the other days are left out.

A refused day is left out with its reason and the rest of a range goes on; nothing here knows Dagster.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from env.site import Site
from env.time_grid import slot_count
from planner.replay.usable_slots import USABLE, usable_slots

UNGRADED = "not graded: materialize data_quality_daily"
INCOMPLETE = "graded usable, but slots are missing: materialize spot_prices, slot_observations and data_quality_daily"


def whole_days(
    observations: pl.DataFrame,
    prices: pl.DataFrame,
    quality: pl.DataFrame,
    site: Site,
    *,
    has_pv: bool,
    homes: Sequence[str] = (),
) -> pl.DataFrame:
    """The slots of `planner.replay.usable_slots.usable_slots`, less days that are not whole although graded usable.

    Such days arise where prices or readings were materialised again and the grade was not; replaying them would fail
    and take the whole range along.
    """
    slots = usable_slots(observations, prices, quality, site, has_pv=has_pv, homes=homes)
    known = pl.all_horizontal(pl.col("import_price", "export_price", "load_kwh", "pv_kwh").is_finite()).fill_null(False)  # noqa: FBT003 - Polars' word
    complete = slots.filter(known)
    expected = {day: slot_count(day, site.timezone) for day in complete["local_day"].unique().to_list()}
    full = pl.col("local_day").replace_strict(expected, default=0, return_dtype=pl.Int64)
    return complete.filter(pl.len().over(*homes, "local_day") == full).sort(*homes, "slot_start")


def left_out(days: Sequence[date], quality: pl.DataFrame, slots: pl.DataFrame) -> dict[date, str]:
    """Why each of `days` that has no usable slots has none."""
    there = set(slots["local_day"].unique().to_list())
    grades = {row["day"]: row for row in quality.select("day", "status", "reasons").to_dicts()}
    return {day: _reason(grades.get(day)) for day in days if day not in there}


def _reason(grade: dict[str, str] | None) -> str:
    if grade is None:
        return UNGRADED
    if grade["status"] in USABLE:
        return INCOMPLETE
    return grade["reasons"] or grade["status"]
