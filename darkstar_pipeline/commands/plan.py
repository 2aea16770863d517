"""`darkstar plan`: the plan from a moment on, with a reason for every slot."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.commands.evaluate import slot_columns
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.load_requests import parse_instant, parse_load_requests
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.context import Context
    from darkstar_pipeline.planning.plan_inputs import PlanInputs
    from planner.plans.fallback_chain import FallbackResult

BASIS = {"live": "measured", "observed": "measured", "projected": "projected"}
"""The basis of a start state of charge, by its source; any other is assumed."""
EXPLAINED = ("sentence", "idle_costs")


def plan(
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
) -> Document:
    """Plan the battery from a moment on, and explain every slot.

    The plan reaches to the last published price and uses only what was known at that moment. It costs no more
    than idle or self-consumption under the same forecast, or by so little that one forecast does not tell. Each slot
    has a sentence with the reason for its command and the cost of doing nothing there. It ends with 4 where the
    verifier finds a violation.
    """
    from darkstar_pipeline.planning.plan_inputs import StartSoc
    from darkstar_pipeline.planning.plan_sources import site_plan
    from env.time_grid import slot_of

    context = call.context()
    moment = parse_instant("--at", at, context.timezone)
    zone = context.timezone
    requests = parse_load_requests(slot_of(moment), zone, car=car, appliances=appliance or (), vacation=vacation)
    given = None if soc is None else StartSoc(soc)
    document = _document(context, *site_plan(context, moment, soc=given, requests=requests))
    code = ExitCode.DONE if document["verified"] else ExitCode.INFEASIBLE
    return Document(document, lambda out: draw_plan(out, document, context), code)


def _document(context: "Context", inputs: "PlanInputs", result: "FallbackResult") -> dict[str, Any]:
    """Return the plan by its JSON keys."""
    from darkstar_pipeline.planning.plan_inputs import outside_range_note
    from planner.verification.notices import notice_sentences

    plan, site, end = result.plan, context.site, inputs.task.end
    start_percent = 100 * float(plan.schedule["soc_start_kwh"][0]) / site.battery.capacity_kwh
    extra = [name for name in plan.schedule.columns if name.startswith(("water_", "ev_", "appliance_", "battery_"))]
    solver = plan.solver
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
        "steering": {"state": "off", "steers": False, "words": "Shown, not carried out: this command steers nothing."},
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
        "slots": plan.schedule.select(*slot_columns(plan.schedule), *EXPLAINED, *extra).to_dicts(),
    }


def draw_plan(out: "Console", document: dict[str, Any], context: "Context") -> None:
    """Print a row per slot, and below them the costs and the plan's source."""
    from env.time_grid import zone
    from planner.plans.wording import command_words

    local, site = zone(context.timezone), context.site
    currency, capacity, most_kw = site.currency, site.battery.capacity_kwh, site.battery.discharge_kw
    rows = [
        {
            "time": slot["slot_start"].astimezone(local).strftime("%a %H:%M"),
            "price": slot["import_price"],
            "command": command_words(
                (slot["charge_kw"], slot["discharge_kw"], slot["export_kw"]), most_kw, slot.get("import_limit_kw")
            ),
            "soc": f"{100 * slot['soc_end_kwh'] / capacity:.0f} %",
            "sentence": slot["sentence"],
        }
        for slot in document["slots"]
    ]
    headings = {
        "time": "time",
        "price": f"price [{currency}/kWh]",
        "command": "command",
        "soc": "SoC after",
        "sentence": "why",
    }
    draw_table(out, rows, headings)
    soc, basis, source = (document[f"start_soc_{name}"] for name in ("percent", "basis", "source"))
    out.print(f"starts at {soc:.0f} % ({basis}: {source}); {document['steering']['words']}", markup=False)
    if document["start_soc_note"]:
        out.print(document["start_soc_note"], markup=False)
    for name, note in document["input_notes"].items():
        out.print(f"{name}: {note}", markup=False)
    costs = f"idle {document['idle_cost']:.2f}, self-consumption {document['self_consumption_cost']:.2f}"
    out.print(_end_sentence(document["end"], currency), markup=False)
    out.print(f"cost {document['cost']:.2f} {currency} ({costs}): {document['release_reason']}", markup=False)
    for violation in document["violations"]:
        out.print(f"not verified: {violation}", markup=False)
    for notice in document["notices"]:
        out.print(f"cannot be avoided: {notice}", markup=False)
    out.print(f"made by {document['rung']}: {document['why']}", markup=False)


def _end_sentence(end: dict[str, Any], currency: str) -> str:
    """Return what the energy left at the end is worth, and by what."""
    ways = {
        "forecast": f"by the forecast of the prices that follow ({end['model']})",
        "past_days": "as on the last days",
        "settlement": "by the settlement of the daily protocol",
    }
    return f"the last kWh left at the end is worth {end['value']:.2f} {currency}, {ways[end['basis']]}"
