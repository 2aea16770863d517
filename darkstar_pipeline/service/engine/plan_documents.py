"""Convert plans into the documents of the service's API."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from darkstar_pipeline.planning.battery_care import NO_BATTERY_CARE, BatteryCare
from darkstar_pipeline.planning.care_values import care_values
from darkstar_pipeline.planning.plan_blocks import block_values, savings_values
from darkstar_pipeline.service.schemas.care import CareDocument
from darkstar_pipeline.service.schemas.models import ModelInfo
from darkstar_pipeline.service.schemas.plans import (
    CommandDocument,
    Input,
    PlanAttempt,
    PlanBlock,
    PlanDocument,
    PlanEnd,
    PlanSavings,
    PlanSlot,
)
from env.battery import Battery
from env.inverter import curtails_surplus
from env.site import Site
from env.time_grid import SLOT, day_start, slot_of, zone
from planner.byhand.commands import HandBlock, block_at, block_command
from planner.plans.fallback_chain import CHAMPION, RELEASED, SOURCE_NAMES, Attempt, FallbackResult, SourceName
from planner.plans.release import SELF_CONSUMPTION
from planner.plans.task import End, PlanTask
from planner.summaries.blocks import summarize
from planner.value.terminal_value import TerminalValue
from planner.verification.notices import notice_sentences
from planner.wording.messages import phrase, read
from planner.wording.values import command_words

SELF_CONSUMPTION_WORDS = phrase("the inverter decides by itself: surplus into the battery, deficit out of it")
BY_HAND_WORDS = phrase("asked for by hand")
_FLOWS = ("import_kwh", "export_kwh", "charge_kwh", "discharge_kwh", "curtailed_kwh")
_OTHERS = ("water_", "ev_", "appliance_", "battery_")


@dataclass(frozen=True, kw_only=True)
class PlanResult:
    """A plan with its origin, ready for the API.

    Attributes:
        at: time of the plan.
        result: the plan, its source, and every source that was tried.
        quantiles: as `PlanInputs.quantiles`; None if unknown.
        inputs: status of its inputs.
        model: the champion, if it made the plan.
        task: what the plan was made for.
        care: reserve and care of the battery.
        price_model: what the forecast of the next day's prices rests on; empty where the end is an earlier plan's.
    """

    at: datetime
    result: FallbackResult
    quantiles: pl.DataFrame | None
    inputs: Sequence[Input]
    model: ModelInfo | None
    task: PlanTask
    price_model: str = ""
    care: BatteryCare = NO_BATTERY_CARE


def plan_id(at: datetime) -> str:
    """Return an id for a plan that sorts by time."""
    return f"{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def plan_document(site: Site, made: PlanResult) -> PlanDocument:
    """Return the document of a plan with known prices and forecasts; the caller sets the duration of planning."""
    plan = made.result.plan
    rows, summary = plan.schedule, summarize(made.task, plan.schedule)
    if made.quantiles is not None:
        rows = rows.join(made.quantiles, on="slot_start", how="left", maintain_order="left")
    kept, by_hand = _kept_percent(made.task), made.task.shown_by_hand.tolist()
    slots = [
        _slot(site.battery, row, overridden=own, kept_percent=percent)
        for row, percent, own in zip(rows.iter_rows(named=True), kept, by_hand, strict=True)
    ]
    care = care_values(made.task, made.care)
    return PlanDocument(
        id=plan_id(made.at),
        site=site.name,
        timezone=site.timezone,
        currency=site.currency,
        capacity_kwh=site.battery.capacity_kwh,
        max_charge_kw=site.battery.charge_kw,
        max_discharge_kw=site.battery.discharge_kw,
        created_at=made.at,
        valid_until=slots[-1].slot_end,
        rung=_SOURCES[made.result.source],
        why=made.result.reason,
        attempts=[_attempt(attempt) for attempt in made.result.attempts],
        released=plan.released,
        release_reason=plan.reason,
        model=made.model if made.result.source == CHAMPION else None,
        inputs=list(made.inputs),
        cost=plan.cost,
        idle_cost=plan.idle_cost,
        self_consumption_cost=plan.self_consumption_cost,
        verified=plan.verification.valid,
        violations=[violation.message for violation in plan.verification.violations],
        notices=notice_sentences(plan.verification.notices, site.timezone),
        seconds=0.0,
        slots=slots,
        blocks=[PlanBlock(**block_values(block, site.battery.capacity_kwh)) for block in summary.blocks],
        savings=PlanSavings(**savings_values(summary, plan.cost, plan.self_consumption_cost)),
        month=made.task.month,
        end=plan_end_document(made.task.end, float(plan.schedule["soc_end_kwh"][-1]), made.price_model),
        care=None if care is None else CareDocument(**care),
        strategy=list(plan.remarks),
    )


def _kept_percent(task: PlanTask) -> list[float | None]:
    """Return the state of charge that is kept for outages in each slot [%]; None where nothing is."""
    if task.targets is None:
        return [None] * task.n_slots
    battery, kept = task.site.battery, task.targets.floor_kwh[0]
    percent = 100 * kept / battery.capacity_kwh
    return [float(each) if above else None for each, above in zip(percent, kept > battery.min_soc_kwh, strict=True)]


def plan_end_document(end: End, end_kwh: float, model: str = "") -> PlanEnd:
    """Return the document of what energy left at the end is worth."""
    curve = () if end.curve is None else (tuple(end.curve.widths_kwh.tolist()), tuple(end.curve.slopes.tolist()))
    steps = dict(zip(("widths_kwh", "slopes"), curve, strict=False))
    return PlanEnd(basis=end.basis, value=end.marginal_value(end_kwh), model=model, **steps)


def end_as_before(plan: PlanDocument) -> End:
    """Return what energy left at the end of an earlier plan is worth; of a plan of 0.1 its median price."""
    if plan.end is None:
        return End(value=float(np.median([each.import_price for each in plan.slots if each.import_price is not None])))
    if not plan.end.widths_kwh:
        return End(value=plan.end.value)
    widths, slopes = np.array(plan.end.widths_kwh), np.array(plan.end.slopes)
    return End(curve=TerminalValue(floor_kwh=0.0, widths_kwh=widths, slopes=slopes), basis=plan.end.basis)


def _slot(battery: Battery, row: Mapping[str, Any], *, overridden: bool, kept_percent: float | None) -> PlanSlot:
    """Return the document of a schedule's row."""
    percent = 100 / battery.capacity_kwh
    start: datetime = row["slot_start"]
    charge, discharge, export = (max(float(row[name]), 0.0) for name in ("charge_kw", "discharge_kw", "export_kw"))
    limit = row.get("import_limit_kw")
    others = {name: float(row[name]) for name in row if name.startswith(_OTHERS) and row[name] is not None}
    return PlanSlot(
        slot_start=start,
        slot_end=start + SLOT,
        import_price=row["import_price"],
        export_price=row["export_price"],
        load_kwh=row["load_kwh"],
        load_low_kwh=row.get("load_low_kwh"),
        load_high_kwh=row.get("load_high_kwh"),
        pv_kwh=row["pv_kwh"],
        pv_low_kwh=row.get("pv_low_kwh"),
        pv_high_kwh=row.get("pv_high_kwh"),
        charge_kw=charge,
        discharge_kw=discharge,
        export_kw=export,
        import_limit_kw=limit,
        min_soc_percent=kept_percent,
        command=command_words((charge, discharge, export), battery.discharge_kw, limit),
        **{name: row[name] for name in _FLOWS},
        soc_start_percent=row["soc_start_kwh"] * percent,
        soc_end_percent=row["soc_end_kwh"] * percent,
        cost=row["cost"],
        reason=row["reason"],
        sentence=BY_HAND_WORDS if overridden else read(row["wording"]),
        idle_costs=row.get("idle_costs"),
        overridden=overridden,
        others=others,
    )


