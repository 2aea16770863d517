"""The value of a slot's battery use, where a movable load may answer for the idle battery."""

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from env.devices import Devices, WaterHeater
from planner.plans.counterfactuals import fixed_loads, idle_slots
from planner.plans.task import PlanTask
from tests.builders.homes import PAPER_BATTERY, home

LOSSLESS = replace(PAPER_BATTERY, charge_efficiency=1.0, discharge_efficiency=1.0, wear_cost=0.0)


def heating(spacing_hours: float) -> PlanTask:
    """Half an hour with a stored kWh that is worth nothing later, and a heater that needs one and takes a slot."""
    start = datetime(2026, 1, 14, 11, tzinfo=UTC)
    starts = pl.datetime_range(start, interval="15m", end=start.replace(minute=15), eager=True)
    slots = pl.DataFrame({"slot_start": starts.cast(pl.Datetime("us", "UTC"))}).with_columns(
        import_price=1.0, export_price=0.0, load_kwh=0.0, pv_kwh=0.0
    )

    heater = WaterHeater(power_kw=4.0, energy_kwh_per_day=1.0, spacing_hours=spacing_hours)
    site = replace(home(LOSSLESS), devices=Devices(water_heater=heater))
    return PlanTask(slots=slots, site=site, start_soc_kwh=LOSSLESS.min_soc_kwh + 1.0)


@pytest.mark.parametrize(
    ("spacing_hours", "fixed", "dearest"),
    [
        pytest.param(0.0, set[str](), 0.0, id="any part of its power: it moves to the other slot"),
        pytest.param(0.25, set[str](), 0.0, id="a spacing of one slot is none: it moves too"),
        pytest.param(0.5, {"water"}, 1.0, id="blocks keep their hours: a kWh is bought"),
    ],
)
def test_heater_is_planned_anew_beside_the_idle_battery_unless_it_runs_in_blocks(
    spacing_hours: float, fixed: set[str], dearest: float
) -> None:
    task = heating(spacing_hours)
    solution = task.program().solve()
    assert set(fixed_loads(task, solution)) == fixed
    costs = [None if idle is None else idle.extra_cost for idle in idle_slots(task, solution)]
    assert max(cost for cost in costs if cost is not None) == pytest.approx(dearest, abs=1e-6)
    assert None not in costs
