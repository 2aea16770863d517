"""Plans: verified, never costlier than leaving the battery to itself, and never zeros when solvers fail."""

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.battery import Battery
from env.devices import Appliance, Devices, ElectricVehicle, WaterHeater
from env.site import Limits, Site
from planner.errors import SolverError, SolverTimeoutError
from planner.optimizer.deferrable_loads import ApplianceRequest, HeaterRequest, LoadRequests, VehicleRequest
from planner.optimizer.fallback_solvers import CLARABEL
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.solution import CHARGE, DISCHARGE, IMPORT, Solution, SolverRecord
from planner.plans.make_plan import SOLVERS, Solve, make_plan, solve_by_highs
from planner.plans.release import (
    IDLE,
    PLAN,
    SELF_CONSUMPTION,
    candidate,
    forecast_slack,
    release,
    simple_candidates,
)
from planner.plans.task import End, PlanTask
from planner.tolerances import EQUAL_COST
from planner.wording.columns import worded
from tests.builders.battery_limits import idle_battery
from tests.builders.homes import DEFAULT_BATTERY, Horizon, days_of_slots, home, horizons, sites, start_soc

SHORT_DAY, LONG_DAY = date(2026, 3, 29), date(2025, 10, 26)


def day_task(day: date = LONG_DAY, *, site: Site | None = None, end: End | None = None) -> PlanTask:
    return PlanTask(
        slots=days_of_slots(day, day, seed=2),
        site=home() if site is None else site,
        start_soc_kwh=17.1,
        end=End(value=1.0) if end is None else end,
    )


def horizon_task(horizon: Horizon, site: Site, share: float, value: float) -> PlanTask:
    first = datetime(2026, 1, 14, 11, tzinfo=UTC)
    starts = pl.Series([first]).cast(pl.Datetime("us", "UTC"))[0]
    slots = horizon.frame().with_columns(
        slot_start=pl.lit(starts).dt.offset_by(worded("{}m", 15 * pl.int_range(pl.len())))
    )
    return PlanTask(
        slots=slots.with_columns(pl.col("slot_start").cast(pl.Datetime("us", "UTC"))),
        site=site,
        start_soc_kwh=start_soc(site, share),
        end=End(value=value),
    )


@settings(max_examples=60, deadline=None)
@given(horizon=horizons(), site=sites(), share=st.floats(0, 1), value=st.sampled_from([0.0, 0.7, 2.0]))
def test_plan_costs_no_more_than_simple_schedules_when_homes_are_random(
    horizon: Horizon, site: Site, share: float, value: float
) -> None:
    task = horizon_task(horizon, site, share, value)
    plan = make_plan(task)
    assert plan.verification.valid or plan.released == SELF_CONSUMPTION
    for simple in simple_candidates(task):
        if simple.verification.valid:
            assert plan.cost <= simple.cost + 1e-6


@pytest.mark.parametrize("day", [SHORT_DAY, LONG_DAY], ids=["92 slots", "100 slots"])
@pytest.mark.parametrize("cheaper", [0.0, 1.5], ids=["ordinary prices", "negative prices"])
def test_plan_is_verified_and_beats_both_when_a_day_is_ordinary(day: date, cheaper: float) -> None:
    task = day_task(day)
    moved = task.slots.with_columns(pl.col("import_price") - 1.25 * cheaper, pl.col("export_price") - cheaper)
    plan = make_plan(replace(task, slots=moved))
    assert plan.released == PLAN
    assert plan.verification.valid
    assert plan.cost < min(plan.idle_cost, plan.self_consumption_cost)
    assert plan.verification.cost == pytest.approx(plan.schedule["cost"].sum(), abs=1e-6)
    assert plan.solver == replace(plan.solver, solver="highs", status="optimal", gap=0.0)


def test_plan_is_the_same_bytes_when_made_twice() -> None:
    first, second = make_plan(day_task()), make_plan(day_task())
    assert first.schedule.equals(second.schedule)


def test_commands_reproduce_the_plan_when_the_forecast_is_right() -> None:
    site = home(limits=Limits(import_kw=11.0, export_kw=3.0, inverter_kw=6.0, curtailable=True))
    plan = make_plan(day_task(site=site))
    assert plan.released == PLAN
    assert not [notice for notice in plan.verification.notices if notice.rule == "no_command"]


# --- movable loads