_SOURCES: dict[str, SourceName] = {name: name for name in SOURCE_NAMES}


def _attempt(attempt: Attempt) -> PlanAttempt:
    return PlanAttempt(rung=_SOURCES[attempt.source], outcome=attempt.outcome, why=attempt.reason)


def default_plan(
    site: Site,
    at: datetime,
    *,
    why: str,
    attempts: Sequence[Attempt] = (),
    inputs: Sequence[Input] = (),
    blocks: Sequence[HandBlock] = (),
) -> PlanDocument:
    """Return the plan without inputs, to the end of the local day: blocks by hand, else the inverter's own default."""
    start = slot_of(at)
    today = start.astimezone(zone(site.timezone)).date()
    n_slots = (day_start(today + timedelta(days=1), site.timezone) - start) // SLOT
    starts = [start + index * SLOT for index in range(n_slots)]
    slots = [_blind_slot(site, each, block_at(blocks, each)) for each in starts]
    return PlanDocument(
        id=plan_id(at),
        site=site.name,
        timezone=site.timezone,
        currency=site.currency,
        capacity_kwh=site.battery.capacity_kwh,
        max_charge_kw=site.battery.charge_kw,
        max_discharge_kw=site.battery.discharge_kw,
        created_at=at,
        valid_until=slots[-1].slot_end,
        rung=SELF_CONSUMPTION,
        why=why,
        attempts=[
            *(_attempt(attempt) for attempt in attempts),
            _attempt(Attempt(SELF_CONSUMPTION, RELEASED, SELF_CONSUMPTION_WORDS)),
        ],
        released=SELF_CONSUMPTION,
        release_reason=SELF_CONSUMPTION_WORDS,
        model=None,
        inputs=list(inputs),
        cost=None,
        idle_cost=None,
        self_consumption_cost=None,
        # The commands equal the inverter's own default, so there is nothing to verify.
        verified=True,
        violations=[],
        seconds=0.0,
        slots=slots,
    )


