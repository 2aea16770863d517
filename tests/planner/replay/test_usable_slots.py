from datetime import date

import polars as pl
import pytest

from env.time_grid import grid
from planner.replay.usable_slots import usable_slots
from tests.builders.homes import STOCKHOLM, home

FIRST, LAST = date(2026, 3, 28), date(2026, 3, 31)  # the clock moves on the 29th


def observations(**columns: pl.Expr) -> pl.DataFrame:
    return grid(FIRST, LAST, STOCKHOLM).with_columns(
        **({"load_kwh": pl.lit(0.5), "pv_kwh": pl.lit(0.25)} | columns)  # pyright: ignore[reportArgumentType]
    )


def prices() -> pl.DataFrame:
    return grid(FIRST, LAST, STOCKHOLM).select("slot_start", price=pl.lit(0.4), repaired=pl.lit(value=False))


def quality(*statuses: str) -> pl.DataFrame:
    days = [FIRST, date(2026, 3, 29), date(2026, 3, 30), LAST]
    return pl.DataFrame({"day": days, "status": list(statuses)})


def test_refused_days_are_left_out_when_quality_says_so() -> None:
    slots = usable_slots(
        observations(), prices(), quality("clean", "mask_battery", "exclude", "clean"), home(), has_pv=True
    )
    per_day = dict(slots.group_by("local_day").agg(pl.len()).iter_rows())
    assert per_day == {FIRST: 96, date(2026, 3, 29): 92, LAST: 96}
    assert slots["slot_start"].is_sorted()


def test_day_is_left_out_when_it_was_never_graded() -> None:
    graded = quality("clean", "clean", "clean", "clean").head(1)
    assert usable_slots(observations(), prices(), graded, home(), has_pv=True)["local_day"].unique().to_list() == [
        FIRST
    ]


def test_slots_have_the_prices_of_the_tariff_when_joined() -> None:
    """(0.4 + 0.2456 + 0.439) x 1.25"""
    slots = usable_slots(observations(), prices(), quality(*["clean"] * 4), home(), has_pv=True)
    assert slots.columns == ["slot_start", "local_day", "import_price", "export_price", "load_kwh", "pv_kwh"]
    assert slots["import_price"].unique().to_list() == [pytest.approx(1.35575)]
    assert slots["export_price"].unique().to_list() == [0.4]


def test_missing_panels_read_zero_when_the_home_has_none() -> None:
    without = observations(pv_kwh=pl.lit(None, dtype=pl.Float64))
    good = quality(*["clean"] * 4)
    assert usable_slots(without, prices(), good, home(), has_pv=False)["pv_kwh"].unique().to_list() == [0.0]
    assert usable_slots(without, prices(), good, home(), has_pv=True)["pv_kwh"].null_count() == 380


def test_missing_price_stays_missing_when_joined() -> None:
    """The replay refuses it with the slot's name; nothing is guessed here."""
    some = prices().head(10)
    slots = usable_slots(observations(), some, quality(*["clean"] * 4), home(), has_pv=True)
    assert slots["import_price"].null_count() == 370
