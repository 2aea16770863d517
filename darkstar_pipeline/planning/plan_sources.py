"""The plan sources of a site's fallback chain (`planner.plans.fallback_chain`), from the champion down."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.announcements import announcements
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.forecasts.promoted import pointer_of
from darkstar_pipeline.forecasts.site_scenarios import site_scenarios
from darkstar_pipeline.planning.around_blocks import planned_around
from darkstar_pipeline.planning.battery_care import TimedReserve
from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.plan_inputs import PlanInputs, StartSoc, inputs_at
from darkstar_pipeline.planning.strategic_plan import strategic_schedule
from darkstar_pipeline.policies.trained import TrainedPolicy, trained_policy
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_WEATHER
from darkstar_pipeline.warehouse.tables import Tables
from env.inverter import Energy
from planner.byhand.commands import HandBlock
from planner.deadline import deadline
from planner.errors import LoadRequestError, NoFeasibleScheduleError, PlannerError, PolicyMismatchError
from planner.optimizer.deferrable_loads import LoadRequests
from planner.optimizer.warm_solver import MIP_SECONDS
from planner.plans.fallback_chain import CHAMPION, MPC, VALUE, FallbackResult, PlanMaker, PlanSource
from planner.plans.kept_commands import keep_commands
from planner.plans.make_plan import Plan, make_plan
from planner.plans.policy_plans import PolicySchedule, RollingState, learned_schedule
from planner.plans.task import PlanTask
from planner.policies.plan_before import PlanBefore
from planner.tolerances import EQUAL_COST
from planner.value.scenario_source import SCENARIO_DAYS, ScenarioSource, past_with_forecast_days
from planner.wording.messages import phrase

NO_CHAMPION = phrase("no version is in use")
_log = logging.getLogger(__name__)
BLIND_CHAMPION = phrase("learned policies do not see the demand charge, which value plans with")


class CarelessPlanError(PlannerError):
    """A learned policy's plan that leaves wishes undone which another plan keeps."""


SCENARIO_SOURCE_DAYS = 28  # days whose readings decide the scenarios of a day; older ones hardly do


@dataclass(frozen=True)
class ActivePolicy:
    """The champion, or the reason why there is none.

    Attributes:
        policy: the champion's policy; None where there is none.
        missing_reason: reason why no policy is in use.
    """

    policy: TrainedPolicy | None = None
    missing_reason: str = NO_CHAMPION


def active_policy(context: Context) -> ActivePolicy:
    """Return the version in use.

    Raises:
        ConfigurationError: the pointer is damaged.
        PolicyMismatchError: the bundle is damaged, or made for another tariff or state.
    """
    policy = trained_policy(context, "champion")
    return ActivePolicy(policy, "" if policy is not None else NO_CHAMPION)


def active_policy_or_reason(context: Context) -> ActivePolicy:
    """Return the version in use; where it cannot be used, the reason."""
    try:
        return active_policy(context)
    except (ConfigurationError, PolicyMismatchError) as error:
        return ActivePolicy(None, str(error))


def site_plan(
    context: Context,
    at: datetime,
    *,
    soc: StartSoc | None = None,
    requests: LoadRequests | None = None,
    reserves: Sequence[TimedReserve] = (),
    before: PlanBefore | None = None,
    blocks: Sequence[HandBlock] = (),
) -> tuple[PlanInputs, FallbackResult]:
    """Return the plan from the slot of a moment to the last slot with a published price, as the service makes it.

    Args:
        context: the site.
        at: the moment.
        soc: as for `plan_inputs.inputs_at`.
        requests: as for `plan_inputs.inputs_at`.
        reserves: as for `plan_inputs.inputs_at`.
        before: the plan before; None for none.
        blocks: what people have set by hand, the first that holds in a slot wins.

    Raises:
        DataMissingError: there is no price, or nothing to forecast from.
        NoFeasibleScheduleError: the demands contradict the home's limits.
        LoadRequestError: a load request cannot be met.
    """
    active = active_policy_or_reason(context)
    refusals = (LoadRequestError, NoFeasibleScheduleError)
    with deadline(context.site_settings.service.plan_seconds):
        days = scenario_days(active)
        inputs = inputs_at(context, at, soc=soc, requests=requests, reserves=reserves, lookback_days=days)
        inputs = inputs if before is None else replace(inputs, before=before)
        sources = partial(site_sources, context, active=active)
        return planned_around(inputs, blocks, sources, refusals=refusals)


def scenario_days(active: ActivePolicy) -> int:
    """Return the number of days before today whose readings a plan needs [d]."""
    return SCENARIO_DAYS if active.policy is None else max(SCENARIO_DAYS, active.policy.policy.weight_rules.n_days)


def site_sources(
    context: Context,
    inputs: PlanInputs,
    active: ActivePolicy,
    *,
    solver_seconds: float = MIP_SECONDS,
    memo: Memo | None = None,
) -> list[PlanSource]:
    """Return the plan sources that rest on the inputs of now, in order.

    Movable loads and further batteries are planned by the optimiser: where there are some, a policy plans the battery
    around the hours that the optimiser chose for them. Where power is charged, no learned policy plans.
    """
    champion: PlanMaker | None = None
    policy, missing_reason = active.policy, active.missing_reason
    if policy is not None and inputs.task.peak_demands:
        missing_reason = BLIND_CHAMPION
    elif policy is not None:
        champion = partial(careful_plan, context, inputs, policy, memo)
    return [
        PlanSource(CHAMPION, champion, missing_reason),
        PlanSource(VALUE, partial(value_plan, context, inputs, memo)),
        PlanSource(MPC, partial(optimizer_plan, solver_seconds, before=inputs.before)),
    ]