def _blind_slot(site: Site, start: datetime, block: HandBlock | None) -> PlanSlot:
    """Return a slot without prices and forecasts; a block by hand sets its command, which the inverter bounds."""
    most = site.battery.discharge_kw
    command = (0.0, most, 0.0) if block is None else block_command(site, block)
    return PlanSlot(
        slot_start=start,
        slot_end=start + SLOT,
        import_price=None,
        export_price=None,
        load_kwh=None,
        pv_kwh=None,
        charge_kw=command[0],
        discharge_kw=command[1],
        export_kw=command[2],
        command=command_words(command, most),
        import_kwh=None,
        export_kwh=None,
        charge_kwh=None,
        discharge_kwh=None,
        curtailed_kwh=None,
        soc_start_percent=None,
        soc_end_percent=None,
        cost=None,
        reason=SELF_CONSUMPTION,
        sentence=SELF_CONSUMPTION_WORDS if block is None else BY_HAND_WORDS,
        overridden=block is not None and block.shown,
    )


def slot_at(plan: PlanDocument, now: datetime) -> PlanSlot | None:
    """Return the slot of a plan that contains a moment; None if there is none."""
    return next((slot for slot in plan.slots if slot.slot_start <= now < slot.slot_end), None)


def command_document(site: Site, plan: PlanDocument | None, now: datetime, *, automatic: bool) -> CommandDocument:
    """Return the present command; the inverter's default if automatic mode is off or no verified plan covers now."""
    battery = site.battery
    slot = None if plan is None or not plan.verified else slot_at(plan, now)
    if plan is None or slot is None or not automatic:
        return _default_command(battery, plan, now, automatic=automatic)
    by_itself = slot.charge_kw == 0 and slot.export_kw == 0 and slot.discharge_kw >= battery.discharge_kw
    by_itself = by_itself and slot.import_limit_kw is None
    return CommandDocument(
        plan_id=plan.id,
        rung=plan.rung,
        why=plan.why,
        automatic=True,
        overridden=slot.overridden,
        slot_start=slot.slot_start,
        expires_at=slot.slot_end,
        charge_kw=slot.charge_kw,
        discharge_kw=slot.discharge_kw,
        export_kw=slot.export_kw,
        import_limit_kw=slot.import_limit_kw,
        min_soc_percent=slot.min_soc_percent,
        command=slot.command,
        sentence=slot.sentence,
        default=by_itself,
        throttled=_throttled(site, slot),
    )


def _throttled(site: Site, slot: PlanSlot) -> bool:
    """Return whether surplus is to be curtailed: selling costs money, and nothing is to be sold from the battery."""
    if slot.export_price is None or not curtails_surplus(site.limits, np.array(slot.export_price)).any():
        return False
    return not (slot.discharge_kw > 0 and slot.export_kw > 0)


def _default_command(battery: Battery, plan: PlanDocument | None, now: datetime, *, automatic: bool) -> CommandDocument:
    """Return the command of the inverter's own default."""
    start, power = slot_of(now), battery.discharge_kw
    why = phrase("no plan reaches this moment") if automatic else phrase("a person has taken over")
    return CommandDocument(
        plan_id="" if plan is None else plan.id,
        rung=SELF_CONSUMPTION,
        why=why,
        automatic=automatic,
        overridden=False,
        slot_start=start,
        expires_at=start + SLOT,
        charge_kw=0.0,
        discharge_kw=power,
        export_kw=0.0,
        command=command_words((0.0, power, 0.0), power),
        sentence=SELF_CONSUMPTION_WORDS,
        default=True,
    )


def expected_soc_percent(plan: PlanDocument | None, start: datetime) -> float | None:
    """The state of charge that a plan expects at the start of a slot [%]; None where it does not say."""
    if plan is None:
        return None
    slot = slot_at(plan, start)
    if slot is not None:
        return slot.soc_start_percent
    last = plan.slots[-1]
    return last.soc_end_percent if last.slot_end == start else None


def is_usable(plan: PlanDocument | None, now: datetime) -> bool:
    """Return whether a plan can serve as the source `last_plan`."""
    return (
        plan is not None
        and plan.rung != SELF_CONSUMPTION
        and plan.verified
        and plan.created_at <= now < plan.valid_until
    )
