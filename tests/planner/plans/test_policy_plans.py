"""A policy's plan equals its rollout slot after slot, on any site, and carries the policy's values."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.planning.plan_inputs import PlanInputs, StartSoc, inputs_at
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES
from env.care import Care, ReserveRule
from env.gym.actions import Correction
from env.inverter import Command, Energy
from env.simulator import simulate
from env.site import Limits
from planner.artifacts.bundle import Manifest
from planner.deadline import check_deadline, deadline
from planner.plans.fallback_chain import FAILED, REFUSED, RELEASED, UNAVAILABLE, PlanSource, first_usable_plan
from planner.plans.make_plan import Plan, make_plan
from planner.plans.policy_plans import PolicySchedule, learned_schedule, value_schedule
from planner.plans.release import IDLE, SELF_CONSUMPTION
from planner.plans.task import End, PlanTask
from planner.policies.rl_policy import AntaresRLPolicyV1, rl_manifest
from planner.policies.rolling_learned import RollingLearned
from planner.value.scenario_source import ScenarioSource
from planner.verification.verifier import verify_schedule
from tests.builders.service_home import COLUMNS, LONG_DAY, moment
from tests.builders.small_home import small_context


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The small home, with a night at negative prices."""
    context = small_context(tmp_path_factory.mktemp("plans"))
    for day in (LONG_DAY, date(2025, 10, 27)):
        rows = context.lake.read(RAW_SPOT_PRICES, "home", day, day)
        night = pl.col("slot_start").dt.convert_time_zone("Europe/Stockholm").dt.hour() < 5
        price = pl.when(night).then(pl.col("price") - 1.5).otherwise("price").alias("price")
        context.lake.write_day(RAW_SPOT_PRICES, "home", day, rows.with_columns(price))
    return context


def policy(seed: int) -> AntaresRLPolicyV1:
    """A policy with random corrections, which depend on stored energy too."""
    rng = np.random.default_rng(seed)
    tensors = {
        "0.weight": rng.normal(size=(1, len(COLUMNS))).astype(np.float32),
        "0.bias": rng.normal(size=1).astype(np.float32),
    }
    return AntaresRLPolicyV1(manifest(), tensors)


def manifest() -> Manifest:
    return rl_manifest(algorithm="ppo", state="v2", columns=COLUMNS, correction=Correction(offset=0.5))


def at(hour: int, minute: int = 0) -> datetime:
    return moment(LONG_DAY, hour, minute)


@pytest.mark.parametrize("when", [at(0), at(2, 45), at(9, 30), at(13), at(23, 45)], ids=lambda when: f"{when:%H%M}")
@pytest.mark.parametrize("seed", [0, 1])
def test_plan_equals_the_rollout_slot_after_slot_when_slots_are_decided_in_batches(
    home: Context, when: datetime, seed: int
) -> None:
    inputs, decider = inputs_at(home, when), policy(seed)
    source = ScenarioSource(history=inputs.history)
    planned = learned_schedule(inputs.task, inputs.rolling, decider, source)
    ahead = inputs.rolling
    rolling = RollingLearned(ahead.window, decider, ScenarioSource(history=inputs.history, rules=decider.weight_rules))
    rolling.open_at(ahead.started_slot, len(ahead.window.slots))

    def decide(slot: int, soc_kwh: Energy) -> Command:
        return rolling.command(ahead.current_slot - ahead.started_slot + slot, soc_kwh)

    rollout = simulate(decide, ahead.world, home.site, np.array([inputs.task.start_soc_kwh]))
    for name in ("charge_kw", "discharge_kw", "export_kw"):
        assert np.array_equal(planned.schedule[name].to_numpy(), getattr(rollout.commands, name)[0])
    assert np.array_equal(planned.schedule["soc_end_kwh"].to_numpy(), rollout.soc_kwh[0, 1:])
    assert len(planned.schedule.select("charge_kw", "discharge_kw", "export_kw").unique()) > 1


