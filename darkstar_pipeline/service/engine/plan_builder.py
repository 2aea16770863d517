"""Makes one plan of the service, from what was gathered to the document: the ladder, wishes, and the last resorts."""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.plan_inputs import PlanInputs
from darkstar_pipeline.planning.plan_sources import ActivePolicy, site_sources
from darkstar_pipeline.service.engine.input_status import InputStatus
from darkstar_pipeline.service.engine.plan_documents import PlanResult, default_plan, is_usable, plan_document
from darkstar_pipeline.service.schemas.models import ModelInfo
from darkstar_pipeline.service.schemas.overrides import Override
from darkstar_pipeline.service.schemas.plans import Input, PlanDocument, PlanSlot
from env.command_menu import full_export_kw
from env.inverter import Command
from env.site import Site
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
from planner.plans.policy_plans import PolicySchedule
from planner.plans.release import IDLE, PLAN, SELF_CONSUMPTION, candidate, default_loads, simple_candidates, simulated
from planner.plans.task import End, PlanTask

COMMAND_MODES = ("charge", "discharge", "export", "hold", "self_consumption")


@dataclass(frozen=True, kw_only=True)
class PlanRequest:
    """What a plan is made with, besides what is known.

    Attributes:
        active: the champion, or the reason why there is none.
        model: the same for people.
        last_plan: the last valid plan; None where there is none.
        override: the override that sets the command now; None where none does.
        solver_seconds: time of each solver [s].
        memo: answers of earlier plans that may still hold.
    """

    active: ActivePolicy
    model: ModelInfo | None
    last_plan: PlanDocument | None
    override: Override | None
    solver_seconds: float
    memo: Memo | None = None


def build_plan(
    context: Context, at: datetime, gathered: InputStatus, making: PlanRequest, seconds: float
) -> PlanDocument:
    """The plan of a moment; there always is one.

    Args:
        context: the site.
        at: the moment.
        gathered: what is known.
        making: the request of this plan.
        seconds: that gathering took [s].
    """
    known = gathered.plan_inputs
    if known is None:
        return _without_inputs(context, at, gathered, making, seconds)
    climbed, overridden = _climbed(context, known, making)
    made = PlanResult(
        at=at,
        result=climbed,
        quantiles=known.quantiles,
        inputs=gathered.inputs,
        model=making.model,
        overridden=overridden,
        seconds=seconds,
    )
    return plan_document(context, made)


def _climbed(context: Context, known: PlanInputs, making: PlanRequest) -> tuple[FallbackResult, int]:
    """The plan, and how many of its slots a person asked for."""
    if making.override is None:
        return first_usable_plan(known.task, _rungs(context, known, making)), 0
    n_asked = _slots_until(known.task.slots["slot_start"], making.override.until)
    asked, rest = _asked_for(known.task, making.override, n_asked), None
    if n_asked < known.task.n_slots:
        later = _later(known, n_asked, float(asked["soc_end_kwh"][-1]))
        rest = first_usable_plan(later.task, _rungs(context, later, making))
    joined = _joined(known.task, asked, rest)
    if joined.plan.verification.valid:
        return joined, n_asked
    climbed = first_usable_plan(known.task, _rungs(context, known, making))
    wrong = joined.plan.verification.violations[0].message
    refused = Attempt(climbed.source, REFUSED, f"what was asked for by hand is refused: {wrong}")
    return FallbackResult(climbed.plan, climbed.source, (refused, *climbed.attempts)), 0


def _rungs(context: Context, known: PlanInputs, making: PlanRequest) -> list[PlanSource]:
    """Every rung above self-consumption."""
    above = site_sources(context, known, making.active, solver_seconds=making.solver_seconds, memo=making.memo)
    return [*above, _last_rung(making.last_plan, known.at)]


def _joined(task: PlanTask, asked: pl.DataFrame, rest: FallbackResult | None) -> FallbackResult:
    """What was asked for and the plan behind it as one."""
    told = explain(_first_slots(task, asked.height), asked, None)
    schedule = told if rest is None else pl.concat([told, rest.plan.schedule], how="diagonal_relaxed")
    found = candidate(task, PLAN, schedule.drop("reason", "sentence", "idle_costs"))
    simple = {each.name: each.cost for each in simple_candidates(task)}
    reason = "asked for by hand; nothing compares its cost"
    plan = Plan(
        schedule=schedule,
        released=PLAN,
        reason=reason,
        cost=found.cost,
        idle_cost=simple[IDLE],
        self_consumption_cost=simple[SELF_CONSUMPTION],
        solver=SolverRecord("none", "not asked"),
        attempts=(),
        verification=found.verification,
        solution=None,
    )
    if rest is None:
        return FallbackResult(plan, SELF_CONSUMPTION, (Attempt(SELF_CONSUMPTION, RELEASED, reason),))
    return FallbackResult(plan, rest.source, rest.attempts)


def _first_slots(task: PlanTask, n_slots: int) -> PlanTask:
    """The first slots of a task."""
    return replace(task, slots=task.slots.head(n_slots))


