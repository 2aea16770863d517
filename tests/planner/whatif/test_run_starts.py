"""The price of a run is that of its slots without a battery, never above it with one; past the fuse there is none."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from env.battery import Battery
from env.site import Limits
from env.time_grid import grid
from planner.errors import LoadRequestError
from planner.plans.task import PlanTask
from planner.whatif.run_starts import run_starts
from tests.builders.homes import STOCKHOLM, home

NO_BATTERY = Battery(
    capacity_kwh=0,
    min_soc_kwh=0,
    max_soc_kwh=0,
    charge_kw=0,
    discharge_kw=0,
    charge_efficiency=1,
    discharge_efficiency=1,
    wear_cost=0,
)
BATTERY = Battery(
    capacity_kwh=10,
    min_soc_kwh=1,
    max_soc_kwh=10,
    charge_kw=5,
    discharge_kw=5,
    charge_efficiency=0.96,
    discharge_efficiency=0.96,
    wear_cost=0.1,
)
DAYS = (date(2026, 1, 15), date(2026, 3, 29), date(2025, 10, 26))


def task_of(day: date, battery: Battery, limits: Limits | None = None) -> PlanTask:
    """A day with a negative night, without sun."""
    slots = grid(day, day, STOCKHOLM).select("slot_start")
    hour = np.arange(slots.height) / 4
    spot = 0.8 + 0.6 * np.sin((hour - 11) / 24 * 2 * np.pi)
    spot[8:12] = -0.9
    columns = {"import_price": spot + 0.5, "export_price": spot - 0.1, "load_kwh": np.full(slots.height, 0.2)}
    frame = slots.with_columns(**{name: pl.Series(values) for name, values in columns.items()}, pv_kwh=pl.lit(0.0))
    site = home(battery, limits if limits is not None else Limits())
    return PlanTask(slots=frame, site=site, start_soc_kwh=battery.min_soc_kwh)


@pytest.mark.parametrize("day", DAYS, ids=["96 slots", "92 slots", "100 slots"])
def test_price_is_that_of_the_slots_where_there_is_no_battery(day: date) -> None:
    task = task_of(day, NO_BATTERY)
    price = task.slots["import_price"].to_numpy()
    starts = run_starts(task, 2.0, 1.1)
    assert len(starts) == task.n_slots - 4
    for number, each in enumerate(starts):
        energy = np.array([0.5, 0.5, 0.5, 0.5, 0.2])
        assert each.price == pytest.approx(float(energy @ price[number : number + 5]), abs=1e-6)
        assert each.end - each.start == timedelta(minutes=75)
    assert min(each.price for each in starts if each.price is not None) < 0  # the negative night pays for the run


def test_battery_makes_no_start_dearer_than_its_slots_are() -> None:
    task = task_of(DAYS[0], BATTERY)
    price = task.slots["import_price"].to_numpy()
    for number, each in enumerate(run_starts(task, 2.0, 1.0)):
        assert each.price is not None
        assert each.price <= float(np.full(4, 0.5) @ price[number : number + 4]) + 1e-6


def test_latest_end_and_fuse_are_kept() -> None:
    task = task_of(DAYS[0], NO_BATTERY, Limits(import_kw=3.0))
    ends = task.slots["slot_start"][8]
    starts = run_starts(task, 1.0, 1.0, ends)
    assert [each.end for each in starts] == task.slots["slot_start"][4:9].to_list()
    assert all(each.price is None for each in run_starts(task, 2.5, 1.0, ends))
    with pytest.raises(LoadRequestError, match="does not fit between 2026-01-15 00:00 and 2026-01-15 02:00"):
        run_starts(task, 1.0, 3.0, ends)
    with pytest.raises(LoadRequestError):
        run_starts(replace(task, slots=task.slots.head(1)), 1.0, 0.25, task.slots["slot_start"][0])
