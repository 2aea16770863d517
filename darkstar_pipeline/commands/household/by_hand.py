"""`darkstar byhand`: blocks of charge, discharge, export, hold, water heating or car charging, with their price."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import Console

    from darkstar_pipeline.context import Context
    from darkstar_pipeline.service.byhand.previews import ByHand
    from darkstar_pipeline.service.schemas.overrides import BlockPreview, Override
    from darkstar_pipeline.whatif.blocks import PlannedBlock
    from planner.byhand.commands import HandBlock
    from planner.wording.values import Words

PURPOSE = "Give blocks by hand, with their price before they are accepted."
ModeArgument = Annotated[
    str,
    typer.Argument(metavar="MODE", help="charge, discharge, export, hold, self_consumption, heat_water or charge_car."),
]
FromOption = Annotated[str, typer.Option("--from", metavar="TIME", help="Local time (02:00), or date and time.")]
ToOption = Annotated[str, typer.Option("--to", metavar="TIME", help="Its end; a time alone is the next one after it.")]
PowerOption = Annotated[
    float | None, typer.Option("--power", metavar="KW", min=0, help="Most power; default: all there is.")
]
NowOption = Annotated[str | None, typer.Option("--at", metavar="TIME", help="As if it were that time.")]


def show(call: Call, *, at: NowOption = None) -> Document:
    """Show the blocks and overrides that hold, or are to come."""
    from darkstar_pipeline.console.load_requests import parse_instant

    context = call.context()
    return _listed(context, _by_hand(context), parse_instant("--at", at, context.timezone))


def add(  # noqa: PLR0913 - a command's options
    call: Call,
    *,
    mode: ModeArgument,
    start: FromOption,
    until: ToOption,
    power: PowerOption = None,
    target: Annotated[
        float | None,
        typer.Option("--target", metavar="PERCENT", min=0, max=100, help="State of charge at which it ends."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of blocks that it overlaps.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Accept it at once, whatever it costs.")] = False,
    soc: Annotated[
        float | None,
        typer.Option("--soc", metavar="PERCENT", min=0, max=100, help="State of charge; default: as read."),
    ] = None,
    at: NowOption = None,
) -> Document:
    """Work out what a block costs beside the plan, and accept it if you say so.

    The rest is planned around the block, before it and behind it. Its price is the plan's cost with it less that
    without, over the whole horizon, with the demand charge and the energy left at the end. Nothing is changed before it
    is accepted: at the question on a terminal, by `--yes`, or later by `darkstar byhand accept`. It ends by itself.
    """
    from pydantic import ValidationError

    from darkstar_pipeline.commands.household.moments import parse_span
    from darkstar_pipeline.console.failures import UsageError
    from darkstar_pipeline.console.load_requests import parse_instant
    from darkstar_pipeline.service.schemas.overrides import BlockRequest

    context = call.context()
    now = parse_instant("--at", at, context.timezone)
    first, last = parse_span(start, until, now, context.timezone)
    asked = {"mode": mode, "start": first, "until": last, "power_kw": power, "target_percent": target}
    try:
        request = BlockRequest.model_validate({**asked, "replace": replace})
    except ValidationError as error:
        wrong = error.errors()[0]
        place = wrong["loc"][0] if wrong["loc"] else ""
        message = f"{place}: {wrong['msg']}".removeprefix(": ").replace("Value error, ", "")
        hint = "for example: darkstar byhand add charge --from 02:00 --to 04:00 --power 3"
        raise UsageError(message, hint) from error
    by_hand = _by_hand(context)
    preview = by_hand.preview(request, now, context.site, _planner(context, now, soc))
    _check_kept(by_hand)
    taken = by_hand.accept(preview.id, now) if yes or _agreed(call, context, preview) else None
    _check_kept(by_hand)
    document: dict[str, Any] = {
        "site": context.site_name,
        "accepted": None if taken is None else taken.model_dump(mode="json"),
        "preview": preview.model_dump(mode="json"),
    }
    seen = call.can_prompt and not yes  # what the question showed already is not printed twice
    return Document(document, lambda out: _draw(out, context, None if seen else preview, preview.id, taken))


def accept(
    call: Call,
    *,
    preview: Annotated[str, typer.Argument(metavar="ID", help="As `darkstar byhand add` named it.")],
    at: NowOption = None,
) -> Document:
    """Accept a block that was worked out within the last 15 minutes."""
    from darkstar_pipeline.console.load_requests import parse_instant

    context = call.context()
    now = parse_instant("--at", at, context.timezone)
    by_hand = _by_hand(context)
    by_hand.accept(preview, now)
    _check_kept(by_hand)
    return _listed(context, by_hand, now)


def remove(
    call: Call,
    *,
    block: Annotated[str, typer.Argument(metavar="ID", help="As `darkstar byhand show` names it.")],
    at: NowOption = None,
) -> Document:
    """End a block before its time, or take one away that is to come."""
    from darkstar_pipeline.console.failures import UsageError
    from darkstar_pipeline.console.load_requests import parse_instant

    context = call.context()
    by_hand = _by_hand(context)
    if not by_hand.overrides.end(block):
        raise UsageError(f"there is no block {block}", "`darkstar byhand show` lists them")
    _check_kept(by_hand)
    return _listed(context, by_hand, parse_instant("--at", at, context.timezone))


def _by_hand(context: "Context") -> "ByHand":
    from darkstar_pipeline.service.byhand.previews import ByHand
    from darkstar_pipeline.service.state_folder import service_folder

    by_hand = ByHand(service_folder(context.home, context.site_name))
    _check_kept(by_hand)
    return by_hand


def _check_kept(by_hand: "ByHand") -> None:
    """Refuse to go on where blocks cannot be read or kept: a command's memory ends with it.

    Raises:
        ConfigurationError: they cannot.
    """
    from darkstar_pipeline.errors import ConfigurationError

    if by_hand.problem:
        raise ConfigurationError(by_hand.problem, "mend or remove the file, and look at its folder and disk")


def _planner(context: "Context", now: "datetime", soc: float | None) -> Any:  # noqa: ANN401 - a callable of the service
    """Return what plans with a block and without; it says why where it cannot."""
    from darkstar_pipeline.commands.plan import last_plan
    from darkstar_pipeline.errors import DataMissingError
    from darkstar_pipeline.planning.plan_inputs import StartSoc
    from darkstar_pipeline.planning.weather_warnings import weather_reserves
    from darkstar_pipeline.service.engine.last_plan import commands_before
    from darkstar_pipeline.whatif.blocks import site_block

    given = None if soc is None else StartSoc(soc)
    before, reserves = commands_before(last_plan(context, now)), weather_reserves(context, now)

    def plan(block: "HandBlock", standing: "Sequence[HandBlock]", kept: "Sequence[HandBlock]") -> "PlannedBlock | str":
        try:
            return site_block(
                context, now, block, soc=given, reserves=reserves, before=before, standing=standing, kept=kept
            )
        except DataMissingError as error:
            return error.message

    return plan


def _agreed(call: Call, context: "Context", preview: "BlockPreview") -> bool:
    """Ask on a terminal whether a block is accepted at its price; elsewhere it is not."""
    if not call.can_prompt:
        return False
    from darkstar_pipeline.console.prompts import confirm
    from planner.wording.messages import translated

    for line in _preview_lines(context, preview):
        call.note(translated(line))
    return confirm("Accept it?", default=False)


def _preview_lines(context: "Context", preview: "BlockPreview") -> list[str]:
    """Return a preview in sentences."""
    from planner.wording.messages import phrase
    from planner.wording.values import Words

    words = Words(preview.currency, context.timezone)
    block = preview.block
    power = "" if block.power_kw is None else f" {block.power_kw:g} kW"
    power += "" if block.target_percent is None else f" → {block.target_percent:g} %"
    lines = [_price(preview, words, f"{block.mode}{power}", words.far_span(block.start, block.until, preview.at))]
    if preview.figures is not None:
        changed, site = (words.money(each.cost) for each in (preview.figures.changed, preview.figures.site))
        lines.append(phrase("the plan costs {changed} with it, {site} without", changed=changed, site=site))
    if preview.replaces:
        lines.append(phrase("takes the place of {blocks}", blocks=", ".join(preview.replaces)))
    return [*lines, *preview.notes]


def _price(preview: "BlockPreview", words: "Words", what: str, when: str) -> str:
    from planner.wording.messages import phrase

    if preview.cost is None or not preview.priced:
        return phrase("{what}, {when}: not priced yet", what=what, when=when)
    money = words.money(abs(preview.cost))
    if round(preview.cost, 2) < 0:
        return phrase("{what}, {when}: saves {money}", what=what, when=when, money=money)
    return phrase("{what}, {when}: costs {money}", what=what, when=when, money=money)


def _draw(
    out: "Console", context: "Context", preview: "BlockPreview | None", preview_id: str, taken: "Override | None"
) -> None:
    """Print a preview with the plan as it would become, and how to accept it."""
    from planner.wording.messages import phrase
    from planner.wording.values import Words

    if preview is not None:
        for line in _preview_lines(context, preview):
            out.print(line, markup=False)
        words = Words(preview.currency, context.timezone)
        rows = [
            {
                "when": words.span(each.start, each.end),
                "soc": f"{each.soc_start_percent:.0f}→{each.soc_end_percent:.0f} %",
                "what": each.sentence,
            }
            for each in preview.plan
        ]
        out.print()
        draw_table(out, rows, {"when": "the plan then", "soc": "SoC", "what": "what and why"})
        out.print()
    if taken is not None:
        line = phrase("accepted as {block}; `darkstar byhand remove {block}` takes it away", block=taken.id)
    else:
        line = phrase("nothing is changed; to accept it: darkstar byhand accept {block}", block=preview_id)
    out.print(line, markup=False)


def _listed(context: "Context", by_hand: "ByHand", now: "datetime") -> Document:
    """Return the blocks and overrides that hold or are to come."""
    from planner.wording.messages import phrase
    from planner.wording.values import Words

    overrides = by_hand.overrides
    active = sorted(overrides.active(now), key=lambda each: each.begins)
    document = {
        "site": context.site_name,
        "automatic": overrides.automatic,
        "overrides": [each.model_dump(mode="json") for each in active],
    }
    words = Words(context.site.currency, context.timezone)
    rows = [
        {
            "id": each.id,
            "when": words.far_span(each.begins, each.until, now),
            "mode": each.mode,
            "power": "" if each.power_kw is None else f"{each.power_kw:g} kW",
            "target": "" if each.target_percent is None else f"{each.target_percent:g} %",
            "state": phrase("holds") if each.begins <= now else phrase("to come"),
        }
        for each in active
    ]

    def draw(out: "Console") -> None:
        if not rows:
            out.print(phrase("nothing is set by hand"), markup=False)
        else:
            draw_table(
                out, rows, {"id": "id", "when": "when", "mode": "what", "power": "power", "target": "to", "state": ""}
            )

    return Document(document, draw)