def careful_plan(
    context: Context, inputs: PlanInputs, policy: TrainedPolicy, memo: Memo | None, task: PlanTask
) -> PolicySchedule:
    """Return the plan of a trained policy that leaves no more of the reserve and care undone than `value` does.

    Its commands keep the reserve, and it sees what is wished for in the value of stored energy; but what it learned it
    learned without wishes.

    Raises:
        CarelessPlanError: it leaves more undone.
    """
    made = learned_plan(context, inputs, policy, memo, task)
    undone = task.care_penalty(made.schedule["soc_end_kwh"].to_numpy())
    if undone <= EQUAL_COST:
        return made
    best = value_plan(context, inputs, memo, task)
    if undone <= task.care_penalty(best.schedule["soc_end_kwh"].to_numpy()) + EQUAL_COST:
        return made
    raise CarelessPlanError(phrase("its plan leaves more of the battery's reserve and care undone than value does"))


def learned_plan(
    context: Context, inputs: PlanInputs, policy: TrainedPolicy, memo: Memo | None, task: PlanTask
) -> PolicySchedule:
    """Return the plan of a trained policy."""
    today: date = inputs.rolling.window.slots["local_day"][0]
    scenarios = (memo if memo is not None else Memo()).get(
        f"scenarios of {policy.name}",
        (policy.bundle.identity, today, *_recent_identity(context.lake, context.site_name, today)),
        lambda: policy.own_scenarios(context, [today]),
    )
    source = ScenarioSource(history=inputs.history, forecast_scenarios=scenarios)
    made = learned_schedule(task, inputs.rolling, policy.policy, source, _planned_loads(task))
    return replace(made, schedule=keep_commands(task, made.schedule, made.stored_value(task), inputs.before))


def _recent_identity(lake: Tables, site: str, today: date) -> tuple[object, ...]:
    """Return a key that changes with the readings and weather forecasts of the last weeks."""
    since, yesterday = today - timedelta(days=SCENARIO_SOURCE_DAYS), today - timedelta(days=1)
    return (lake.identity(METER_READINGS, site, since, yesterday), lake.identity(RAW_WEATHER, site, since, today))


def value_plan(context: Context, inputs: PlanInputs, memo: Memo | None, task: PlanTask) -> PolicySchedule:
    """Return the plan of the value function, with the adjustments that the site allows."""
    names = context.site_settings.household.strategy.adjustments
    ahead = _with_aurora(context, inputs, memo)
    if not names:
        return strategic_schedule(task, ahead, _planned_loads(task), names, before=inputs.before)
    known = announcements(context, ahead.window.slots, vacation=task.requests.heater.vacation)
    return strategic_schedule(task, ahead, _planned_loads(task), names, before=inputs.before, announced=known)


def _with_aurora(context: Context, inputs: PlanInputs, memo: Memo | None) -> RollingState:
    """Return today and the slots ahead with Aurora's scenarios, where one in use may forecast today."""
    rolling = inputs.rolling
    window, today = rolling.window, rolling.window.slots["local_day"][0]
    try:
        pointer = pointer_of(context)
        if pointer is None:
            return rolling
        recent = _recent_identity(context.lake, context.site_name, today)
        scenarios = (memo if memo is not None else Memo()).get(
            "scenarios of Aurora",
            (context.site_settings, pointer, today, *recent),
            lambda: site_scenarios(context, [today]),
        )
    except (ConfigurationError, DataMissingError) as error:
        _log.warning("scenarios are the days before: %s", error)
        return rolling
    past = past_with_forecast_days(inputs.history, scenarios, window.slots, context.timezone)
    return replace(rolling, window=replace(window, history=past))


def optimizer_plan(seconds: float, task: PlanTask, *, before: PlanBefore | None = None) -> Plan:
    """Return the plan of the optimiser, with the commands of the plan before where they do the same."""
    plan = make_plan(task, time_limit=seconds)
    if plan.solution is None:
        return plan
    return replace(plan, schedule=keep_commands(task, plan.schedule, plan.solution.stored_value, before))


def _planned_loads(task: PlanTask) -> Mapping[str, Energy] | None:
    """Return the optimiser's hours of movable loads and further batteries; None where there are none."""
    if not task.loads.names and not task.site.extra_batteries:
        return None
    plan = make_plan(task, explained=False)
    names = [*task.loads.names]
    columns = {name: plan.schedule[f"{name}_kwh"].to_numpy() for name in names}
    for number in range(2, 2 + len(task.site.extra_batteries)):
        battery = f"battery_{number}"
        columns |= {
            f"{battery}_{flow}": plan.schedule[f"{battery}_{flow}_kwh"].to_numpy() for flow in ("charge", "discharge")
        }
        columns[f"{battery}_soc"] = plan.schedule[f"{battery}_soc_end_kwh"].to_numpy()
    return columns
