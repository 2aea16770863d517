"""`darkstar care`: what readings show of the battery, to be taken over into darkstar.yaml and taken back."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document
from darkstar_pipeline.console.relative_days import today_in

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.context import Context

PURPOSE = "Show what readings show of the battery; take it over or back."
Name = Annotated[str, typer.Argument(metavar="NAME", help="capacity or taper.")]


def show(call: Call) -> Document:
    """Show the capacity and the charge taper that readings show, beside what is set, and what is offered."""
    context = call.context()
    document = _document(context)
    return Document(document, lambda out: _draw(out, document))


def accept(call: Call, *, name: Name) -> Document:
    """Take an offer over: write it into darkstar.yaml, with the value before in a comment beside it.

    Nothing else in the file changes, and `darkstar care revert` puts the value before back.
    """
    from darkstar_pipeline.config.settings import config_path
    from darkstar_pipeline.config.writer import set_learned
    from darkstar_pipeline.errors import ConfigurationError

    context, setting = call.context(), _setting(name)
    document = _document(context)
    offered = next((offer for offer in document["offers"] if offer["name"] == name), None)
    if offered is None:
        message = f"readings offer no {name} that differs from what is set"
        raise ConfigurationError(message, "darkstar care says what they show")
    set_learned(config_path(), context.site_name, setting, offered["offered"], today_in(context.timezone))
    return _changed(context, setting, offered["now"], offered["offered"])


def revert(call: Call, *, name: Name) -> Document:
    """Put the value back that stood in darkstar.yaml before an offer was accepted."""
    from darkstar_pipeline.config.settings import config_path
    from darkstar_pipeline.config.writer import revert_learned

    context, setting = call.context(), _setting(name)
    before = getattr(context.site_settings.battery, setting)
    settings = revert_learned(config_path(), context.site_name, setting)
    return _changed(context, setting, before, getattr(settings.sites[context.site_name].battery, setting))


def _setting(name: str) -> str:
    """Return the setting of an offer.

    Raises:
        UsageError: there is no such offer.
    """
    from darkstar_pipeline.console.failures import UsageError
    from darkstar_pipeline.learning.battery_offers import SETTINGS

    found = {str(known): setting for known, setting in SETTINGS.items()}.get(name)
    if found is None:
        raise UsageError(f"NAME: {name!r} is no offer", f"give one of: {', '.join(SETTINGS)}")
    return found


def _document(context: "Context") -> dict[str, Any]:
    from darkstar_pipeline.config.settings import config_path
    from darkstar_pipeline.config.yaml_file.learned_lines import value_before
    from darkstar_pipeline.errors import ConfigurationError
    from darkstar_pipeline.learning.battery_offers import SETTINGS, battery_offers, readings_of

    readings = readings_of(context.lake, context.site_name, today_in(context.timezone))
    battery = context.site_settings.battery
    found, offers = battery_offers(readings, battery)
    path = config_path()
    accepted: dict[str, str] = {}
    for name, setting in SETTINGS.items():
        try:
            before = value_before(path.read_text(encoding="utf-8"), context.site_name, setting, path)
        except (ConfigurationError, OSError):
            before = None  # of a battery in braces nothing can have been accepted
        if before is not None:
            accepted[name] = before
    return {
        "site": context.site_name,
        "capacity_kwh": battery.capacity_kwh,
        "charge_taper": battery.charge_taper,
        "found": None if found is None else asdict(found),
        "offers": [asdict(offer) for offer in offers],
        "accepted": [{"name": name, "before": before} for name, before in accepted.items()],
    }


def _changed(context: "Context", setting: str, before: object, now: object) -> Document:
    from darkstar_pipeline.config.settings import config_path

    document = {
        "site": context.site_name,
        "path": str(config_path()),
        "setting": f"battery.{setting}",
        "before": before,
        "now": now,
    }
    line = (
        f"{document['path']}: battery.{setting} of {context.site_name} is {json.dumps(now)} (was {json.dumps(before)})"
    )
    return Document(document, lambda out: out.print(line, markup=False))


def _draw(out: "Console", document: dict[str, Any]) -> None:
    from planner.wording.messages import phrase, translated

    lines = [
        phrase(
            "set: {capacity:g} kWh, {taper}",
            capacity=document["capacity_kwh"],
            taper=_taper_words(document["charge_taper"]),
        )
    ]
    found = document["found"]
    if found is None:
        lines.append(phrase("readings: too few full cycles with a state of charge to say anything"))
    else:
        lines.append(
            phrase(
                "readings of {cycles:.0f} cycles: {capacity:.1f} kWh, {taper}",
                cycles=found["cycles"],
                capacity=found["capacity_kwh"],
                taper=_taper_words(found["charge_taper"]),
            )
        )
    for offer in document["offers"]:
        value = f"battery.{offer['setting']}: {json.dumps(offer['offered'])}"
        lines += [
            phrase("offered: {value}", value=value),
            phrase("  to take it over: darkstar care accept {name}", name=offer["name"]),
        ]
    for each in document["accepted"]:
        lines += [
            phrase("accepted: {name} (before: {before})", name=each["name"], before=each["before"]),
            phrase("  to take it back: darkstar care revert {name}", name=each["name"]),
        ]
    if found is not None and not document["offers"]:
        lines.append(phrase("nothing is offered: readings agree with what is set"))
    out.print("\n".join(translated(line) for line in lines), markup=False)


def _taper_words(taper: "list[tuple[float, float]]") -> str:
    """Return a charge taper in words."""
    from planner.wording.messages import phrase

    if not taper:
        return phrase("no charge taper")
    return phrase("less power from {begins:g} % on, {least:g} kW at 100 %", begins=taper[0][0], least=taper[-1][1])
