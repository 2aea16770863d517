"""The plan of a moment with changes, beside the plan of the site as it is; neither is kept or carried out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.evaluation.policy_replays import stored_inputs
from darkstar_pipeline.evaluation.slot_columns import SLOT_COLUMNS
from darkstar_pipeline.planning.plan_inputs import PlanInputs, StartSoc, inputs_at
from darkstar_pipeline.planning.plan_sources import site_plan
from darkstar_pipeline.whatif.changed_context import WhatIf, own_economics
from env.time_grid import day_start, zone
from planner.byhand.commands import HandBlock
from planner.plans.fallback_chain import FallbackResult
from planner.plans.task import PlanTask
from planner.whatif.exports import ExportScenarios, export_scenarios, growing_targets
from planner.whatif.figures import Figures
from planner.whatif.plan_figures import plan_figures
from planner.whatif.repricing import repriced

TOMORROW = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class PlannedCase:
    """A plan with its figures.

    Attributes:
        inputs: what it rests on.
        result: the plan, and which source made it.
        figures: its modelled money and energies over the horizon.
    """

    inputs: PlanInputs
    result: FallbackResult
    figures: Figures


@dataclass(frozen=True, kw_only=True)
class PlannedWhatIf:
    """Two plans of a moment.

    Attributes:
        at: the moment.
        site: the plan of the site as it is.
        changed: the plan with the changes.
        difference: of their figures.
        own_cost: what the changed plan costs at the home's own economics, where it was made by relaxed ones [money].
    """

    at: datetime
    site: PlannedCase
    changed: PlannedCase
    difference: Figures
    own_cost: float | None


def moment_of(context: Context, day: date, now: datetime) -> datetime:
    """Return the moment that a day is planned at: a past day's midnight, else now.

    Raises:
        DataMissingError: the day is after tomorrow, whose prices no market has published.
    """
    today = now.astimezone(zone(context.timezone)).date()
    if day < today:
        return day_start(day, context.timezone)
    if day > today + TOMORROW:
        raise DataMissingError(
            f"{day} has no prices yet: the market publishes a day ahead", "name today, tomorrow or a past day"
        )
    return now


def plan_what_if(
    case: WhatIf,
    at: datetime,
    *,
    soc: float | None = None,
    day: date | None = None,
    standing: Sequence[HandBlock] = (),
    blocks: Sequence[HandBlock] = (),
) -> PlannedWhatIf:
    """Plan from a moment on, for the site as it is and as it would be.

    Args:
        case: the site and its changes.
        at: the moment.
        soc: state of charge at the start; None takes what was read [%].
        day: local day that has to be in the horizon; None for any.
        standing: blocks by hand that hold in both.
        blocks: blocks by hand of the changed plan, before those.

    Raises:
        DataMissingError: there is no price of the moment or the day, or nothing to forecast from.
        NoFeasibleScheduleError: the demands contradict the home's limits.
    """
    start = None if soc is None else StartSoc(soc)
    site = _planned(case.site, at, start, day, standing)
    changed = _planned(case.changed, at, start, day, [*blocks, *standing])
    own: float | None = None
    if case.relaxed:
        task = inputs_at(own_economics(case), at, soc=start).task
        flows = repriced(changed.result.plan.schedule, task.slots, task.site.battery)
        end = float(flows["soc_end_kwh"][-1])
        charge = task.added_charge(flows["import_kwh"].to_numpy())
        own = float(flows["cost"].sum()) + charge - task.end.value_gained(task.start_soc_kwh, end)
    difference = changed.figures.less(site.figures)
    return PlannedWhatIf(at=at, site=site, changed=changed, difference=difference, own_cost=own)


def _planned(
    context: Context, at: datetime, soc: StartSoc | None, day: date | None, blocks: Sequence[HandBlock]
) -> PlannedCase:
    inputs, result = site_plan(context, at, soc=soc, blocks=blocks)
    if day is not None:
        _check_reaches(inputs.task, day)
    return planned_case(inputs, result)


def planned_case(inputs: PlanInputs, result: FallbackResult) -> PlannedCase:
    """Return a plan with its figures."""
    plan = result.plan
    return PlannedCase(
        inputs=inputs,
        result=result,
        figures=plan_figures(inputs.task, plan.schedule, cost=plan.cost, idle_cost=plan.idle_cost),
    )


def _check_reaches(task: PlanTask, day: date) -> None:
    """Refuse a day that the horizon does not reach.

    Raises:
        DataMissingError: its prices are not published.
    """
    if day > task.days[-1]:
        raise DataMissingError(f"the prices of {day} are not published yet", "ask again after 13:00", subject="prices")


def export_what_if(  # noqa: PLR0913 - keyword-only, a setting each
    case: WhatIf,
    at: datetime,
    n_slots: int,
    targets_kwh: list[float] | None,
    *,
    soc: float | None = None,
    day: date | None = None,
    hindsight: bool = False,
    steps: int = 6,
) -> tuple[PlanTask, ExportScenarios]:
    """Return export scenarios of the changed site from a moment on.

    Args:
        case: the site and its changes.
        at: the moment.
        n_slots: number of slots that are sold in.
        targets_kwh: energies to be sold in them; None for growing ones.
        soc: state of charge at the start; None takes what was read [%].
        day: local day that has to be in the horizon; None for any.
        hindsight: use the readings of the day in place of its forecast.
        steps: number of growing targets.

    Raises:
        DataMissingError: there is no price of the moment or the day, nothing to forecast from, or no reading of it.
        NoFeasibleScheduleError: the demands contradict the home's limits.
    """
    inputs = inputs_at(case.changed, at, soc=None if soc is None else StartSoc(soc))
    if day is not None:
        _check_reaches(inputs.task, day)
    task = _known(case.changed, inputs.task) if hindsight else inputs.task
    targets = growing_targets(task, n_slots, steps) if targets_kwh is None else targets_kwh
    return task, export_scenarios(task, n_slots, targets)


def _known(context: Context, task: PlanTask) -> PlanTask:
    """Return a task with the readings of its slots in place of their forecast.

    Raises:
        DataMissingError: a day of it is not graded as usable.
    """
    days: list[date] = task.days.unique().sort().to_list()
    read = stored_inputs(context, days).slots.select("slot_start", "load_kwh", "pv_kwh")
    slots = task.slots.drop("load_kwh", "pv_kwh").join(read, on="slot_start", how="left", maintain_order="left")
    if slots["load_kwh"].null_count() or slots["pv_kwh"].null_count():
        raise DataMissingError(
            f"{days[0]} is not usable as a whole, so that nothing is known in hindsight", "`darkstar quality` says why"
        )
    return replace(task, slots=slots.select(task.slots.columns))


def slot_rows(schedule: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the slots of a schedule by their JSON keys; what-ifs give no reasons."""
    return schedule.select(name for name in SLOT_COLUMNS if name != "reason" and name in schedule.columns).to_dicts()
