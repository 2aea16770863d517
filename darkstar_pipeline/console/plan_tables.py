"""Draw a plan for people: a summary with its blocks, or a row a slot."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from darkstar_pipeline.console.output import draw_table
from planner.wording.messages import figures, joined, joined_and, phrase

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.context import Context

LEAST_SHOWN = 0.005
_SOC_WORDS = {
    "option": phrase("as given"),
    "observed": phrase("measured"),
    "protocol": phrase("assumed: nothing says how full it is"),
}
_PARTS = {
    "moved_loads": phrase("by moving loads"),
    "demand_charge": phrase("on the month's demand charge"),
    "energy_left": phrase("by the energy left at the end"),
}


def draw_plan(out: "Console", document: Mapping[str, Any], context: "Context") -> None:
    """Print what a plan costs and saves, what comes next, and its blocks."""
    from planner.wording.values import Words

    words, currency = Words(context.site.currency, context.timezone), context.site.currency
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
    whole = {
        "when": phrase("together"),
        "soc": "",
        "saves": savings["against_idle"],
        "what": phrase("against an unused battery"),
    }
    headings = {
        "when": phrase("when"),
        "soc": phrase("SoC"),
        "saves": phrase("saves [{currency}]", currency=currency),
        "what": phrase("what and why"),
    }
    draw_table(out, [*rows, *parts, whole], headings)
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
            power = figures(f"{block['power_kw']:.1f} kW")
            out.print(joined("  ", ["", words.span(block["start"], block["end"]), power]), markup=False)


def _draw_changes(out: "Console", document: Mapping[str, Any], words: Any) -> None:  # noqa: ANN401 - as above
    """Print how the plan differs from the service's last one."""
    changes = document["changes"]
    if changes is None:
        return
    since = words.moment(changes["since_at"])
    if not changes["blocks"]:
        out.print(phrase("as planned at {time}", time=since), markup=False)
        return
    causes = joined("; ", [each["sentence"] for each in changes["causes"]])
    said = {"time": since, "causes": causes, "money": words.money(changes["saving"])}
    if changes["saving"] >= LEAST_SHOWN:
        out.print(
            phrase("changed since the plan of {time}, {money} better than going on with it: {causes}", **said),
            markup=False,
        )
    else:
        out.print(phrase("changed since the plan of {time}: {causes}", **said), markup=False)
    for change in changes["blocks"]:
        out.print(joined("  ", ["", change["sentence"]]), markup=False)


def draw_slots(out: "Console", document: Mapping[str, Any], context: "Context") -> None:
    """Print a row a slot, and below them the costs and the plan's source."""
    from planner.wording.values import Words

    site, words = context.site, Words(context.site.currency, context.timezone)
    rows = [
        {
            "time": words.moment(slot["slot_start"]),
            "price": slot["import_price"],
            "command": _command(slot, context),
            "soc": f"{100 * slot['soc_end_kwh'] / site.battery.capacity_kwh:.0f} %",
            "sentence": slot["sentence"],
        }
        for slot in document["slots"]
    ]
    headings = {
        "time": phrase("time"),
        "price": phrase("price [{currency}/kWh]", currency=site.currency),
        "command": phrase("command"),
        "soc": phrase("SoC after"),
        "sentence": phrase("why"),
    }
    draw_table(out, rows, headings)
    _draw_notes(out, document, site.currency, context.timezone)


def _headline(document: Mapping[str, Any], words: Any) -> str:  # noqa: ANN401 - `Words`, imported where it is made
    """Return when the plan ends, what it costs and what it saves."""
    savings, blocks = document["savings"], document["blocks"]
    others = {"against_idle": phrase("an unused battery"), "against_self_consumption": phrase("self-consumption")}
    said = [
        phrase("{money} less than {other}", money=words.money(abs(savings[name])), other=other)
        if savings[name] >= 0
        else phrase("{money} more than {other}", money=words.money(abs(savings[name])), other=other)
        for name, other in others.items()
    ]
    return phrase(
        "{span}: costs {money}, {difference}",
        span=words.span(blocks[0]["start"], blocks[-1]["end"]),
        money=words.money(document["cost"]),
        difference=joined_and(said),
    )


def _steps(document: Mapping[str, Any], context: "Context", words: Any) -> list[str]:  # noqa: ANN401 - as above
    """Return the command of now, and that of the next block with another one."""
    commands = {slot["slot_start"]: _command(slot, context) for slot in document["slots"]}
    now = commands[document["slots"][0]["slot_start"]]
    starts = [block["start"] for block in document["blocks"]]
    following = next((start for start in starts if commands[start] != now), None)
    lines: list[str] = [phrase("now: {command}", command=now)]
    if following is not None:
        time = words.moment(following)
        lines.append(phrase("from {time}: {command}", time=time, command=commands[following]))
    return lines


def _command(slot: Mapping[str, Any], context: "Context") -> str:
    from planner.wording.values import command_words

    powers = (slot["charge_kw"], slot["discharge_kw"], slot["export_kw"])
    return command_words(powers, context.site.battery.discharge_kw, slot.get("import_limit_kw"))


def _draw_notes(out: "Console", document: Mapping[str, Any], currency: str, timezone: str) -> None:
    """Print what the plan rests on, what is not as it should be, and who made it."""
    for line in _notes(document, currency, timezone):
        out.print(line, markup=False)


def _notes(document: Mapping[str, Any], currency: str, timezone: str) -> Iterator[str]:
    """Return what the plan rests on, what is not as it should be, and who made it, a line each."""
    from darkstar_pipeline.planning.care_values import care_sentences
    from planner.wording.phrases import source_words
    from planner.wording.values import Words

    yield phrase(
        "starts at {percent:.0f} % ({known}); {steering}",
        percent=document["start_soc_percent"],
        known=_SOC_WORDS[document["start_soc_source"]],
        steering=document["steering"]["words"],
    )
    if document["start_soc_note"]:
        yield document["start_soc_note"]
    yield from (joined(": ", [name, note]) for name, note in document["input_notes"].items())
    yield from (phrase("strategy: {remark}", remark=remark) for remark in document["strategy"])
    if document["care"] is not None:
        yield from care_sentences(document["care"], Words(currency, timezone))
    yield _end_sentence(document["end"], currency)
    yield from (phrase("not verified: {problem}", problem=violation) for violation in document["violations"])
    yield from (phrase("cannot be avoided: {notice}", notice=notice) for notice in document["notices"])
    made_by = source_words(document["rung"])
    yield phrase("made by {source}: {reason}", source=made_by, reason=document["release_reason"])
    for each in document["attempts"][:-1]:
        yield phrase("passed over: {source}: {reason}", source=source_words(each["rung"]), reason=each["why"])


def _end_sentence(end: Mapping[str, Any], currency: str) -> str:
    """Return what the energy left at the end is worth, and by what."""
    worth = figures(f"{end['value']:.2f} {currency}")
    if end["basis"] == "forecast":
        return phrase(
            "the last kWh left at the end is worth {price}, by the forecast of the prices that follow ({model})",
            price=worth,
            model=end["model"],
        )
    if end["basis"] == "past_days":
        return phrase("the last kWh left at the end is worth {price}, as on the last days", price=worth)
    return phrase("the last kWh left at the end is worth {price}, by the settlement of the daily protocol", price=worth)
