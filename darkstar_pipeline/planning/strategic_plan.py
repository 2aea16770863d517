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

_log = logging.getLogger(__name__)
_WORDS = {
    "%": "keeps {:.1f} % more in the store",
    "times": "counts wear {:.2f} times",
    "tilt": "tilts by {:.2f}",
    "forecast": "corrects forecasts by up to {:.0f} %",
    "losses": "counts a round trip of {:+.1f} points",
}


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
    return f"{made.name} {_WORDS[made.unit].format(made.amount)}, since {made.cause}: {_effect(saved, currency)}"


def _vacation_water(task: PlanTask) -> str:
    """Return what hot water at its minimum saves in the optimiser's plan."""
    heater = task.requests.heater
    ordinary = replace(task, requests=replace(task.requests, heater=replace(heater, vacation=False)))
    costs = [modelled_cost(each, make_plan(each, explained=False).schedule) for each in (ordinary, task)]
    effect = _effect(costs[0] - costs[1], task.site.currency)
    return f"{VACATION_WATER} heats the least that vacation needs, since nobody is at home: {effect}"


def _effect(saved: float, currency: str) -> str:
    return f"{'saves' if saved >= 0 else 'costs'} {abs(saved):.2f} {currency} on this forecast"
