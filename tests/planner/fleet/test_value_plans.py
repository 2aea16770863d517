"""The plans of many homes at once are those that each home gets alone."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.planning.plan_inputs import PlanInputs, StartSoc, inputs_at
from env.care import Care, ReserveRule
from env.simulator import World
from env.site import Limits
from planner.fleet.homes_ahead import HomesAhead
from planner.fleet.value_plans import plan_homes
from planner.plans.fallback_chain import VALUE, PlanSource, first_usable_plan
from planner.plans.policy_plans import value_schedule
from planner.plans.release import SELF_CONSUMPTION
from planner.policies.rolling import RollingValue
from planner.value.scenarios import Scenarios, joined_scenarios
from tests.builders.service_home import LONG_DAY, moment
from tests.builders.small_home import small_context

COLUMNS = ("charge_kw", "discharge_kw", "export_kw", "import_kwh", "export_kwh", "soc_end_kwh", "cost")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return small_context(tmp_path_factory.mktemp("fleet_plans"))


def together(plans: Sequence[PlanInputs]) -> HomesAhead:
    """Homes alike, each with the inputs of its own plan."""
    rolling = [each.rolling for each in plans]
    first = rolling[0]
    span = slice(first.started_slot, None)
    scenarios: list[Scenarios] = []
    for each in rolling:
        planner = RollingValue(each.window)
        planner.open_at(each.started_slot, len(each.window.slots))
        scenarios.append(planner.scenarios())
    return HomesAhead(
        names=tuple(f"home {number}" for number in range(len(plans))),
        site=first.window.site,
        slot_starts=first.window.slots["slot_start"][first.started_slot :],
        world=World(
            *(
                np.concatenate([getattr(each.window.world, name)[:, span] for each in rolling])
                for name in ("load_kwh", "pv_kwh", "import_price", "export_price")
            )
        ),
        scenarios=joined_scenarios(scenarios),
        current_slot=first.current_slot - first.started_slot,
        start_soc_kwh=np.array([each.task.start_soc_kwh for each in plans]),
        end_values=np.stack([each.rolling.window.last_values for each in plans]),
        ends=[each.task.end for each in plans],
    )


@pytest.mark.parametrize(
    "limits", [Limits(), Limits(import_kw=3.0, export_kw=0.0, curtailable=True)], ids=["none", "fuse"]
)
@pytest.mark.parametrize("when", [(0, 0), (9, 30), (18, 0)], ids=["midnight", "morning", "evening"])
def test_plans_are_those_of_each_home_alone_when_planned_together(
    home: Context, limits: Limits, when: tuple[int, int]
) -> None:
    context = replace(home, site=replace(home.site, limits=limits))
    inputs = [inputs_at(context, moment(LONG_DAY, *when), soc=StartSoc(percent)) for percent in (20.0, 55.0, 90.0)]
    made = plan_homes(together(inputs))
    assert made.homes["verified"].all()
    for number, own in enumerate(inputs):
        alone = first_usable_plan(
            own.task, [PlanSource(VALUE, lambda task, own=own: value_schedule(task, own.rolling))]
        )
        schedule = made.schedule.filter(pl.col("home") == number)
        assert schedule["slot_start"].to_list() == alone.plan.schedule["slot_start"].to_list()
        for name in COLUMNS:
            assert schedule[name].to_numpy() == pytest.approx(alone.plan.schedule[name].to_numpy(), abs=1e-9), name
        row = made.homes.row(number, named=True)
        assert row["released"] == alone.plan.released
        costs = (alone.plan.cost, alone.plan.idle_cost, alone.plan.self_consumption_cost)
        assert (row["cost"], row["idle_cost"], row["self_consumption_cost"]) == pytest.approx(costs, abs=1e-9)


def test_plans_keep_the_reserve_when_homes_have_one(home: Context) -> None:
    care = Care(reserve=(ReserveRule(percent=60.0),))
    context = replace(home, site=replace(home.site, care=care))
    inputs = [inputs_at(context, moment(LONG_DAY, 3), soc=StartSoc(percent)) for percent in (80.0, 95.0)]
    made = plan_homes(together(inputs))
    battery = home.site.battery
    kept = battery.min_soc_kwh + 0.6 * battery.capacity_kwh
    assert made.homes["verified"].all()
    assert made.schedule["soc_end_kwh"].to_numpy().min() >= min(kept, battery.max_soc_kwh) - 1e-6


def test_homes_rest_on_the_inverters_default_when_a_plan_would_break_a_limit(
    home: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = [inputs_at(home, moment(LONG_DAY, 9)) for _ in range(2)]
    from planner.fleet import value_plans

    real = value_plans.verify_homes
    calls: list[int] = []

    def refuse_first_plan(schedules: pl.DataFrame, *args: object, **named: object) -> list[str]:
        found = real(schedules, *args, **named)  # pyright: ignore[reportArgumentType]
        calls.append(1)
        return ["wrong", *found[1:]] if len(calls) == 1 else found

    monkeypatch.setattr(value_plans, "verify_homes", refuse_first_plan)
    made = plan_homes(together(inputs))
    assert made.homes["released"].to_list() == [SELF_CONSUMPTION, "plan"]
    assert made.homes["verified"].all()
