"""`darkstar car`: what the car asks for and gets, and a departure that is asked for once."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.load_requests import parse_instant
from darkstar_pipeline.console.output import Document
from planner.wording.messages import figures, joined, phrase

if TYPE_CHECKING:
    from datetime import datetime

    from darkstar_pipeline.context import Context
    from darkstar_pipeline.service.devices.car import Car
    from darkstar_pipeline.service.schemas.loads import LoadPlan

PURPOSE = "Show the car's charging, or say when it leaves once."


def show(call: Call) -> Document:
    """Show how the car is, what it asks for and what the service's last plan gives it."""
    return _shown(call.context())


def leave(
    call: Call,
    *,
    at: Annotated[str, typer.Argument(metavar="TIME", help="Local time (07:00), or date and time.")],
    target: Annotated[
        float | None, typer.Option("--target", metavar="PERCENT", min=0, max=100, help="What it is to have then.")
    ] = None,
    minimum: Annotated[
        float | None, typer.Option("--minimum", metavar="PERCENT", min=0, max=100, help="What it must have then.")
    ] = None,
    target_kwh: Annotated[
        float | None, typer.Option("--target-kwh", metavar="KWH", min=0, help="Instead: what it is to get.")
    ] = None,
    minimum_kwh: Annotated[
        float | None, typer.Option("--minimum-kwh", metavar="KWH", min=0, help="Instead: what it must get.")
    ] = None,
) -> Document:
    """Say when the car leaves once, and how full.

    Until then it stands in the place of the week's departures; a running service plans for it within seconds.
    """
    from datetime import UTC, datetime

    from pydantic import ValidationError

    from darkstar_pipeline.console.failures import UsageError
    from darkstar_pipeline.service.schemas.loads import CarRequest

    context = call.context()
    now = datetime.now(UTC)
    amounts = {
        "target_percent": target,
        "minimum_percent": minimum,
        "target_kwh": target_kwh,
        "minimum_kwh": minimum_kwh,
    }
    try:
        request = CarRequest.model_validate({"leaves": _moment(at, now, context.timezone), **amounts})
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise UsageError(message, "for example: darkstar car leave 07:00 --target 80") from error
    car = _car(context)
    car.requests.ask(request, context.site_settings.devices.vehicle, now)
    return _shown(context)


def cancel(call: Call) -> Document:
    """Forget the departure that was asked for: the week's hold again."""
    context = call.context()
    _car(context).requests.cancel()
    return _shown(context)


def _moment(text: str, now: "datetime", timezone: str) -> "datetime":
    """Return the next moment of a local time, or the moment of a date and time.

    Raises:
        UsageError: the text is neither.
    """
    from datetime import time, timedelta

    from darkstar_pipeline.console.failures import UsageError
    from darkstar_pipeline.planning.loads.departures import moment_of
    from env.time_grid import zone

    try:
        clock = time.fromisoformat(text)
    except ValueError:
        if ":" not in text:
            message = f"TIME: {text!r} is no time (expected 07:00, or 2026-01-31T07:00)"
            raise UsageError(message, "write it in local time") from None
        return parse_instant("TIME", text, timezone)
    today = now.astimezone(zone(timezone)).date()
    at = moment_of(today, clock, timezone)
    return at if at > now else moment_of(today + timedelta(days=1), clock, timezone)


def _car(context: "Context") -> "Car":
    """Return the car as the service's folder has it.

    Raises:
        ConfigurationError: the home has none.
    """
    from darkstar_pipeline.errors import ConfigurationError
    from darkstar_pipeline.service.clock import Clock
    from darkstar_pipeline.service.devices.car import Car
    from darkstar_pipeline.service.state_folder import service_folder

    settings = context.site_settings.devices.vehicle
    if settings is None:
        raise ConfigurationError("the home has no car", "add devices.vehicle to darkstar.yaml")
    return Car(settings, service_folder(context.home, context.site_name), Clock())


def _shown(context: "Context") -> Document:
    from datetime import UTC, datetime

    from darkstar_pipeline.service.devices.load_documents import CAR
    from darkstar_pipeline.service.engine.plan_store import PlanStore
    from darkstar_pipeline.service.engine.wanted_loads import planned_load
    from darkstar_pipeline.service.state_folder import service_folder
    from darkstar_pipeline.state.folder_names import PLANS_FOLDER

    car, now = _car(context), datetime.now(UTC)
    state, demand, request = car.state(), car.demand(now, context.timezone), car.requests.active(now)
    plan = PlanStore(service_folder(context.home, context.site_name) / PLANS_FOLDER).latest(now)
    planned = None if plan is None else planned_load(plan, CAR)
    document: dict[str, Any] = {
        "site": context.site_name,
        "plugged": state.plugged,
        "soc_percent": state.soc_percent,
        "charged_kwh": state.charged_kwh,
        "request": None if request is None else request.model_dump(mode="json", exclude_none=True),
        "leaves": demand.leaves,
        "minimum_kwh": demand.minimum_kwh,
        "target_kwh": demand.target_kwh,
        "note": demand.note,
        "plan": None if planned is None else planned.model_dump(mode="json"),
    }
    lines = _lines(context, document, planned)
    return Document(document, lambda out: out.print(joined("\n", lines), markup=False))


def _lines(context: "Context", document: dict[str, Any], planned: "LoadPlan | None") -> list[str]:
    """Return the car in sentences."""
    from planner.wording.values import Words

    words = Words(context.site.currency, context.timezone)
    lines = [_presence(document)]
    if document["leaves"] is not None:
        time = words.moment(document["leaves"])
        asked = document["request"] is not None
        lines.append(
            phrase("leaves {time} (asked for once)", time=time)
            if asked
            else phrase("leaves {time} (by its week)", time=time)
        )
    least, most = document["minimum_kwh"], document["target_kwh"]
    if most > 0:
        lines.append(
            phrase("from the charger: {least:.1f} kWh at least, {most:.1f} kWh aimed at", least=least, most=most)
        )
    lines += [document["note"]] if document["note"] else []
    if planned is None:
        return [*lines, phrase("no plan of the service holds it yet (darkstar serve)")]
    for block in planned.blocks:
        times = joined("-", [words.moment(block.start), f"{block.end.astimezone(words.zone):%H:%M}"])
        lines.append(joined("  ", ["", times, figures(f"{block.energy_kwh:.1f} kWh ({block.power_kw:.1f} kW)")]))
    if planned.cost is not None and planned.energy_kwh > 0:
        said = {
            "money": figures(f"{planned.cost:.2f} {words.currency}"),
            "kwh": planned.energy_kwh,
            "unplanned": planned.unplanned_cost,
        }
        if planned.unplanned_cost is None:
            lines.append(phrase("costs {money} for {kwh:.1f} kWh", **said))
        else:
            lines.append(phrase("costs {money} for {kwh:.1f} kWh; at once {unplanned:.2f}", **said))
    return lines


def _presence(document: dict[str, Any]) -> str:
    """Return whether the car is there, how full it is, and what it has drawn."""
    plugged = {
        True: phrase("plugged in"),
        False: phrase("not plugged in"),
        None: phrase("not known to be plugged in"),
    }[document["plugged"]]
    said = {"plugged": plugged, "percent": document["soc_percent"], "kwh": document["charged_kwh"]}
    if document["soc_percent"] is None:
        return phrase("the car is {plugged}, and has drawn {kwh:.1f} kWh since it came", **said)
    return phrase("the car is {plugged}, {percent:.0f} %, and has drawn {kwh:.1f} kWh since it came", **said)
