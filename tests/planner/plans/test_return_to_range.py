"""A battery that is found outside its usable range comes back and does not go out again (case c20)."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.site import Limits, Site
from planner.errors import NoFeasibleScheduleError
from planner.plans.make_plan import make_plan
from planner.plans.release import PLAN
from planner.plans.return_to_range import goes_out_again, is_outside_range
from planner.plans.task import PlanTask
from tests.builders.homes import Horizon, home, horizons, sites
from tests.planner.plans.test_make_plan import LONG_DAY, SHORT_DAY, day_task, horizon_task


def found_at(percent: float, **changes: float) -> PlanTask:
    """A day of a home with a battery of 10 kWh between 15 and 90 %, found at a state of charge."""
    site = home()
    battery = replace(
        site.battery, capacity_kwh=10.0, min_soc_kwh=1.5, max_soc_kwh=9.0, charge_kw=3.0, discharge_kw=3.0, **changes
    )
    task = day_task(LONG_DAY, site=replace(site, battery=battery))
    return replace(task, start_soc_kwh=battery.stored_kwh(percent))


@pytest.mark.parametrize("percent", [0.0, 5.0, 14.0, 92.0, 100.0])
@pytest.mark.parametrize("retention", [1.0, 0.999])
def test_plan_starts_where_the_battery_is_and_comes_back(percent: float, retention: float) -> None:
    task = found_at(percent, retention_per_hour=retention)
    plan = make_plan(task)
    soc = plan.schedule["soc_end_kwh"].to_numpy()
    assert (plan.verification.valid, plan.failure, plan.solver.solver) == (True, "", "highs")
    assert plan.schedule["soc_start_kwh"][0] == pytest.approx(percent / 10)
    assert ((soc >= 1.5 - 1e-6) & (soc <= 9.0 + 1e-6)).any()
    back = int(np.argmax((soc >= 1.5 - 1e-6) & (soc <= 9.0 + 1e-6)))
    assert (np.diff(soc[: back + 1]) >= -0.01).all() if percent < 15 else (np.diff(soc[: back + 1]) <= 1e-6).all()
    assert soc[back:].min() >= 1.49
    assert soc[back:].max() <= 9.0 + 1e-6


@settings(max_examples=40, deadline=None)
@given(horizon=horizons(), site=sites(), share=st.floats(0, 1), value=st.sampled_from([0.0, 0.7, 2.0]))
def test_plan_is_verified_wherever_the_battery_is_found(
    horizon: Horizon, site: Site, share: float, value: float
) -> None:
    task = replace(horizon_task(horizon, site, 0.5, value), start_soc_kwh=share * site.battery.capacity_kwh)
    try:
        plan = make_plan(task, explained=False)
    except NoFeasibleScheduleError:
        return
    assert plan.verification.valid or plan.released != PLAN


@pytest.mark.parametrize(
    ("percent", "soc", "out"),
    [
        (5.0, (0.6, 1.0, 5.0, 1.5), False),
        (5.0, (1.0, 0.7, 1.2, 2.0), True),
        (5.0, (1.0, 2.0, 1.2, 2.0), True),
        (95.0, (9.3, 9.0, 5.0, 9.0), False),
        (95.0, (9.3, 9.4, 5.0, 9.0), True),
        (50.0, (0.0, 9.9, 5.0, 1.0), False),
    ],
)
def test_only_what_leaves_the_range_or_moves_away_goes_out_again(
    percent: float, soc: tuple[float, ...], *, out: bool
) -> None:
    assert goes_out_again(found_at(percent), np.array(soc)) == out


@pytest.mark.parametrize("percent", [0.0, 100.0])
def test_plan_costs_no_more_than_to_leave_the_battery_alone_when_it_is_found_outside(percent: float) -> None:
    """Wear that no price pays: coming back early would be the dear part."""
    task = found_at(percent, wear_cost=5.0)
    plan = make_plan(task, explained=False)
    assert (plan.released, plan.verification.valid) == (PLAN, True)
    assert plan.cost <= plan.idle_cost + 1e-6


@pytest.mark.parametrize(("percent", "outside"), [(14.9, True), (15.0, False), (90.0, False), (90.1, True)])
def test_edges_of_the_range_are_inside(percent: float, *, outside: bool) -> None:
    assert is_outside_range(found_at(percent)) == outside


def test_plan_is_verified_on_the_short_day_with_a_fuse_when_the_battery_is_found_empty() -> None:
    site = replace(found_at(0.0).site, limits=Limits(import_kw=4.0))
    plan = make_plan(replace(day_task(SHORT_DAY, site=site), start_soc_kwh=0.0))
    assert plan.verification.valid
