"""Another house: load and PV scaled, loads added by the wall clock, and import and export that follow."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.time_grid import grid
from planner.errors import PlannerError
from planner.whatif.house import AddedLoad, HouseChange

ZONE = "Europe/Stockholm"
NIGHT = AddedLoad(kw=2, start_minute=22 * 60, end_minute=4 * 60)


def read_day(
    day: date, load: float = 0.5, pv: float = 0.2, imported: float = 0.4, exported: float = 0.1
) -> pl.DataFrame:
    """A day of constant readings."""
    return grid(day, day, ZONE).with_columns(
        load_kwh=pl.lit(load), pv_kwh=pl.lit(pv), import_kwh=pl.lit(imported), export_kwh=pl.lit(exported)
    )


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 6), (date(2026, 3, 29), 5), (date(2026, 10, 25), 7)])
def test_added_load_runs_by_the_wall_clock_on_days_of_any_length(day: date, hours: int) -> None:
    changed = HouseChange(added=(NIGHT,)).applied(read_day(day), ZONE)
    assert float((changed["load_kwh"] - 0.5).sum()) == pytest.approx(2.0 * hours)


@given(st.floats(0, 3), st.floats(0, 3), st.floats(0, 2), st.floats(0, 2), st.floats(0, 1), st.floats(0, 1))
def test_energy_balance_stays_as_it_was_read(
    load_scale: float, pv_scale: float, load: float, pv: float, imported: float, exported: float
) -> None:
    before = read_day(date(2026, 1, 1), load, pv, imported, exported).head(1)
    after = HouseChange(load_scale=load_scale, pv_scale=pv_scale, added=(NIGHT,)).applied(before, ZONE)

    def unexplained(rows: pl.DataFrame) -> float:
        own = rows.row(0, named=True)
        return own["load_kwh"] - own["pv_kwh"] - own["import_kwh"] + own["export_kwh"]

    assert unexplained(after) == pytest.approx(unexplained(before), abs=1e-9)
    assert min(after["import_kwh"][0], after["export_kwh"][0]) == 0


def test_what_was_not_read_stays_unread() -> None:
    unread = read_day(date(2026, 1, 1)).with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in ("pv_kwh", "export_kwh")
    )
    changed = HouseChange(load_scale=2).applied(unread, ZONE)
    assert changed["pv_kwh"].null_count() == changed["export_kwh"].null_count() == changed.height
    assert changed["import_kwh"].to_list() == pytest.approx([0.9] * changed.height)


@pytest.mark.parametrize(
    ("kw", "start", "end"), [(0, 0, 60), (-1, 0, 60), (float("nan"), 0, 60), (1, 7, 60), (1, 0, 1500)]
)
def test_loads_that_are_none_are_refused(kw: float, start: int, end: int) -> None:
    with pytest.raises(PlannerError):
        AddedLoad(kw=kw, start_minute=start, end_minute=end)


@pytest.mark.parametrize("factor", [-0.1, float("inf"), float("nan")])
def test_factors_that_are_none_are_refused(factor: float) -> None:
    with pytest.raises(PlannerError):
        HouseChange(load_scale=factor)
