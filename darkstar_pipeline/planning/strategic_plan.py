"""The plan of `value` with the strategy engine's adjustments, and what each of them does in money to this plan."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from env.inverter import Energy
from planner.plans.policy_plans import PolicySchedule, RollingState, value_schedule
from planner.plans.schedule import modelled_cost
from planner.plans.task import PlanTask
from planner.policies.plan_before import PlanBefore
from planner.strategy.adjustments import Adjustment, AdjustmentName
from planner.strategy.strategic_value import StrategicValue

_log = logging.getLogger(__name__)
_WORDS = {"%": "keeps {:.1f} % more in the store", "times": "counts wear {:.2f} times", "tilt": "tilts by {:.2f}"}


def strategic_schedule(
    task: PlanTask,
    ahead: RollingState,
    others: Mapping[str, Energy] | None,
    names: Sequence[AdjustmentName],
    *,
    before: PlanBefore | None = None,
) -> PolicySchedule:
    """Return the plan of `value` with adjustments; without any it is `value`'s own.

    Args:
        task: the slots ahead.
        ahead: the rolling state for the same slots.
        others: movable loads and further batteries; None for none.
        names: adjustments that may be made.
        before: the plan before, as `value_schedule` takes it.
    """
    if not names:
        return value_schedule(task, ahead, others, before=before)
    planner = StrategicValue(ahead.window, names)
    made = value_schedule(task, ahead, others, planner=planner, before=before)
    remarks: list[str] = []
    for each in planner.applied:
        left: list[AdjustmentName] = [name for name in names if name != each.name]
        other = StrategicValue(ahead.window, left)
        without = value_schedule(task, ahead, others, planner=other, before=before)
        saved = modelled_cost(task, without.schedule) - modelled_cost(task, made.schedule)
        remarks.append(_remark(each, saved, task.site.currency))
        _log.info("strategy: %s", remarks[-1])
    return replace(made, remarks=tuple(remarks))


def _remark(made: Adjustment, saved: float, currency: str) -> str:
    """Return an adjustment with its cause and its effect in a sentence."""
    effect = f"{'saves' if saved >= 0 else 'costs'} {abs(saved):.2f} {currency} on this forecast"
    return f"{made.name} {_WORDS[made.unit].format(made.amount)}, since {made.cause}: {effect}"
