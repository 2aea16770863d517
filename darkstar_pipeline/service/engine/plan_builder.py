"""Builds a plan of the service, from its inputs to the document: fallback chain, overrides and the last resorts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl

from darkstar_pipeline.planning.plan_inputs import PlanInputs
from darkstar_pipeline.service.engine.input_status import InputStatus
from darkstar_pipeline.service.engine.last_plan import commands_before, last_plan_source
from darkstar_pipeline.service.engine.plan_changes import compared_schedule, plan_changes
from darkstar_pipeline.service.engine.plan_documents import (
    PlanResult,
    default_plan,
    end_as_before,
    is_usable,
    plan_document,
)
from darkstar_pipeline.service.schemas.models import ModelInfo
from darkstar_pipeline.service.schemas.overrides import Override
from darkstar_pipeline.service.schemas.plans import Input, PlanDocument, PlanSlot
from env.command_menu import full_export_kw
from env.inverter import Command
from env.power_tariff import MonthState
from env.site import Site
from env.time_grid import zone
from planner.care.soc_targets import scheduled_targets
from planner.optimizer.solution import SolverRecord
from planner.plans.explanations import explain
from planner.plans.fallback_chain import (
    LAST_PLAN,
    REFUSED,
    RELEASED,
    UNAVAILABLE,
    Attempt,
    FallbackResult,
    PlanSource,
    first_usable_plan,
)
from planner.plans.make_plan import Plan
from planner.plans.reasons import EXPLAINED
from planner.plans.release import IDLE, PLAN, SELF_CONSUMPTION, candidate, default_loads, simple_candidates, simulated
from planner.plans.task import PlanTask
from planner.wording.messages import joined, phrase

COMMAND_MODES = ("charge", "discharge", "export", "hold", "self_consumption")


@dataclass(frozen=True, kw_only=True)
class PlanRequest:
    """The request of a plan, besides its inputs.

    Attributes:
        sources: return the sources of a plan that rest on inputs, the best first.
        model: the champion; None where there is none.
        last_plan: the last valid plan; None where there is none.
        override: the override that sets the command now; None where none does.
        others_at: returns whether others have the battery at a moment ahead; None where they never do.
    """

    sources: Callable[[PlanInputs], Sequence[PlanSource]]
    model: ModelInfo | None
    last_plan: PlanDocument | None
    override: Override | None
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
    released, overridden = _released_plan(known, request)
    made = PlanResult(
        at=at,
        result=released,
        quantiles=known.quantiles,
        inputs=status.inputs,
        model=request.model,
        overridden=overridden,
        task=known.task,
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
        n_by_hand=made.overridden,
    )
    return document.model_copy(update={"changes": plan_changes(before, after, plan.cost, made.task)})


def _released_plan(known: PlanInputs, request: PlanRequest) -> tuple[FallbackResult, int]:
    """Return the plan, and how many of its slots a person has set by hand."""
    if request.override is None:
        return _planned(known, request), 0
    n_manual = _slots_until(known.task.slots["slot_start"], request.override.until)
    manual, rest = _manual_slots(known.task, request.override, n_manual), None
    if n_manual < known.task.n_slots:
        later = _later(known, n_manual, float(manual["soc_end_kwh"][-1]))
        rest = _planned(later, request)
    joined = _joined(known.task, manual, rest)
    if joined.plan.verification.valid:
        return joined, n_manual
    released = first_usable_plan(known.task, _sources_of(known, request))
    wrong = joined.plan.verification.violations[0].message
    refused = Attempt(
        released.source, REFUSED, phrase("what was asked for by hand is refused: {problem}", problem=wrong)
    )
    return FallbackResult(released.plan, released.source, (refused, *released.attempts)), 0


def _planned(known: PlanInputs, request: PlanRequest) -> FallbackResult:
    """Return the best source's plan; where others have the battery ahead, it rests meanwhile and goes on behind."""
    released = first_usable_plan(known.task, _sources_of(known, request))
    window = None if request.others_at is None else _first_window(known.task, request.others_at)
    if window is None:
        return released
    begin, end = window
    head, task = released.plan.schedule.head(begin), known.task
    start_kwh = float(head["soc_end_kwh"][-1]) if begin else task.start_soc_kwh
    part = replace(_first_slots(task, end - begin), slots=task.slots[begin:end], start_soc_kwh=start_kwh)
    part = replace(part, targets=task.targets_of(begin, end))
    nothing = np.zeros(end - begin)
    held = simulated(part, default_loads(part), Command(nothing, nothing, nothing + full_export_kw(task.site)))
    parts = [head, explain(part, held, None)]
    if end < task.n_slots:
        parts.append(_planned(_later(known, end, float(held["soc_end_kwh"][-1])), request).plan.schedule)
    schedule = pl.concat(parts, how="diagonal_relaxed")
    checked = candidate(task, PLAN, schedule.drop(EXPLAINED))
    if not checked.verification.valid:
        return released
    plan = replace(released.plan, schedule=schedule, cost=checked.cost, verification=checked.verification)
    return replace(released, plan=plan)