DEVICES = Devices(
    water_heater=WaterHeater(power_kw=3.0, energy_kwh_per_day=6.0),
    vehicle=ElectricVehicle(power_kw=7.4),
    appliances=(Appliance(name="dishes", power_kw=1.2, run_hours=1.5),),
)


def loaded_task(*, fuse_kw: float | None = 11.0, extra: tuple[Battery, ...] = ()) -> PlanTask:
    site = replace(home(limits=Limits(import_kw=fuse_kw)), devices=DEVICES, extra_batteries=extra)
    task = day_task(site=site)
    start = task.slots["slot_start"]
    requests = LoadRequests(
        heater=HeaterRequest(done_today_kwh=1.0),
        vehicle=VehicleRequest(arrives=start[60], departs=start[99], energy_kwh=20.0),
        appliances=(ApplianceRequest(name="dishes", earliest=start[30], latest=start[80]),),
    )
    return replace(task, requests=requests)


SMALL_BATTERY = replace(DEFAULT_BATTERY, capacity_kwh=5.0, min_soc_kwh=0.5, max_soc_kwh=5.0, charge_kw=2.0)


@pytest.mark.parametrize("extra", [(), (SMALL_BATTERY,)], ids=["one battery", "two batteries"])
def test_movable_loads_get_their_energy_when_planned(extra: tuple[Battery, ...]) -> None:
    plan = make_plan(loaded_task(extra=extra))
    assert plan.released == PLAN
    assert plan.verification.valid
    totals = {"water_kwh": 5.0, "ev_kwh": 20.0, "appliance_dishes_kwh": 1.8}
    for name, kwh in totals.items():
        assert plan.schedule[name].sum() == pytest.approx(kwh, abs=1e-6)
    assert ("battery_2_soc_end_kwh" in plan.schedule.columns) == bool(extra)
    assert plan.cost < min(plan.idle_cost, plan.self_consumption_cost)


def test_car_is_not_fed_from_the_battery_when_that_is_not_allowed() -> None:
    for schedule in [make_plan(loaded_task()).schedule, simple_candidates(loaded_task())[0].schedule]:
        surplus = (schedule["pv_kwh"] - schedule["load_kwh"]).clip(lower_bound=0)
        assert (schedule["ev_kwh"] <= schedule["import_kwh"] + surplus + 1e-6).all()


def test_simple_homes_charge_at_once_when_nothing_is_planned() -> None:
    schedule = simple_candidates(loaded_task(fuse_kw=None))[1].schedule
    assert schedule["ev_kwh"].to_numpy()[59:72].round(6).tolist() == [0.0, *[1.85] * 10, 1.5, 0.0]
    assert schedule["water_kwh"].to_numpy()[:8].round(6).tolist() == [*[0.75] * 6, 0.5, 0.0]
    assert np.flatnonzero(schedule["appliance_dishes_kwh"].to_numpy())[0] == 30
    assert schedule["charge_kwh"].sum() == schedule["discharge_kwh"].sum() == 0.0


def test_simple_homes_wait_for_room_when_the_fuse_is_small() -> None:
    for simple in simple_candidates(loaded_task(fuse_kw=9.0)):
        assert simple.schedule["ev_kwh"].sum() == pytest.approx(20.0)
        assert (simple.schedule["import_kwh"] <= 9.0 / 4 + 1e-9).all()


# --- failing solvers


def failing(error: SolverError, program: HomeProgram, time_limit: float) -> Solution:
    del program, time_limit
    raise error


def zeros(program: HomeProgram, time_limit: float) -> Solution:
    """A solver that reports an optimal solution of zeros."""
    solution = solve_by_highs(program, time_limit)
    return replace(solution, flows=np.zeros_like(solution.flows))


def wasteful(program: HomeProgram, time_limit: float) -> Solution:
    """A solver whose incumbent is feasible and dear: the battery charges in the dearest slot and keeps it."""
    with idle_battery(program, *range(program.n_slots)):
        solution = program.solve(time_limit=time_limit)
    flows = solution.flows.copy()
    dearest = int(flows[:, IMPORT].argmax())
    flows[dearest, [CHARGE, IMPORT]] += 1.0
    flows[dearest:, -1] += DEFAULT_BATTERY.charge_efficiency
    assert flows[:, DISCHARGE].max() < 1e-9
    return replace(solution, flows=flows, record=SolverRecord("highs", "time limit", gap=0.5))


CRASH: Solve = partial(failing, SolverError("it crashed"))
TIMEOUT: Solve = partial(failing, SolverTimeoutError("nothing within 1 s"))


