"""What-ifs by their JSON keys: the same on the command line and in the service."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from darkstar_pipeline.context import Context
from darkstar_pipeline.evaluation.policy_replays import range_protocol
from darkstar_pipeline.evaluation.range_verdict import replayed_schedule
from darkstar_pipeline.whatif.changed_context import WhatIf
from darkstar_pipeline.whatif.changes import Changes
from darkstar_pipeline.whatif.plans import PlannedCase, PlannedWhatIf, slot_rows
from darkstar_pipeline.whatif.replays import ReplayedWhatIf, replay_what_if
from darkstar_pipeline.whatif.sizing import Question, SizeGrid, size_grid
from planner.parallel import Progress
from planner.plans.task import PlanTask
from planner.whatif.exports import SEARCH_SECONDS, ExportScenarios
from planner.whatif.sizing import best_of
from planner.wording.messages import phrase


def case_document(case: WhatIf) -> dict[str, Any]:
    """Return the changes of a what-if."""
    return {
        "site": case.site.site_name,
        "currency": case.site.site_settings.currency,
        "changes": case.rows,
        "economics": "relaxed" if case.relaxed else "own",
        "relaxed": case.relaxed,
        "doubts": case.doubts,
    }


def replay_document(replayed: ReplayedWhatIf, first: date, last: date) -> dict[str, Any]:
    """Return a replayed span."""
    return {
        **case_document(replayed.case),
        "from": first,
        "to": last,
        "days": len(replayed.days),
        "left_out": replayed.left_out.to_dicts(),
        "assumptions": replayed.assumptions,
        "policies": [asdict(comparison) for comparison in replayed.comparisons],
    }


def plan_document(case: WhatIf, planned: PlannedWhatIf) -> dict[str, Any]:
    """Return two plans of a moment."""
    figures = {
        "policy": "plan",
        "site": asdict(planned.site.figures),
        "changed": asdict(planned.changed.figures),
        "difference": asdict(planned.difference),
        "own_cost": planned.own_cost,
    }
    return {
        **case_document(case),
        "basis": "plan",
        "at": planned.at,
        "day": None,
        "figures": figures,
        "plans": {"site": _plan(planned.site), "changed": _plan(planned.changed)},
    }


def _plan(planned: PlannedCase) -> dict[str, Any]:
    plan, inputs = planned.result.plan, planned.inputs
    return {
        "source": planned.result.source if plan.released == "plan" else plan.released,
        "why": planned.result.reason,
        "forecast": inputs.forecast,
        "verified": plan.verification.valid,
        "notes": dict(inputs.notes),
        "capacity_kwh": inputs.task.site.battery.capacity_kwh,
        "slots": slot_rows(plan.schedule),
    }


def day_document(case: WhatIf, day: date, policy: str) -> dict[str, Any]:
    """Return a past day that a policy is replayed on, with the changes and without.

    Raises:
        ConfigurationError: an unknown policy.
        DataMissingError: the day is not usable.
    """
    [comparison] = replay_what_if(case, day, day, [policy]).comparisons
    return {
        **case_document(case),
        "basis": "replay",
        "at": None,
        "day": day,
        "figures": asdict(comparison),
        "plans": {"site": _replayed(case.site, day, policy), "changed": _replayed(case.changed, day, policy)},
    }


def _replayed(context: Context, day: date, policy: str) -> dict[str, Any]:
    schedule = replayed_schedule(context, policy, [day], range_protocol(context, [day]))
    return {
        "source": policy,
        "why": phrase("replayed on the day's readings"),
        "forecast": "",
        "verified": True,
        "notes": {},
        "capacity_kwh": context.site.battery.capacity_kwh,
        "slots": slot_rows(schedule),
    }


def export_document(
    case: WhatIf, at: datetime, task: PlanTask, found: ExportScenarios, *, hindsight: bool
) -> dict[str, Any]:
    """Return export scenarios."""
    chosen = [task.slots.row(int(slot), named=True) for slot in found.slots]
    scenarios = [
        {
            "target_kwh": scenario.target_kwh,
            "realised_kwh": scenario.realised_kwh,
            "income": scenario.income,
            "net": scenario.net,
            "verified": scenario.verified,
            "proven": scenario.proven,
            "figures": asdict(scenario.figures),
            "difference": asdict(scenario.difference),
            "slots": slot_rows(scenario.schedule),
        }
        for scenario in found.scenarios
    ]
    return {
        **case_document(case),
        "at": at,
        "hindsight": hindsight,
        "slots": [{name: row[name] for name in ("slot_start", "export_price")} for row in chosen],
        "baseline": asdict(found.baseline),
        "baseline_kwh": found.baseline_kwh,
        "notes": _search_notes(found),
        "scenarios": scenarios,
    }


def _search_notes(found: ExportScenarios) -> list[str]:
    """Return what is to be known of scenarios that are not proven to be the cheapest; none where all are."""
    unproven = [each.target_kwh for each in found.scenarios if not each.proven]
    if found.proven and not unproven:
        return []
    notes: list[str] = [
        phrase(
            "the search has {seconds:.0f} s in all: cheaper schedules may exist, and net may be off by it",
            seconds=SEARCH_SECONDS,
        )
    ]
    if found.turned:
        notes.append(
            phrase(
                "export is paid more than import costs in {n} slots, where buying and selling in turns pays by "
                "itself: a lower least export price (--export-price-min) ends that",
                n=found.turned,
            )
        )
    return notes


def grid_document(
    context: Context, changes: Changes, question: Question, span: tuple[date, date], progress: Progress
) -> dict[str, Any]:
    """Work out a grid of sizes in this process alone, and return it."""
    grid = size_grid(context, changes, question, *span, workers=1, progress=progress)
    return sizing_document(grid, span, question.policy)


def sizing_document(grid: SizeGrid, span: tuple[date, date], policy: str, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return a grid of sizes."""
    rows: list[dict[str, Any]] = []
    for result in grid.results:
        row = asdict(result)
        rows.append({**row.pop("size"), **row})
    return {
        **case_document(grid.case),
        "area": grid.case.changed.site_settings.area,
        "policy": policy,
        "from": span[0],
        "to": span[1],
        "days": len(grid.days),
        "left_out": grid.left_out.to_dicts(),
        "idle_cost": grid.idle_cost,
        "year_factor": grid.year_factor,
        "notes": [*notes, *grid.assumptions],
        "sizes": rows,
        "best": asdict(best_of(grid.results).size),
    }
