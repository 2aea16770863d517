"""The plan of `value` with the strategy engine's adjustments, and what each of them does in money to this plan."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from env.inverter import Energy
from planner.plans.make_plan import make_plan
from planner.plans.policy_plans import PolicySchedule, RollingState, value_schedule
from planner.plans.schedule import modelled_cost
from planner.plans.task import PlanTask
from planner.policies.plan_before import PlanBefore
from planner.strategy.beliefs import VACATION_WATER, Adjustment, AdjustmentName
from planner.strategy.strategic_value import NOTHING_ANNOUNCED, Announcements, StrategicValue
from planner.wording.messages import figures, phrase

_log = logging.getLogger(__name__)


def strategic_schedule(
    task: PlanTask,
    ahead: RollingState,
    others: Mapping[str, Energy] | None,
    names: Sequence[AdjustmentName],
    *,
    before: PlanBefore | None = None,
    announced: Announcements = NOTHING_ANNOUNCED,
) -> PolicySchedule:
    """Return the plan of `value` with adjustments; without any it is `value`'s own.

    Args:
        task: the slots ahead.
        ahead: the rolling state for the same slots.
        others: movable loads and further batteries; None for none.
        names: adjustments that may be made.
        before: the plan before, as `value_schedule` takes it.
        announced: what else is known of the window.
    """
    if not names:
        return value_schedule(task, ahead, others, before=before)
    planner = StrategicValue(ahead.window, names, announced)
    made = value_schedule(task, ahead, others, planner=planner, before=before)
    remarks: list[str] = []
    for each in planner.applied:
        left: list[AdjustmentName] = [name for name in names if name != each.name]
        other = StrategicValue(ahead.window, left, announced)
        without = value_schedule(task, ahead, others, planner=other, before=before)
        saved = modelled_cost(task, without.schedule) - modelled_cost(task, made.schedule)
        remarks.append(_remark(each, saved, task.site.currency))
    if VACATION_WATER in names and task.requests.heater.vacation and task.site.devices.water_heater is not None:
        remarks.append(_vacation_water(task))
    for remark in remarks:
        _log.info("strategy: %s", remark)
    return replace(made, remarks=tuple(remarks))


def _remark(made: Adjustment, saved: float, currency: str) -> str:
    """Return an adjustment with its cause and its effect in a sentence."""
    return phrase(
        "{name} {does}, since {cause}: {effect}",
        name=made.name,
        does=_done(made),
        cause=made.cause,
        effect=_effect(saved, currency),
    )


def _done(made: Adjustment) -> str:
    """Return what an adjustment does, in words."""
    amount = made.amount
    return {
        "%": phrase("keeps {amount:.1f} % more in the store", amount=amount),
        "times": phrase("counts wear {amount:.2f} times", amount=amount),
        "tilt": phrase("tilts by {amount:.2f}", amount=amount),
        "forecast": phrase("corrects forecasts by up to {amount:.0f} %", amount=amount),
        "losses": phrase("counts a round trip of {amount:+.1f} points", amount=amount),
    }[made.unit]


def _vacation_water(task: PlanTask) -> str:
    """Return what hot water at its minimum saves in the optimiser's plan."""
    heater = task.requests.heater
    ordinary = replace(task, requests=replace(task.requests, heater=replace(heater, vacation=False)))
    costs = [modelled_cost(each, make_plan(each, explained=False).schedule) for each in (ordinary, task)]
    return phrase(
        "{name} heats the least that vacation needs, since nobody is at home: {effect}",
        name=VACATION_WATER,
        effect=_effect(costs[0] - costs[1], task.site.currency),
    )


def _effect(saved: float, currency: str) -> str:
    money = figures(f"{abs(saved):.2f} {currency}")
    if saved >= 0:
        return phrase("saves {money} on this forecast", money=money)
    return phrase("costs {money} on this forecast", money=money)
