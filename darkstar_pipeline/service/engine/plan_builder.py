"""Builds a plan of the service, from its inputs to the document: fallback chain, overrides and the last resorts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import polars as pl

from darkstar_pipeline.planning.around_blocks import planned_around
from darkstar_pipeline.planning.plan_inputs import PlanInputs
from darkstar_pipeline.service.engine.input_status import InputStatus
from darkstar_pipeline.service.engine.last_plan import NONE_REACHES, commands_before, last_plan_source
from darkstar_pipeline.service.engine.plan_changes import compared_schedule, plan_changes
from darkstar_pipeline.service.engine.plan_documents import (
    PlanResult,
    default_plan,
    end_as_before,
    is_usable,
    plan_document,
)
from darkstar_pipeline.service.schemas.models import ModelInfo
from darkstar_pipeline.service.schemas.plans import Input, PlanDocument, PlanSlot
from env.power_tariff import MonthState
from env.site import Site
from env.time_grid import SLOT, zone
from planner.byhand.commands import HandBlock, hand_commands
from planner.care.soc_targets import scheduled_targets
from planner.plans.fallback_chain import (
    LAST_PLAN,
    UNAVAILABLE,
    Attempt,
    FallbackResult,
    PlanSource,
    first_usable_plan,
)
from planner.plans.task import PlanTask
from planner.wording.messages import joined, phrase


@dataclass(frozen=True, kw_only=True)
class PlanRequest:
    """The request of a plan, besides its inputs.

    Attributes:
        sources: return the sources of a plan that rest on inputs, the best first.
        model: the champion; None where there is none.
        last_plan: the last valid plan; None where there is none.
        blocks: what people have set by hand, the first that holds in a slot wins.
        others_at: returns whether others have the battery at a moment ahead; None where they never do.
    """

    sources: Callable[[PlanInputs], Sequence[PlanSource]]
    model: ModelInfo | None
    last_plan: PlanDocument | None
    blocks: Sequence[HandBlock] = ()
    others_at: Callable[[datetime], bool] | None = None


def build_plan(site: Site, at: datetime, status: InputStatus, request: PlanRequest) -> PlanDocument:
    """Return the plan of a moment; there always is one.

    Args:
        site: the home.
        at: the moment.
        status: the inputs, and what is missing of them.
        request: the request of this plan.
    """
    known = status.plan_inputs
    if known is None:
        return _without_inputs(site, at, status, request)
    known = replace(known, before=commands_before(request.last_plan))
    blocks = [*request.blocks, *others_windows(known.task, request.others_at)]
    around, released = planned_around(known, blocks, partial(sources_of, request))
    made = PlanResult(
        at=at,
        result=released,
        quantiles=known.quantiles,
        inputs=status.inputs,
        model=request.model,
        task=around.task,
        price_model=known.price_model,
        care=known.care,
    )
    return _document(site, made, request.last_plan)


def _document(site: Site, made: PlanResult, before: PlanDocument | None) -> PlanDocument:
    """Return the document of a plan, with its difference from the plan before."""
    document, plan = plan_document(site, made), made.result.plan
    after = compared_schedule(
        plan.schedule,
        made.task,
        source=document.rung,
        model="" if document.model is None else str(document.model.version),
    )
    return document.model_copy(update={"changes": plan_changes(before, after, plan.cost, made.task)})


def others_windows(task: PlanTask, others_at: Callable[[datetime], bool] | None) -> list[HandBlock]:
    """Return the slots in which others have the battery: it rests."""
    if others_at is None:
        return []
    theirs = [start for start in task.slots["slot_start"] if others_at(start)]
    return [HandBlock(mode="hold", start=start, end=start + SLOT, shown=False) for start in theirs]


def sources_of(request: PlanRequest, known: PlanInputs) -> list[PlanSource]:
    """Return every source of a plan above self-consumption."""
    return [*request.sources(known), last_plan_source(request.last_plan, known.at)]


def _without_inputs(site: Site, at: datetime, status: InputStatus, request: PlanRequest) -> PlanDocument:
    """Return the last plan's own slots as long as they reach, else the default plan."""
    above = [Attempt(name, UNAVAILABLE, status.problem) for name in ("champion", "value", "mpc")]
    last, task = request.last_plan, None
    if last is not None and is_usable(last, at):
        task = _task_of(site, last, at, status)
    if task is not None:
        tariffs = [demand.tariff for demand in task.peak_demands]
        task = replace(task, by_hand=hand_commands(site, task.slots, request.blocks, tariffs))
        released = first_usable_plan(task, [last_plan_source(last, at)])
        whole = FallbackResult(released.plan, released.source, (*above, *released.attempts))
        made = PlanResult(
            at=at,
            result=whole,
            quantiles=None,
            inputs=status.inputs,
            model=None,
            task=task,
        )
        return _document(site, made, last)
    none = Attempt(LAST_PLAN, UNAVAILABLE, NONE_REACHES)
    why = joined("; ", [status.problem, none.reason, phrase("the inverter decides by itself")])
    return default_plan(site, at, why=why, attempts=(*above, none), inputs=status.inputs, blocks=request.blocks)


def _task_of(site: Site, last: PlanDocument, at: datetime, status: InputStatus) -> PlanTask | None:
    """Return a task on the inputs of the last plan; None where they are incomplete."""
    slots = [slot for slot in last.slots if slot.slot_end > at]
    if not slots or any(_incomplete(slot) for slot in slots):
        return None
    names = ("slot_start", "import_price", "export_price", "load_kwh", "pv_kwh")
    frame = pl.DataFrame({name: [getattr(slot, name) for slot in slots] for name in names})
    battery = site.battery
    expected = slots[0].soc_start_percent
    percent = status.soc.percent if status.soc is not None else expected if expected is not None else 0.0
    start_kwh, end = battery.stored_kwh(percent), end_as_before(last)
    prices = (frame["import_price"].to_numpy()[None], frame["export_price"].to_numpy()[None])
    return PlanTask(
        slots=frame,
        site=site,
        start_soc_kwh=start_kwh,
        end=end,
        month=_month_as_before(last, slots, site),
        targets=scheduled_targets(site, frame["slot_start"], *prices),
    )


def _month_as_before(last: PlanDocument, slots: Sequence[PlanSlot], site: Site) -> tuple[MonthState, ...]:
    """Return the month's peaks of the last plan: without them peaks that stand already would be charged to it again."""
    first_day = slots[0].slot_start.astimezone(zone(site.timezone)).date()
    components = site.tariff.charges_of(first_day)  # others where the tariff has changed since
    return last.month if len(last.month) == len(components) else ()


def _incomplete(slot: PlanSlot) -> bool:
    return any(getattr(slot, name) is None for name in ("import_price", "export_price", "load_kwh", "pv_kwh"))


def storage_input(note: str) -> Input:
    """Return an input that says that the disk does not take what is to be kept."""
    return Input(name="storage", state="missing", source="disk", note=note)
