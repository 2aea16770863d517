"""A battery that makes no physical sense is refused at load, with place and remedy; every other one can be planned."""

import time
import tracemalloc
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import ValidationError

from darkstar_pipeline.config.battery import BatterySettings
from env.site import Limits, Site
from planner.deadline import deadline
from planner.errors import GridTooFineError
from planner.plans.fallback_chain import PlanSource, first_usable_plan
from planner.plans.make_plan import make_plan
from planner.plans.task import End, PlanTask
from planner.tolerances import EQUAL_COST
from planner.value.scenarios import Scenarios
from planner.value.value_function import soc_grid, value_function
from tests.builders.homes import days_of_slots, home

SECONDS = 3.0
MEGABYTES = 400


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"min_soc_percent": 99.999999}, "leave at least 1 %"),
        ({"min_soc_percent": 60, "max_soc_percent": 40}, "leave at least 1 %"),
        ({"min_soc_percent": 100, "max_soc_percent": 100}, "leave at least 1 %"),
        ({"charge_kw": 0, "discharge_kw": 0}, "give the power of one"),
        ({"capacity_kwh": 0.1, "charge_kw": 8}, "within a minute"),
        ({"charge_kw": 1e9}, "less than or equal to 10000"),
        ({"capacity_kwh": 0}, "capacity_kwh"),
        ({"capacity_kwh": True}, "is true or false"),
        ({"capacity_kwh": 1e9}, "capacity_kwh"),
        ({"round_trip_efficiency": 1.01}, "round_trip_efficiency"),
        ({"round_trip_efficiency": 1e-9}, "round_trip_efficiency"),
        ({"wear_cost_per_kwh": -0.1}, "wear_cost_per_kwh"),
        ({"retention_per_hour": 1e-9}, "retention_per_hour"),
    ],
)
def test_a_battery_that_cannot_be_is_refused_with_the_remedy(values: dict[str, float], expected: str) -> None:
    with pytest.raises(ValidationError) as refused:
        BatterySettings.model_validate(values)
    assert expected in str(refused.value)


def day_of(site: Site) -> PlanTask:
    day = date(2025, 10, 26)
    slots = days_of_slots(day, day, seed=2)
    return PlanTask(slots=slots, site=site, start_soc_kwh=site.battery.min_soc_kwh, end=End(value=0.5))


def by_value(task: PlanTask) -> None:
    """Compute the value function of a task, which is what needs memory."""
    import_price, export_price, load, pv = task.arrays
    end = soc_grid(task.site.battery)[None] * task.end.value
    scenarios = Scenarios(load[None, None], pv[None, None])
    value_function(scenarios, import_price[None], export_price[None], site=task.site, end_value=end)


_numbers = some.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.thorough
@settings(max_examples=25, deadline=None)
@given(
    values=some.fixed_dictionaries(
        {},
        optional={
            "capacity_kwh": _numbers | some.floats(0.01, 20_000),
            "min_soc_percent": _numbers | some.floats(0, 100),
            "max_soc_percent": some.floats(0, 100),
            "charge_kw": _numbers | some.floats(0, 20_000),
            "discharge_kw": some.floats(0, 20_000),
            "round_trip_efficiency": some.floats(0, 1.1),
            "wear_cost_per_kwh": some.floats(0, 10),
            "retention_per_hour": some.floats(0, 1),
        },
    ),
    fuse=some.none() | some.floats(1e-3, 1e4),
)
def test_load_refuses_or_a_plan_comes_in_time_and_memory(values: dict[str, float], fuse: float | None) -> None:
    try:
        battery = BatterySettings.model_validate(values).battery()
    except ValidationError:
        return
    task = day_of(home(battery, Limits(import_kw=fuse)))
    tracemalloc.start()
    try:
        started = time.process_time()  # the machine may be busy with more
        with deadline(SECONDS):
            result = first_usable_plan(task, [PlanSource("mpc", make_plan)])
        seconds = time.process_time() - started
        by_value(task)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seconds < 3 * SECONDS  # tracing takes its share
    assert peak < MEGABYTES * 1e6
    plan = result.plan
    valid = [cost for cost in (plan.idle_cost,) if plan.verification.valid]
    assert all(plan.cost <= cost + EQUAL_COST for cost in valid)


def test_a_grid_without_end_is_refused_before_it_takes_memory() -> None:
    battery = replace(BatterySettings().battery(), min_soc_kwh=34.1999999)
    with pytest.raises(GridTooFineError, match="in no time"):
        by_value(day_of(home(battery)))
