"""`darkstar plan`: the plan from a moment on, with a reason for every slot."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.commands.evaluate import slot_columns
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.load_requests import parse_instant, parse_load_requests
from darkstar_pipeline.console.output import Document
from darkstar_pipeline.console.plan_tables import draw_plan, draw_slots
from darkstar_pipeline.errors import ExitCode

if TYPE_CHECKING:
    from datetime import datetime

    from darkstar_pipeline.context import Context
    from darkstar_pipeline.planning.plan_inputs import PlanInputs
    from darkstar_pipeline.service.schemas.plans import PlanDocument
    from planner.plans.fallback_chain import FallbackResult

BASIS = {"live": "measured", "observed": "measured", "projected": "projected"}
"""The basis of a start state of charge, by its source; any other is assumed."""
EXPLAINED = ("wording", "idle_costs")


def plan(  # noqa: PLR0913 - a command's options
    call: Call,
    *,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="Local (2026-01-31T14:00) or with an offset; default: now."),
    ] = None,
    soc: Annotated[
        float | None,
        typer.Option("--soc", metavar="PERCENT", min=0, max=100, help="State of charge; default: as read."),
    ] = None,
    car: Annotated[
        str | None,
        typer.Option("--car", metavar="KWH=[FROM/]BY", help="Energy for the car, and when it is there."),
    ] = None,
    appliance: Annotated[
        list[str] | None,
        typer.Option("--appliance", metavar="NAME=[FROM/]BY", help="Run of an appliance; may be repeated."),
    ] = None,
    vacation: Annotated[bool, typer.Option("--vacation", help="Nobody is home; hot water at its minimum.")] = False,
    reserve: Annotated[
        float | None,
        typer.Option("--reserve", metavar="PERCENT", min=0, max=100, help="Kept for outages above minimum."),
    ] = None,
    slots: Annotated[bool, typer.Option("--slots", help="Show every slot of 15 minutes, not only blocks.")] = False,
) -> Document:
    """Plan the battery from a moment on: what it does when, and what that saves.

    The plan reaches to the last published price and uses only what was known at that moment. It costs no more
    than a battery that is not used or self-consumption under the same forecast, or by so little that one forecast does
    not tell. Slots with the same intent are one block; --slots shows each with its reason and the cost of doing
    nothing there. It ends with 4 where the verifier finds a violation.
    """
    from darkstar_pipeline.planning.battery_care import TimedReserve
    from darkstar_pipeline.planning.plan_inputs import StartSoc
    from darkstar_pipeline.planning.plan_sources import site_plan
    from darkstar_pipeline.planning.weather_warnings import weather_reserves
    from darkstar_pipeline.service.byhand.previews import ByHand
    from darkstar_pipeline.service.engine.last_plan import commands_before
    from darkstar_pipeline.service.state_folder import service_folder
    from env.care import check_reserve
    from env.time_grid import slot_of
    from planner.wording.messages import phrase

    context = call.context()
    moment = parse_instant("--at", at, context.timezone)
    zone = context.timezone
    requests = parse_load_requests(slot_of(moment), zone, car=car, appliances=appliance or (), vacation=vacation)
    given = None if soc is None else StartSoc(soc)
    if reserve is not None:
        check_reserve(reserve, context.site.battery)
    reserves = weather_reserves(context, moment)
    reserves += [] if reserve is None else [TimedReserve(percent=reserve, cause=phrase("asked for by hand"))]
    last = last_plan(context, moment)
    blocks = ByHand(service_folder(context.home, context.site_name)).blocks(moment)
    made = site_plan(
        context,
        moment,
        soc=given,
        requests=requests,
        reserves=reserves,
        before=commands_before(last),
        blocks=blocks,
    )
    document = _document(context, *made, last=last)
    code = ExitCode.DONE if document["verified"] else ExitCode.INFEASIBLE
    draw = draw_slots if slots else draw_plan
    return Document(document, lambda out: draw(out, document, context), code)


def last_plan(context: "Context", moment: "datetime") -> "PlanDocument | None":
    """Return the service's last plan that was made by then and reaches beyond; None where there is none."""
    from darkstar_pipeline.service.engine.plan_documents import is_usable
    from darkstar_pipeline.service.engine.plan_store import PlanStore
    from darkstar_pipeline.service.state_folder import service_folder
    from darkstar_pipeline.state.folder_names import PLANS_FOLDER

    last = PlanStore(service_folder(context.home, context.site_name) / PLANS_FOLDER).latest(moment)
    return last if is_usable(last, moment) else None