@pytest.mark.parametrize("make", ["value", "learned"])
@pytest.mark.parametrize(
    "limits",
    [Limits(), Limits(import_kw=3.0, export_kw=0.0, curtailable=True), Limits(inverter_kw=2.0)],
    ids=["none", "fuse and no export", "inverter"],
)
def test_plan_keeps_the_homes_limits_when_verified(home: Context, make: str, limits: Limits) -> None:
    context = replace(home, site=replace(home.site, limits=limits))
    inputs = inputs_at(context, at(1))
    if make == "value":
        planned = value_schedule(inputs.task, inputs.rolling)
    else:
        planned = learned_schedule(inputs.task, inputs.rolling, policy(3), ScenarioSource(history=inputs.history))
    verification = verify_schedule(
        planned.schedule.drop("local_day"), context.site, start_soc_kwh=inputs.task.start_soc_kwh, end_soc_kwh=None
    )
    assert verification.valid, verification.violations
    assert np.isfinite(planned.stored_value(inputs.task)).all()
    costs = planned.idle_costs(inputs.task)
    still = (planned.schedule["charge_kwh"] + planned.schedule["discharge_kwh"]).to_numpy() < 1e-9
    if make == "value":
        assert costs.min() > -0.2, "the value function's choice is best on the whole, not in every forecast slot"
    assert still.any() or costs.max() > 0


def test_plan_uses_the_readings_so_far_and_no_later_ones_when_made(home: Context) -> None:
    inputs = inputs_at(home, at(18))
    before = inputs.rolling.current_slot
    assert inputs.rolling.started_slot == 56, "13:00 on the day with the repeated hour"
    readings, forecast = (inputs.rolling.window.column(name) for name in ("load_kwh", "load_forecast"))
    assert not np.array_equal(readings[:before], forecast[:before])
    assert np.array_equal(readings[before:], forecast[before:])


def by_value(inputs: PlanInputs) -> PlanSource:
    return PlanSource("value", lambda task: value_schedule(task, inputs.rolling))


def fails(_: PlanTask) -> PolicySchedule:
    message = "a mistake"
    raise RuntimeError(message)


def wasteful(task: PlanTask) -> PolicySchedule:
    """Return a schedule that charges in every slot."""
    schedule = value_like(task, charge_kw=8.0)
    return PolicySchedule(schedule, np.full((task.n_slots, 2), np.nan))


def value_like(task: PlanTask, charge_kw: float) -> pl.DataFrame:
    from planner.plans.release import default_loads, simulated

    full = np.ones(task.n_slots)
    return simulated(task, default_loads(task), Command(charge_kw * full, 0 * full, 0 * full))


def impossible(task: PlanTask) -> PolicySchedule:
    """Return a schedule with more stored energy than there is."""
    schedule = value_like(task, 0.0).with_columns(pl.col("soc_end_kwh") + 1.0)
    return PolicySchedule(schedule, np.full((task.n_slots, 2), np.nan))


def troubled(task: PlanTask) -> Plan:
    return replace(make_plan(task, explained=False), failure="highs: time limit")


@pytest.mark.parametrize(
    ("make", "outcome", "reason"),
    [
        pytest.param(None, UNAVAILABLE, "nobody", id="missing"),
        pytest.param(fails, FAILED, "RuntimeError: a mistake", id="fails"),
        pytest.param(wasteful, REFUSED, "less than the plan", id="costs more than doing nothing"),
        pytest.param(impossible, REFUSED, "the plan is wrong", id="refused by the verifier"),
        pytest.param(troubled, FAILED, "time limit", id="no answer in time"),
    ],
)
def test_next_source_plans_when_one_is_not_usable(
    home: Context, make: Callable[[PlanTask], PolicySchedule | Plan] | None, outcome: str, reason: str
) -> None:
    inputs = inputs_at(home, at(14))
    result = first_usable_plan(inputs.task, [PlanSource("champion", make, "nobody"), by_value(inputs)])
    assert [(attempt.source, attempt.outcome) for attempt in result.attempts] == [
        ("champion", outcome),
        ("value", RELEASED),
    ]
    assert reason in result.attempts[0].reason
    assert reason in result.reason
    assert result.plan.verification.valid
    assert result.plan.cost <= min(result.plan.idle_cost, result.plan.self_consumption_cost) + 1e-6
    alone = first_usable_plan(inputs.task, [PlanSource("champion", make, "nobody")])
    assert (alone.source, alone.plan.released) == (SELF_CONSUMPTION, IDLE)  # what is kept is worth more at the end
    assert alone.plan.cost == alone.plan.idle_cost < alone.plan.self_consumption_cost


