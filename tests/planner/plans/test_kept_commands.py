"""Two plans on unchanged inputs have the same commands, and a command that does the same is kept."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.planning.plan_inputs import PlanInputs, inputs_at
from env.command_menu import command_menu
from env.inverter import Command, Energy
from planner.plans.kept_commands import keep_commands
from planner.plans.make_plan import make_plan
from planner.plans.policy_plans import learned_schedule, value_schedule
from planner.plans.task import End
from planner.policies.plan_before import CommandBefore, PlanBefore, SteadyChoices
from planner.value.scenario_source import ScenarioSource
from planner.verification.verifier import verify_schedule
from tests.builders.homes import PAPER_BATTERY, home
from tests.planner.plans.test_explanations import CHEAP, DEAR, paper_task
from tests.planner.plans.test_policy_plans import at, policy
from tests.planner.plans.test_policy_plans import home as small_home_with_cheap_night  # noqa: F401 - a fixture

POWERS = list(Command._fields)
HOLD, SELF_CONSUMPTION = (0.0, 0.0, 0.0), (0.0, PAPER_BATTERY.discharge_kw, 0.0)


def by_value(inputs: PlanInputs, before: PlanBefore) -> pl.DataFrame:
    return value_schedule(inputs.task, inputs.rolling, before=before).schedule


def by_policy(inputs: PlanInputs, before: PlanBefore) -> pl.DataFrame:
    made = learned_schedule(inputs.task, inputs.rolling, policy(3), ScenarioSource(history=inputs.history))
    return keep_commands(inputs.task, made.schedule, made.stored_value(inputs.task), before)


def by_optimizer(inputs: PlanInputs, before: PlanBefore) -> pl.DataFrame:
    plan = make_plan(inputs.task, explained=False)
    assert plan.solution is not None
    return keep_commands(inputs.task, plan.schedule, plan.solution.stored_value, before)


def commands_of(schedule: pl.DataFrame) -> PlanBefore:
    rows = schedule.select("slot_start", *POWERS).iter_rows()
    return PlanBefore({start: CommandBefore(tuple(powers)) for start, *powers in rows})  # type: ignore[arg-type]


def a_slot_later(inputs: PlanInputs, soc_kwh: float) -> PlanInputs:
    """The inputs of the next slot where everything came as it was forecast."""
    task, rolling = inputs.task, inputs.rolling
    return replace(
        inputs,
        task=replace(task, slots=task.slots.slice(1), start_soc_kwh=soc_kwh),
        rolling=replace(rolling, current_slot=rolling.current_slot + 1),
    )


@pytest.mark.parametrize("make", [by_value, by_policy, by_optimizer])
@pytest.mark.parametrize("when", [at(0), at(2, 45), at(9, 30), at(18)], ids=lambda when: f"{when:%H%M}")
def test_commands_stay_when_nothing_has_changed_for_a_quarter_of_an_hour(
    small_home_with_cheap_night: Context,  # noqa: F811 - the fixture
    when: datetime,
    make: Callable[[PlanInputs, PlanBefore], pl.DataFrame],
) -> None:
    inputs = inputs_at(small_home_with_cheap_night, when)
    first = make(inputs, PlanBefore({}))
    for _ in range(2):
        inputs = a_slot_later(inputs, float(first["soc_end_kwh"][0]))
        second = make(inputs, commands_of(first))
        expected, got = (table.select(POWERS).to_numpy() for table in (first.slice(1), second))
        np.testing.assert_allclose(got, expected, atol=1e-3)
        first = second


def test_command_is_kept_when_it_does_the_same() -> None:
    task = replace(paper_task([CHEAP, (0.0, 0.0, 3.5, 0.1), DEAR]), end=End(value=0.5))
    plan = make_plan(task, explained=False)
    assert plan.solution is not None
    starts = plan.schedule["slot_start"].to_list()
    own = plan.schedule.select(POWERS).rows()
    # Nothing is asked of the battery in the second slot; a kWh is worth more in the third.
    before = PlanBefore({starts[1]: CommandBefore(SELF_CONSUMPTION), starts[2]: CommandBefore(HOLD)})
    kept = keep_commands(task, plan.schedule, plan.solution.stored_value, before)
    assert kept.select(POWERS).rows()[2] == own[2], "holding in the dear slot is another plan"
    assert kept.drop(POWERS).equals(plan.schedule.drop(POWERS)), "flows and money stay"
    verified = verify_schedule(kept.drop("local_day"), task.site, start_soc_kwh=task.start_soc_kwh, end_soc_kwh=None)
    assert verified.valid


def test_command_is_kept_only_where_a_surprise_costs_next_to_nothing_when_flows_are_the_same() -> None:
    task = paper_task([(0.0, 0.0, 1.0, 0.1), (1.0, 0.0, 9.0, 0.1)], start=1.9)
    plan = make_plan(task, explained=False)
    assert plan.solution is not None
    first, later = plan.schedule["slot_start"].to_list()
    held = plan.schedule.with_columns(discharge_kw=pl.Series([0.0, 4.0]))  # holds for the dear slot
    before = PlanBefore({first: CommandBefore(SELF_CONSUMPTION), later: CommandBefore(SELF_CONSUMPTION)})
    kept = keep_commands(task, held, plan.solution.stored_value, before)
    assert kept["discharge_kw"].to_list() == [0.0, 4.0], "a load that comes by surprise would empty it too early"


def choices(before: CommandBefore | None, *, first: int = -1) -> SteadyChoices:
    starts = paper_task([CHEAP]).slots["slot_start"].to_list()
    known = {} if before is None else {starts[0]: before}
    menu, prices = command_menu(home(PAPER_BATTERY)), np.array([2.0])
    return SteadyChoices(PlanBefore(known, kept_kwh=0.005), menu, starts, first=first, import_price=prices)


def costs(*lowest: tuple[int, float], n: int = 26) -> Energy:
    table = np.full((1, n), 5.0)
    for choice, cost in lowest:
        table[0, choice] = cost
    return table


def test_choice_of_the_plan_before_is_kept_up_to_the_slack_when_another_is_cheaper() -> None:
    held = choices(CommandBefore(HOLD))
    assert held.choose(0, costs((0, 1.0), (1, 1.009))).tolist() == [1]
    assert held.choose(0, costs((0, 1.0), (1, 1.011))).tolist() == [0]
    assert choices(CommandBefore((1.23, 0.0, 0.0))).choose(0, costs((0, 1.0))).tolist() == [0]


def test_cheapest_choice_is_carried_out_whatever_the_plan_before_had() -> None:
    assert choices(CommandBefore(HOLD), first=0).choose(0, costs((0, 1.0), (1, 1.001))).tolist() == [0]


def test_first_choice_of_the_menu_is_taken_when_several_do_the_same() -> None:
    assert choices(None).choose(0, costs((0, 1.0 + 1e-12), (1, 1.0))).tolist() == [0]
    assert choices(None).choose(0, costs((0, 1.0 + 1e-6), (1, 1.0))).tolist() == [1]


def test_limited_choice_is_kept_apart_from_the_unlimited_one_when_a_limit_may_stand_beside_it() -> None:
    table = costs((0, 1.0), (1, 1.0), (26, 1.0), (27, 1.0), n=52)
    assert choices(CommandBefore(HOLD, limited=True)).choose(0, table).tolist() == [1]
    assert choices(CommandBefore(HOLD)).choose(0, table).tolist() == [27]
