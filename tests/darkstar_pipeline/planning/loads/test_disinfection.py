"""A run against legionella belongs where no later day before its deadline is expected to be cheaper."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.planning.loads.disinfection import due_run
from env.time_grid import SLOT, day_start, grid
from planner.optimizer.deferrable_loads import HeatRun

ZONE = "Europe/Stockholm"
TODAY = date(2026, 3, 29)
START = day_start(TODAY, ZONE)


def day_of(day: date, least: float) -> pl.DataFrame:
    """A day at 2 with three hours at a price of its own."""
    slots = grid(day, day, ZONE).select("slot_start")
    price = np.full(slots.height, 2.0)
    price[20:32] = least
    return slots.with_columns(import_price=pl.Series(price))


PAST = pl.concat([day_of(TODAY - timedelta(days=back), 0.5 + 0.1 * (back % 5)) for back in range(10, 0, -1)])


@pytest.mark.parametrize(
    ("least", "days_left", "runs"),
    [
        pytest.param(0.4, 3.0, True, id="cheaper than the last days ever were"),
        pytest.param(0.6, 3.0, False, id="three more draws will do better"),
        pytest.param(0.6, 0.2, True, id="the deadline is nearly there: one draw would not"),
        pytest.param(1.9, 0.1, True, id="the deadline leaves no room behind the horizon"),
        pytest.param(1.9, 4.0, False, id="dear"),
    ],
)
def test_run_waits_for_a_day_that_is_expected_to_be_cheaper(least: float, days_left: float, runs: bool) -> None:  # noqa: FBT001 - a case of the table
    ahead = day_of(TODAY, least)
    end = ahead["slot_start"][-1] + SLOT
    run = due_run(HeatRun(3.0, START, end + timedelta(days=days_left)), ahead, PAST, ZONE)
    assert (run is not None) == runs
    assert run is None or run.latest == end


def test_overdue_run_comes_as_early_as_it_can() -> None:
    run = due_run(HeatRun(3.0, START + SLOT, START - timedelta(days=1)), day_of(TODAY, 0.5), PAST, ZONE)
    assert run is not None
    assert START + 13 * SLOT <= run.latest <= START + 14 * SLOT


def test_run_waits_for_its_deadline_when_nothing_is_known_of_other_days() -> None:
    ahead, nothing = day_of(TODAY, 0.1), PAST.clear()
    assert due_run(HeatRun(3.0, START, START + timedelta(days=5)), ahead, nothing, ZONE) is None
    assert due_run(HeatRun(3.0, START, START + timedelta(hours=20)), ahead, nothing, ZONE) is not None
