"""The part of a plan's document that tells its difference from the plan before."""

import polars as pl

from darkstar_pipeline.service.engine.last_plan import commands_as_before
from darkstar_pipeline.service.schemas.plans import ChangeCause, PlanBlockChange, PlanChanges, PlanDocument
from env.time_grid import SLOT_DTYPE
from planner.plans.schedule import modelled_cost
from planner.plans.task import PlanTask
from planner.summaries.differences import ComparedPlan, difference
from planner.wording.values import Words

COLUMNS = (
    "slot_start",
    "reason",
    "charge_kwh",
    "discharge_kwh",
    "import_price",
    "export_price",
    "load_kwh",
    "pv_kwh",
    "soc_start_percent",
)


def plan_changes(before: PlanDocument | None, after: ComparedPlan, cost: float, task: PlanTask) -> PlanChanges | None:
    """Return how a plan differs from the one before; None where there is none to compare with.

    Args:
        before: the plan before.
        after: the new plan.
        cost: its modelled cost [money].
        task: what it was made for.
    """
    if before is None or before.slots[0].charge_kwh is None:
        return None
    found = difference(compared_document(before), after, Words(task.site.currency, task.site.timezone))
    gone_on = modelled_cost(task, commands_as_before(before, task))
    return PlanChanges(
        since=before.id,
        since_at=before.created_at,
        causes=[ChangeCause(cause=cause, sentence=sentence) for cause, sentence in found.causes],
        blocks=[PlanBlockChange(**vars(change)) for change in found.changes],
        saving=gone_on - cost,
    )


def compared_document(plan: PlanDocument) -> ComparedPlan:
    """Return what is compared of a plan's document."""
    slots = {name: [getattr(slot, name) for slot in plan.slots] for name in COLUMNS}
    frame = pl.DataFrame({**slots, "by_hand": [slot.overridden for slot in plan.slots]})
    return ComparedPlan(
        slots=frame.with_columns(pl.col("slot_start").cast(SLOT_DTYPE)),
        source=plan.rung,
        model="" if plan.model is None else str(plan.model.version),
        peaks=plan.month,
    )


def compared_schedule(schedule: pl.DataFrame, task: PlanTask, *, source: str, model: str = "") -> ComparedPlan:
    """Return what is compared of a schedule that has just been made."""
    percent = 100 * pl.col("soc_start_kwh") / task.site.battery.capacity_kwh
    by_hand = pl.Series(task.shown_by_hand)
    slots = schedule.with_columns(soc_start_percent=percent, by_hand=by_hand).select(*COLUMNS, "by_hand")
    return ComparedPlan(slots=slots, source=source, model=model, peaks=task.month)