def test_optimisers_plan_is_released_unchanged_when_usable(home: Context) -> None:
    inputs = inputs_at(home, at(14))
    result = first_usable_plan(inputs.task, [PlanSource("mpc", make_plan), PlanSource("value", fails)])
    assert (result.source, result.plan.solver.solver) == ("mpc", "highs")


def test_the_last_resort_is_never_dearer_than_idle(home: Context) -> None:
    task = inputs_at(home, at(14)).task
    full = replace(task, start_soc_kwh=task.site.battery.max_soc_kwh, end=End(value=90.0))  # using it up is a loss
    result = first_usable_plan(full, [PlanSource("champion", fails)])
    plan = result.plan
    assert plan.idle_cost < plan.self_consumption_cost
    assert (result.source, plan.released) == (SELF_CONSUMPTION, IDLE)
    assert plan.cost == plan.idle_cost
    assert plan.verification.valid
    assert "less than the inverter's own default" in result.reason


def test_a_plan_has_a_deadline_as_a_whole(home: Context) -> None:
    def stubborn(_: PlanTask) -> Plan:
        while True:  # as solvers do, one after the other
            check_deadline()

    sources = [PlanSource(name, stubborn) for name in ("champion", "value", "mpc")]
    began = time.monotonic()
    with deadline(1.0):
        result = first_usable_plan(inputs_at(home, at(14)).task, sources)
    assert time.monotonic() - began < 2
    assert [attempt.outcome for attempt in result.attempts] == [FAILED, FAILED, FAILED, RELEASED]
    assert "the time for the whole plan is over" in result.reason


def test_error_is_raised_when_it_is_among_the_refusals(home: Context) -> None:
    with pytest.raises(RuntimeError, match="a mistake"):
        first_usable_plan(inputs_at(home, at(14)).task, [PlanSource("champion", fails)], refusals=(RuntimeError,))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_learned_plan_keeps_the_reserve_whatever_it_learned_and_is_still_its_rollout(home: Context, seed: int) -> None:
    site = replace(home.site, care=Care(reserve=(ReserveRule(percent=30.0),), resting_soc_percent=80.0))
    least, decider = 0.42 * site.battery.capacity_kwh, policy(seed)
    free, inputs = (inputs_at(replace(home, site=each), at(13), soc=StartSoc(43.0)) for each in (home.site, site))
    unbound = learned_schedule(free.task, free.rolling, decider, ScenarioSource(history=free.history))
    assert unbound.schedule["soc_end_kwh"].to_numpy().min() < least - 0.1
    planned = learned_schedule(inputs.task, inputs.rolling, decider, ScenarioSource(history=inputs.history))
    assert planned.schedule["soc_end_kwh"].to_numpy().min() >= least - 1e-9
    ahead, rules = inputs.rolling, decider.weight_rules
    rolling = RollingLearned(ahead.window, decider, ScenarioSource(history=inputs.history, rules=rules))
    rolling.open_at(ahead.started_slot, len(ahead.window.slots))
    first = ahead.current_slot - ahead.started_slot
    start = np.array([inputs.task.start_soc_kwh])
    rollout = simulate(lambda slot, soc: rolling.command(first + slot, soc), ahead.world, site, start)
    assert np.array_equal(planned.schedule["soc_end_kwh"].to_numpy(), rollout.soc_kwh[0, 1:])


def test_learned_plan_that_corrects_nothing_meets_wishes_as_value_does(home: Context) -> None:
    """What is wished for is in the value that it sees: found below its reserve, the battery is charged."""
    site = replace(home.site, care=Care(reserve=(ReserveRule(percent=30.0),)))
    inputs = inputs_at(replace(home, site=site), at(2, 45), soc=StartSoc(20.0))
    zeros = {"0.weight": np.zeros((1, len(COLUMNS)), np.float32), "0.bias": np.zeros(1, np.float32)}
    nothing = AntaresRLPolicyV1(manifest(), zeros)
    planned = learned_schedule(inputs.task, inputs.rolling, nothing, ScenarioSource(history=inputs.history))
    best = value_schedule(inputs.task, inputs.rolling)
    undone = [inputs.task.care_penalty(made.schedule["soc_end_kwh"].to_numpy()) for made in (planned, best)]
    assert 0 < undone[0] == pytest.approx(undone[1], rel=0.02)
