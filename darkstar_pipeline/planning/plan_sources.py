"""The rungs of a site's ladder (`planner.plans.fallback_chain`): who may make a plan, from the champion down."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.plan_inputs import PlanInputs, StartSoc, inputs_at
from darkstar_pipeline.policies.trained import TrainedPolicy, trained_policy
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_WEATHER
from env.inverter import Energy
from planner.errors import LoadRequestError, NoFeasibleScheduleError, PolicyMismatchError
from planner.optimizer.deferrable_loads import LoadRequests
from planner.optimizer.warm_solver import MIP_SECONDS
from planner.plans.fallback_chain import CHAMPION, MPC, VALUE, FallbackResult, PlanMaker, PlanSource, first_usable_plan
from planner.plans.make_plan import Plan, make_plan
from planner.plans.policy_plans import PolicySchedule, learned_schedule, value_schedule
from planner.plans.task import PlanTask
from planner.value.scenario_source import SCENARIO_DAYS, ScenarioSource

NO_CHAMPION = "no version is in use"
SCENARIO_SOURCE_DAYS = 28  # days whose readings tell what a day is like; older ones hardly do


@dataclass(frozen=True)
class ActivePolicy:
    """A champion, or why there is none.

    Attributes:
        policy: what decides; None where there is nothing.
        missing_reason: why no policy is in use.
    """

    policy: TrainedPolicy | None = None
    missing_reason: str = NO_CHAMPION


def active_policy(context: Context) -> ActivePolicy:
    """The version in use.

    Raises:
        ConfigurationError: the pointer is damaged.
        PolicyMismatchError: the bundle is damaged, or made for another tariff or state.
    """
    policy = trained_policy(context, "champion")
    return ActivePolicy(policy, "" if policy is not None else NO_CHAMPION)


def active_policy_or_reason(context: Context) -> ActivePolicy:
    """The version in use; where it cannot be used, why."""
    try:
        return active_policy(context)
    except (ConfigurationError, PolicyMismatchError) as error:
        return ActivePolicy(None, str(error))


def site_plan(
    context: Context, at: datetime, *, soc: StartSoc | None = None, requests: LoadRequests | None = None
) -> tuple[PlanInputs, FallbackResult]:
    """The plan from the slot of a moment to the last slot whose price was published by then, as the service makes it.

    Raises:
        DataMissingError: there is no price, or nothing to forecast from.
        NoFeasibleScheduleError: what is asked for contradicts the home's limits.
        LoadRequestError: a wish that no plan can mean.
    """
    seated = active_policy_or_reason(context)
    known = inputs_at(context, at, soc=soc, requests=requests, lookback_days=scenario_days(seated))
    told = (LoadRequestError, NoFeasibleScheduleError)
    return known, first_usable_plan(known.task, site_sources(context, known, seated), refusals=told)


def scenario_days(active: ActivePolicy) -> int:
    """Days before whose readings are wanted [d]."""
    return SCENARIO_DAYS if active.policy is None else max(SCENARIO_DAYS, active.policy.policy.weight_rules.n_days)


def site_sources(
    context: Context,
    inputs: PlanInputs,
    active: ActivePolicy,
    *,
    solver_seconds: float = MIP_SECONDS,
    memo: Memo | None = None,
) -> list[PlanSource]:
    """The rungs above self-consumption that rest on what is known now, from the top.

    Movable loads and further batteries are the optimiser's to plan: where there are some, a policy moves the battery
    around the hours that the optimiser chose for them.
    """
    champion: PlanMaker | None = None
    policy = active.policy
    if policy is not None:
        champion = partial(learned_plan, context, inputs, policy, memo)
    return [
        PlanSource(CHAMPION, champion, active.missing_reason),
        PlanSource(VALUE, partial(value_plan, inputs)),
        PlanSource(MPC, partial(optimizer_plan, solver_seconds)),
    ]


def learned_plan(
    context: Context, known: PlanInputs, policy: TrainedPolicy, remembered: Memo | None, task: PlanTask
) -> PolicySchedule:
    """What a trained policy plans."""
    today: date = known.rolling.window.slots["local_day"][0]
    memory = remembered if remembered is not None else Memo()
    told = memory.get(
        f"told {policy.name}",
        (policy.bundle.identity, today, *_read_lately(context, today)),
        lambda: policy.own_scenarios(context, [today]),
    )
    source = ScenarioSource(history=known.history, forecast_scenarios=told)
    return learned_schedule(task, known.rolling, policy.policy, source, _planned_loads(task))


def _read_lately(context: Context, today: date) -> tuple[object, ...]:
    """Changes with what was read or said of the last weeks."""
    lake, name, since = context.lake, context.site_name, today - timedelta(days=SCENARIO_SOURCE_DAYS)
    yesterday = today - timedelta(days=1)
    return (lake.identity(METER_READINGS, name, since, yesterday), lake.identity(RAW_WEATHER, name, since, today))


def value_plan(known: PlanInputs, task: PlanTask) -> PolicySchedule:
    """What the value function plans."""
    return value_schedule(task, known.rolling, _planned_loads(task))


def optimizer_plan(seconds: float, task: PlanTask) -> Plan:
    """What the optimiser plans."""
    return make_plan(task, time_limit=seconds)


def _planned_loads(task: PlanTask) -> Mapping[str, Energy] | None:
    """The hours of movable loads and further batteries as the optimiser chooses them; None where there are none."""
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