def _changes(inputs: "PlanInputs", result: "FallbackResult", last: "PlanDocument | None") -> dict[str, Any] | None:
    """Return how the plan differs from the last one of the service; None where there is none."""
    from darkstar_pipeline.service.engine.plan_changes import compared_schedule, plan_changes

    after = compared_schedule(
        result.plan.schedule,
        inputs.task,
        source=result.source,
        model="" if last is None or last.model is None else str(last.model.version),
    )
    changes = plan_changes(last, after, result.plan.cost, inputs.task)
    return None if changes is None else changes.model_dump()


def _document(
    context: "Context", inputs: "PlanInputs", result: "FallbackResult", *, last: "PlanDocument | None"
) -> dict[str, Any]:
    """Return the plan by its JSON keys."""
    from darkstar_pipeline.planning.care_values import care_values
    from darkstar_pipeline.planning.loads.load_values import load_values
    from darkstar_pipeline.planning.plan_blocks import block_values, savings_values
    from darkstar_pipeline.planning.plan_inputs import outside_range_note
    from planner.summaries.blocks import summarize
    from planner.verification.notices import notice_sentences
    from planner.wording.messages import phrase

    plan, site, end = result.plan, context.site, inputs.task.end
    start_percent = 100 * float(plan.schedule["soc_start_kwh"][0]) / site.battery.capacity_kwh
    extra = [name for name in plan.schedule.columns if name.startswith(("water_", "ev_", "appliance_", "battery_"))]
    shown = [*slot_columns(plan.schedule), *EXPLAINED, *extra]
    solver, summary = plan.solver, summarize(inputs.task, plan.schedule)
    return {
        "site": context.site_name,
        "at": inputs.at,
        "source": result.source if plan.released == "plan" else plan.released,
        "rung": result.source,
        "why": result.reason,
        "attempts": [{"rung": each.source, "outcome": each.outcome, "why": each.reason} for each in result.attempts],
        "solver": {"name": solver.solver, "status": solver.status, "gap": solver.gap, "seconds": solver.seconds},
        "vintage": inputs.vintage,
        "forecast": inputs.forecast,
        "start_soc_percent": start_percent,
        "start_soc_source": inputs.start_soc_source,
        "start_soc_basis": BASIS.get(inputs.start_soc_source, "assumed"),
        "start_soc_note": outside_range_note(site.battery, start_percent),
        "input_notes": dict(inputs.notes),
        "steering": {
            "state": "off",
            "steers": False,
            "words": phrase("Shown, not carried out: this command steers nothing."),
        },
        "end": {
            "basis": end.basis,
            "value": end.marginal_value(float(plan.schedule["soc_end_kwh"][-1])),
            "model": inputs.price_model,
        },
        "released": plan.released,
        "release_reason": plan.reason,
        "cost": plan.cost,
        "idle_cost": plan.idle_cost,
        "self_consumption_cost": plan.self_consumption_cost,
        "verified": plan.verification.valid,
        "violations": [violation.message for violation in plan.verification.violations],
        "notices": notice_sentences(plan.verification.notices, context.timezone),
        "strategy": list(plan.remarks),
        "care": care_values(inputs.task, inputs.care),
        **({"loads": load_values(inputs.task, plan.schedule)} if inputs.task.loads.names else {}),
        "changes": _changes(inputs, result, last),
        "savings": savings_values(summary, plan.cost, plan.self_consumption_cost),
        "blocks": [block_values(block, site.battery.capacity_kwh) for block in summary.blocks],
        "slots": [_with_sentence(slot) for slot in plan.schedule.select(*shown).to_dicts()],
    }


def _with_sentence(slot: dict[str, Any]) -> dict[str, Any]:
    """Return a slot with its sentence in place of what the sentence is made of."""
    from planner.wording.messages import read

    parts = {name: {"sentence": read(value)} if name == "wording" else {name: value} for name, value in slot.items()}
    return {name: value for part in parts.values() for name, value in part.items()}