@pytest.mark.parametrize("first", [CRASH, TIMEOUT, zeros], ids=["crash", "timeout", "zeros"])
def test_next_solver_is_tried_when_the_first_gives_nothing_usable(first: Solve) -> None:
    plan = make_plan(day_task(), solvers=(("highs", first), *SOLVERS[1:]))
    assert plan.released == PLAN
    assert plan.solver.solver == CLARABEL
    assert [attempt.solver for attempt in plan.attempts] == ["highs"]
    assert plan.cost == pytest.approx(make_plan(day_task()).cost, abs=1e-3)


@pytest.mark.parametrize("solve", [CRASH, TIMEOUT, zeros], ids=["crash", "timeout", "zeros"])
def test_self_consumption_is_released_when_no_solver_helps(solve: Solve) -> None:
    plan = make_plan(day_task(), solvers=(("highs", solve), ("scs", solve)))
    assert plan.released == SELF_CONSUMPTION
    assert plan.cost == plan.self_consumption_cost
    assert plan.verification.valid
    assert plan.schedule["discharge_kwh"].sum() > 1
    assert (plan.schedule["discharge_kw"] == DEFAULT_BATTERY.discharge_kw).all()
    assert "self-consumption is released instead" in plan.reason
    assert plan.schedule["idle_costs"].null_count() == plan.schedule.height


def test_better_simple_schedule_is_released_when_the_plan_is_dear() -> None:
    plan = make_plan(day_task(), solvers=(("highs", wasteful),))
    assert plan.released == SELF_CONSUMPTION
    assert plan.cost == min(plan.idle_cost, plan.self_consumption_cost)
    assert plan.solver.gap == 0.5
    assert "less than the plan and is released instead" in plan.reason


def test_idle_is_released_when_it_is_the_cheapest_of_all() -> None:
    task = replace(day_task(), end=End(value=9.0))  # using the battery up costs more than it saves
    plan = make_plan(task, solvers=(("highs", zeros),))
    assert plan.idle_cost < plan.self_consumption_cost
    assert plan.released == IDLE


def test_simple_schedules_are_no_candidates_when_they_miss_the_end() -> None:
    task = day_task(end=End(return_soc_kwh=30.0))
    simple = simple_candidates(task)
    assert not any(option.verification.valid for option in simple)
    plan = make_plan(task)
    assert plan.released == PLAN
    assert plan.schedule["soc_end_kwh"][-1] == pytest.approx(30.0, abs=1e-6)
    assert "cannot do (end soc)" in plan.reason


def test_release_prefers_the_plan_when_costs_are_equal() -> None:
    task = day_task()
    simple = simple_candidates(task)
    same = candidate(task, PLAN, simple[0].schedule)
    other = replace(simple[1], cost=same.cost)
    assert release(same, [simple[0], other]).chosen.name == PLAN


def test_a_policys_plan_is_passed_over_only_when_it_costs_more_than_the_forecast_tells() -> None:
    task = day_task()
    simple = simple_candidates(task)
    slack, least = forecast_slack(task, simple), min(option.cost for option in simple)
    turnover = simple[1].schedule.select(pl.col("import_kwh") * pl.col("import_price")).sum().item()
    assert 0.01 * turnover <= slack < 0.02 * turnover
    plan = replace(candidate(task, PLAN, simple[0].schedule), cost=least + 0.9 * slack)
    released = release(plan, simple, slack=slack)
    assert released.chosen is plan
    assert "more than" in released.reason
    assert "more than self-consumption (on this forecast, too little to pass it over) and " in released.reason
    dear_idle = [simple[0], replace(simple[1], cost=plan.cost - 0.5 * EQUAL_COST)]
    assert release(plan, dear_idle, slack=slack).reason.endswith(" and 0.00 SEK less than an unused battery")
    dearer = release(replace(plan, cost=least + 1.1 * slack), simple, slack=slack)
    assert dearer.chosen.cost == least
    assert release(plan, simple).chosen is not plan  # the optimiser's plan is best under the forecast, or wrong


def test_any_excess_counts_where_nothing_is_bought_or_sold() -> None:
    task = day_task()
    task = replace(task, slots=task.slots.with_columns(load_kwh=pl.lit(0.0), pv_kwh=pl.lit(0.0)))
    assert forecast_slack(task, simple_candidates(task)) == EQUAL_COST
