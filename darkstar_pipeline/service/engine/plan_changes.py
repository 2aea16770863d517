"""The part of a plan's document that tells its difference from the plan before."""

from typing import Literal

import polars as pl

from darkstar_pipeline.service.engine.last_plan import commands_as_before
from darkstar_pipeline.service.schemas.plans import ChangeCause, PlanBlockChange, PlanChanges, PlanDocument, PlanSlot
from env.time_grid import SLOT_DTYPE
from planner.plans.schedule import modelled_cost
from planner.plans.sentences.batteries import together
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
    slots["charge_kwh"] = [_of_all(slot, "charge") for slot in plan.slots]
    slots["discharge_kwh"] = [_of_all(slot, "discharge") for slot in plan.slots]
    frame = pl.DataFrame({**slots, "by_hand": [slot.overridden for slot in plan.slots]})
    return ComparedPlan(
        slots=frame.with_columns(pl.col("slot_start").cast(SLOT_DTYPE)),
        source=plan.rung,
        model="" if plan.model is None else str(plan.model.version),
        peaks=plan.month,
    )


def _of_all(slot: PlanSlot, way: Literal["charge", "discharge"]) -> float | None:
    """Return what all batteries charge or discharge in a slot [kWh]; None where that is not known."""
    own = slot.charge_kwh if way == "charge" else slot.discharge_kwh
    if own is None:
        return None
    further = (kwh for name, kwh in slot.others.items() if name.startswith("battery_") and name.endswith(f"_{way}_kwh"))
    return sum(further, start=own)


def compared_schedule(schedule: pl.DataFrame, task: PlanTask, *, source: str, model: str = "") -> ComparedPlan:
    """Return what is compared of a schedule that has just been made."""
    percent = 100 * pl.col("soc_start_kwh") / task.site.battery.capacity_kwh
    by_hand = pl.Series(task.shown_by_hand)
    slots = (
        together(task.site, schedule)
        .with_columns(soc_start_percent=percent, by_hand=by_hand)
        .select(*COLUMNS, "by_hand")
    )
    several = bool(task.site.extra_batteries)
    return ComparedPlan(slots=slots, source=source, model=model, peaks=task.month, several=several)