def _later(known: PlanInputs, n_slots: int, soc_kwh: float) -> PlanInputs:
    """The same from some slots on."""
    task, ahead = known.task, known.rolling
    slots = task.slots.tail(task.n_slots - n_slots)
    return replace(
        known,
        task=replace(task, slots=slots, start_soc_kwh=soc_kwh),
        rolling=replace(ahead, current_slot=ahead.current_slot + n_slots),
    )


def _slots_until(starts: pl.Series, until: datetime) -> int:
    """Slots that begin before a moment, one at least."""
    return max(int((starts < until).sum()), 1)


def _asked_for(task: PlanTask, wish: Override, n_slots: int) -> pl.DataFrame:
    """The slots that a person asked for, run through the inverter on what is expected."""
    part = _first_slots(task, n_slots)
    charge, discharge, export = override_command(task.site, wish)
    full = np.ones(n_slots)
    return simulated(part, default_loads(part), Command(charge * full, discharge * full, export * full))


def override_command(site: Site, wish: Override) -> tuple[float, float, float]:
    """Charge, discharge and export power of a wish [kW]."""
    battery = site.battery
    most = float("inf") if wish.power_kw is None else wish.power_kw
    export = full_export_kw(site)
    return {
        "charge": (min(battery.charge_kw, most), 0.0, 0.0),
        "discharge": (0.0, min(battery.discharge_kw, most), 0.0),
        "export": (0.0, battery.discharge_kw, min(export, most)),
        "hold": (0.0, 0.0, export),
    }.get(wish.mode, (0.0, battery.discharge_kw, 0.0))


def _last_rung(last: PlanDocument | None, at: datetime) -> PlanSource:
    """What the last valid plan said of the slots ahead."""
    if last is None or not is_usable(last, at):
        return PlanSource(LAST_PLAN, None, "there is no earlier plan that reaches so far")
    return PlanSource(LAST_PLAN, lambda task: _as_before(last, task))


def _as_before(last: PlanDocument, task: PlanTask) -> PolicySchedule:
    """The commands of the last plan; behind its end the inverter by itself."""
    by_itself = (0.0, task.site.battery.discharge_kw, 0.0)
    said = {slot.slot_start: (slot.charge_kw, slot.discharge_kw, slot.export_kw) for slot in last.slots}
    powers = np.array([said.get(start, by_itself) for start in task.slots["slot_start"]])
    schedule = simulated(task, default_loads(task), Command(*powers.T))
    return PolicySchedule(schedule, np.full((task.n_slots, 2), np.nan))


def _without_inputs(
    context: Context, at: datetime, gathered: InputStatus, making: PlanRequest, seconds: float
) -> PlanDocument:
    """The last plan's own slots as long as they reach; then the inverter by itself."""
    above = [Attempt(name, UNAVAILABLE, gathered.problem) for name in ("champion", "value", "mpc")]
    last, task = making.last_plan, None
    if last is not None and is_usable(last, at):
        task = _task_of(context, last, at, gathered)
    if task is not None:
        climbed = first_usable_plan(task, [_last_rung(last, at)])
        whole = FallbackResult(climbed.plan, climbed.source, (*above, *climbed.attempts))
        made = PlanResult(
            at=at, result=whole, quantiles=None, inputs=gathered.inputs, model=None, overridden=0, seconds=seconds
        )
        return plan_document(context, made)
    none = Attempt(LAST_PLAN, UNAVAILABLE, "there is no earlier plan that reaches so far")
    why = f"{gathered.problem}; {none.reason}; the inverter is left by itself"
    return default_plan(context, at, why=why, tries=(*above, none), inputs=gathered.inputs, seconds=seconds)


def _task_of(context: Context, last: PlanDocument, at: datetime, gathered: InputStatus) -> PlanTask | None:
    """A task on what the last plan knew; None where it knew too little."""
    slots = [slot for slot in last.slots if slot.slot_end > at]
    if not slots or any(_incomplete(slot) for slot in slots):
        return None
    names = ("slot_start", "import_price", "export_price", "load_kwh", "pv_kwh")
    frame = pl.DataFrame({name: [getattr(slot, name) for slot in slots] for name in names})
    battery = context.site.battery
    expected = slots[0].soc_start_percent
    percent = gathered.soc.percent if gathered.soc is not None else expected if expected is not None else 0.0
    value = _worth(last)
    return PlanTask(slots=frame, site=context.site, start_soc_kwh=battery.soc_kwh(percent), end=End(value=value))


def _worth(last: PlanDocument) -> float:
    """What a stored kWh is worth at the end of a plan: the median price of its slots, as good as any [money/kWh]."""
    return float(np.median([slot.import_price for slot in last.slots if slot.import_price is not None]))


def _incomplete(slot: PlanSlot) -> bool:
    return any(getattr(slot, name) is None for name in ("import_price", "export_price", "load_kwh", "pv_kwh"))


def storage_input(note: str) -> Input:
    """An input that says that the disk does not take what is to be kept."""
    return Input(name="storage", state="missing", source="disk", note=note)
