"""Draw a plan for people: a summary with its blocks, or a row a slot."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from darkstar_pipeline.console.output import draw_table

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.context import Context

LEAST_SHOWN = 0.005
_SOC_WORDS = {"option": "as given", "observed": "measured", "protocol": "assumed: nothing says how full it is"}
_PARTS = {
    "moved_loads": "by moving loads",
    "demand_charge": "on the month's demand charge",
    "energy_left": "by the energy left at the end",
}


def draw_plan(out: "Console", document: Mapping[str, Any], context: "Context") -> None:
    """Print what a plan costs and saves, what comes next, and its blocks."""
    from planner.wording.values import Words

    words, saves = Words(context.site.currency, context.timezone), f"saves [{context.site.currency}]"
    blocks, savings = document["blocks"], document["savings"]
    out.print(_headline(document, words), markup=False)
    for line in _steps(document, context, words):
        out.print(line, markup=False)
    out.print()
    rows = [
        {
            "when": words.span(block["start"], block["end"]),
            "soc": f"{block['soc_start_percent']:.0f}→{block['soc_end_percent']:.0f} %",
            "saves": round(block["saving"], 2) + 0.0,  # no negative zero
            "what": block["sentence"],
        }
        for block in blocks
    ]
    parts = [
        {"when": "", "soc": "", "saves": savings[name], "what": said}
        for name, said in _PARTS.items()
        if abs(savings[name]) >= LEAST_SHOWN
    ]
    whole = {"when": "together", "soc": "", "saves": savings["against_idle"], "what": "against an unused battery"}
    draw_table(out, [*rows, *parts, whole], {"when": "when", "soc": "SoC", "saves": saves, "what": "what and why"})
    _draw_loads(out, document, words)
    out.print()
    _draw_changes(out, document, words)
    _draw_notes(out, document, words.currency, context.timezone)


def _draw_loads(out: "Console", document: Mapping[str, Any], words: Any) -> None:  # noqa: ANN401 - as below
    """Print what the movable loads get, when, and what that costs."""
    from darkstar_pipeline.planning.loads.load_values import load_sentence

    for load in document.get("loads", ()):
        out.print(load_sentence(load, words.currency), markup=False)
        for block in load["blocks"]:
            out.print(f"  {words.span(block['start'], block['end'])}  {block['power_kw']:.1f} kW", markup=False)


def _draw_changes(out: "Console", document: Mapping[str, Any], words: Any) -> None:  # noqa: ANN401 - as above
    """Print how the plan differs from the service's last one."""
    changes = document["changes"]
    if changes is None:
        return
    since, causes = words.moment(changes["since_at"]), "; ".join(each["sentence"] for each in changes["causes"])
    if not changes["blocks"]:
        out.print(f"as planned at {since}", markup=False)
        return
    worth = (
        f", {words.money(changes['saving'])} better than going on with it" if changes["saving"] >= LEAST_SHOWN else ""
    )
    out.print(f"changed since the plan of {since}{worth}: {causes}", markup=False)
    for change in changes["blocks"]:
        out.print(f"  {change['sentence']}", markup=False)


def draw_slots(out: "Console", document: Mapping[str, Any], context: "Context") -> None:
    """Print a row a slot, and below them the costs and the plan's source."""
    from env.time_grid import zone

    local, site = zone(context.timezone), context.site
    rows = [
        {
            "time": slot["slot_start"].astimezone(local).strftime("%a %H:%M"),
            "price": slot["import_price"],
            "command": _command(slot, context),
            "soc": f"{100 * slot['soc_end_kwh'] / site.battery.capacity_kwh:.0f} %",
            "sentence": slot["sentence"],
        }
        for slot in document["slots"]
    ]
    headings = {
        "time": "time",
        "price": f"price [{site.currency}/kWh]",
        "command": "command",
        "soc": "SoC after",
        "sentence": "why",
    }
    draw_table(out, rows, headings)
    _draw_notes(out, document, site.currency, context.timezone)


def _headline(document: Mapping[str, Any], words: Any) -> str:  # noqa: ANN401 - `Words`, imported where it is made
    """Return when the plan ends, what it costs and what it saves."""
    savings, blocks = document["savings"], document["blocks"]
    others = {"against_idle": "an unused battery", "against_self_consumption": "self-consumption"}
    said = " and ".join(
        f"{words.money(abs(savings[name]))} {'less' if savings[name] >= 0 else 'more'} than {other}"
        for name, other in others.items()
    )
    return f"{words.span(blocks[0]['start'], blocks[-1]['end'])}: costs {words.money(document['cost'])}, {said}"


def _steps(document: Mapping[str, Any], context: "Context", words: Any) -> list[str]:  # noqa: ANN401 - as above
    """Return the command of now, and that of the next block with another one."""
    commands = {slot["slot_start"]: _command(slot, context) for slot in document["slots"]}
    now = commands[document["slots"][0]["slot_start"]]
    starts = [block["start"] for block in document["blocks"]]
    following = next((start for start in starts if commands[start] != now), None)
    lines = [f"now: {now}"]
    if following is not None:
        lines.append(f"from {words.moment(following)}: {commands[following]}")
    return lines


def _command(slot: Mapping[str, Any], context: "Context") -> str:
    from planner.wording.values import command_words

    powers = (slot["charge_kw"], slot["discharge_kw"], slot["export_kw"])
    return command_words(powers, context.site.battery.discharge_kw, slot.get("import_limit_kw"))


def _draw_notes(out: "Console", document: Mapping[str, Any], currency: str, timezone: str) -> None:
    """Print what the plan rests on, what is not as it should be, and who made it."""
    from planner.wording.phrases import source_words

    soc, known = document["start_soc_percent"], _SOC_WORDS[document["start_soc_source"]]
    out.print(f"starts at {soc:.0f} % ({known}); {document['steering']['words']}", markup=False)
    if document["start_soc_note"]:
        out.print(document["start_soc_note"], markup=False)
    for name, note in document["input_notes"].items():
        out.print(f"{name}: {note}", markup=False)
    for remark in document["strategy"]:
        out.print(f"strategy: {remark}", markup=False)
    if document["care"] is not None:
        from darkstar_pipeline.planning.care_values import care_sentences
        from planner.wording.values import Words

        for line in care_sentences(document["care"], Words(currency, timezone)):
            out.print(line, markup=False)
    out.print(_end_sentence(document["end"], currency), markup=False)
    for violation in document["violations"]:
        out.print(f"not verified: {violation}", markup=False)
    for notice in document["notices"]:
        out.print(f"cannot be avoided: {notice}", markup=False)
    passed = [f"{source_words(each['rung'])}: {each['why']}" for each in document["attempts"][:-1]]
    out.print(f"made by {source_words(document['rung'])}: {document['release_reason']}", markup=False)
    for reason in passed:
        out.print(f"passed over: {reason}", markup=False)


def _end_sentence(end: Mapping[str, Any], currency: str) -> str:
    """Return what the energy left at the end is worth, and by what."""
    ways = {
        "forecast": f"by the forecast of the prices that follow ({end['model']})",
        "past_days": "as on the last days",
        "settlement": "by the settlement of the daily protocol",
    }
    return f"the last kWh left at the end is worth {end['value']:.2f} {currency}, {ways[end['basis']]}"