def _first_window(task: PlanTask, others_at: Callable[[datetime], bool]) -> tuple[int, int] | None:
    """Return the first slots of a task in which others have the battery, begin and end; None where they never do."""
    theirs = [others_at(start) for start in task.slots["slot_start"]]
    if True not in theirs:
        return None
    begin = theirs.index(True)
    later = theirs[begin:]
    return begin, begin + (later.index(False) if False in later else len(later))


def _sources_of(known: PlanInputs, request: PlanRequest) -> list[PlanSource]:
    """Return every source of a plan above self-consumption."""
    return [*request.sources(known), last_plan_source(request.last_plan, known.at)]


def _joined(task: PlanTask, manual: pl.DataFrame, rest: FallbackResult | None) -> FallbackResult:
    """Return the slots set by hand and the plan behind them as one."""
    explained = explain(_first_slots(task, manual.height), manual, None)
    schedule = explained if rest is None else pl.concat([explained, rest.plan.schedule], how="diagonal_relaxed")
    checked = candidate(task, PLAN, schedule.drop(EXPLAINED))
    simple = {each.name: each.cost for each in simple_candidates(task)}
    reason = phrase("asked for by hand; nothing compares its cost")
    plan = Plan(
        schedule=schedule,
        released=PLAN,
        reason=reason,
        cost=checked.cost,
        idle_cost=simple[IDLE],
        self_consumption_cost=simple[SELF_CONSUMPTION],
        solver=SolverRecord("none", "not asked"),
        attempts=(),
        verification=checked.verification,
        solution=None,
    )
    if rest is None:
        return FallbackResult(plan, SELF_CONSUMPTION, (Attempt(SELF_CONSUMPTION, RELEASED, reason),))
    return FallbackResult(plan, rest.source, rest.attempts)


def _first_slots(task: PlanTask, n_slots: int) -> PlanTask:
    """Return a task of the first slots of a task."""
    return replace(task, slots=task.slots.head(n_slots), targets=task.targets_of(0, n_slots))


def _later(known: PlanInputs, n_slots: int, soc_kwh: float) -> PlanInputs:
    """Return the same inputs from some slots on."""
    task, ahead = known.task, known.rolling
    slots = task.slots.tail(task.n_slots - n_slots)
    return replace(
        known,
        task=replace(task, slots=slots, start_soc_kwh=soc_kwh, targets=task.targets_of(n_slots, task.n_slots)),
        rolling=replace(ahead, current_slot=ahead.current_slot + n_slots),
    )


def _slots_until(starts: pl.Series, until: datetime) -> int:
    """Return the number of slots that begin before a moment, one at least."""
    return max(int((starts < until).sum()), 1)


def _manual_slots(task: PlanTask, override: Override, n_slots: int) -> pl.DataFrame:
    """Return the slots set by hand, run through the inverter on the expected load and PV."""
    part = _first_slots(task, n_slots)
    charge, discharge, export = override_command(task.site, override)
    full = np.ones(n_slots)
    return simulated(part, default_loads(part), Command(charge * full, discharge * full, export * full))


def override_command(site: Site, override: Override) -> tuple[float, float, float]:
    """Return charge, discharge and export power of an override [kW]."""
    battery = site.battery
    most = float("inf") if override.power_kw is None else override.power_kw
    export = full_export_kw(site)
    return {
        "charge": (min(battery.charge_kw, most), 0.0, 0.0),
        "discharge": (0.0, min(battery.discharge_kw, most), 0.0),
        "export": (0.0, battery.discharge_kw, min(export, most)),
        "hold": (0.0, 0.0, export),
    }.get(override.mode, (0.0, battery.discharge_kw, 0.0))


def _without_inputs(site: Site, at: datetime, status: InputStatus, request: PlanRequest) -> PlanDocument:
    """Return the last plan's own slots as long as they reach, else the default plan."""
    above = [Attempt(name, UNAVAILABLE, status.problem) for name in ("champion", "value", "mpc")]
    last, task = request.last_plan, None
    if last is not None and is_usable(last, at):
        task = _task_of(site, last, at, status)
    if task is not None:
        released = first_usable_plan(task, [last_plan_source(last, at)])
        whole = FallbackResult(released.plan, released.source, (*above, *released.attempts))
        made = PlanResult(
            at=at,
            result=whole,
            quantiles=None,
            inputs=status.inputs,
            model=None,
            overridden=0,
            task=task,
        )
        return _document(site, made, last)
    none = Attempt(LAST_PLAN, UNAVAILABLE, phrase("there is no earlier plan that reaches so far"))
    why = joined("; ", [status.problem, none.reason, phrase("the inverter decides by itself")])
    return default_plan(site, at, why=why, attempts=(*above, none), inputs=status.inputs)


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
