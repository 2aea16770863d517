"""Refused days are left out with a reason, and never take a range along."""

from datetime import date

import polars as pl
import pytest

from assets.rows.usable_days import INCOMPLETE, UNGRADED, left_out, whole_days
from darkstar_pipeline.config.site import SiteSettings
from env.time_grid import grid

SITE = SiteSettings().site("home")
FIRST, LAST = date(2025, 10, 25), date(2025, 10, 27)  # 96, 100 and 96 slots


@pytest.fixture
def slots() -> pl.DataFrame:
    return grid(FIRST, LAST, SITE.timezone).with_columns(load_kwh=pl.lit(0.2), pv_kwh=pl.lit(0.1), price=pl.lit(0.5))


def quality(*statuses: str) -> pl.DataFrame:
    days = [FIRST, date(2025, 10, 26), LAST][: len(statuses)]
    reasons = ["", "no battery", "prices missing"][: len(statuses)]
    return pl.DataFrame({"day": days, "status": list(statuses), "reasons": reasons})


def test_whole_days_keep_clean_and_masked_days_and_leave_excluded_ones_out(slots: pl.DataFrame) -> None:
    kept = whole_days(slots, slots, quality("clean", "mask_battery", "exclude"), SITE, has_pv=True)
    assert kept.group_by("local_day").len().sort("local_day")["len"].to_list() == [96, 100]


def test_whole_days_leave_a_day_out_when_a_price_has_gone_missing_since_it_was_graded(slots: pl.DataFrame) -> None:
    prices = slots[1:]
    kept = whole_days(slots, prices, quality("clean", "clean", "clean"), SITE, has_pv=True)
    assert kept["local_day"].unique().sort().to_list() == [date(2025, 10, 26), LAST]


@pytest.mark.parametrize(("has_pv", "days"), [(True, 2), (False, 3)], ids=["panels", "no panels"])
def test_whole_days_take_no_pv_reading_for_none_when_the_home_has_no_panels(
    slots: pl.DataFrame,
    has_pv: bool,  # noqa: FBT001 - a column of the table above
    days: int,
) -> None:
    dark = slots.with_columns(pv_kwh=pl.when(pl.col("local_day") == FIRST).then(None).otherwise("pv_kwh"))
    kept = whole_days(dark, slots, quality("clean", "clean", "clean"), SITE, has_pv=has_pv)
    assert kept["local_day"].n_unique() == days
    assert kept["pv_kwh"].null_count() == 0


def test_left_out_gives_the_grades_reasons_or_says_what_is_not_there(slots: pl.DataFrame) -> None:
    days = [FIRST, date(2025, 10, 26), LAST, date(2025, 10, 28)]
    kept = slots.filter(pl.col("local_day") == FIRST)
    reasons = left_out(days, quality("clean", "clean", "exclude"), kept)
    assert reasons == {
        date(2025, 10, 26): INCOMPLETE,
        LAST: "prices missing",
        date(2025, 10, 28): UNGRADED,
    }
