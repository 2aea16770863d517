"""The plan before: its commands as those that a new plan may keep, and as a plan source of their own."""

from datetime import datetime

import numpy as np
import polars as pl

from darkstar_pipeline.service.engine.plan_documents import is_usable
from darkstar_pipeline.service.schemas.plans import PlanDocument
from env.inverter import Command, Energy
from planner.plans.fallback_chain import LAST_PLAN, PlanSource
from planner.plans.policy_plans import PolicySchedule
from planner.plans.release import default_loads, simulated
from planner.plans.task import PlanTask
from planner.policies.plan_before import CommandBefore, PlanBefore
from planner.wording.messages import phrase

NONE_REACHES = phrase("there is no earlier plan that reaches so far")


def commands_before(plan: PlanDocument | None) -> PlanBefore:
    """Return the commands of an earlier plan that the next one may keep: none that a person has set."""
    slots = [] if plan is None else [slot for slot in plan.slots if not slot.overridden]
    return PlanBefore(
        {
            slot.slot_start: CommandBefore(
                (slot.charge_kw, slot.discharge_kw, slot.export_kw), limited=slot.import_limit_kw is not None
            )
            for slot in slots
        }
    )


def last_plan_source(last: PlanDocument | None, at: datetime) -> PlanSource:
    """Return the last valid plan as a source of commands for the slots ahead."""
    if last is None or not is_usable(last, at):
        return PlanSource(LAST_PLAN, None, NONE_REACHES)
    return PlanSource(LAST_PLAN, lambda task: _last_schedule(last, task))


def commands_as_before(last: PlanDocument, task: PlanTask) -> pl.DataFrame:
    """Return the last plan's commands on the inputs of now as a schedule; behind its end those of self-consumption."""
    by_itself = (0.0, task.site.battery.discharge_kw, 0.0)
    commands = {slot.slot_start: (slot.charge_kw, slot.discharge_kw, slot.export_kw) for slot in last.slots}
    powers = np.array([commands.get(start, by_itself) for start in task.slots["slot_start"]])
    return simulated(task, default_loads(task), Command(*powers.T), _limits_as_before(last, task))


def _last_schedule(last: PlanDocument, task: PlanTask) -> PolicySchedule:
    """Return the last plan's commands as a policy's schedule, which gives energy no value."""
    return PolicySchedule(commands_as_before(last, task), np.full((task.n_slots, 2), np.nan))


def _limits_as_before(last: PlanDocument, task: PlanTask) -> Energy | None:
    """Return the import limits of the last plan `(n_slots,)` [kW]; None where it commands none."""
    limits = {slot.slot_start: slot.import_limit_kw for slot in last.slots if slot.import_limit_kw is not None}
    if not limits or not task.site.limits.takes_import_limit:
        return None
    return np.array([limits.get(start, np.inf) for start in task.slots["slot_start"]])
