"""`darkstar whatif plan`: a day planned with changes, beside the plan of the site as it is."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.commands.whatif.blocks import ByHandOption, blocks_of
from darkstar_pipeline.commands.whatif.options import (
    AddLoadOption,
    AreaOption,
    LeastExportOption,
    LoadScaleOption,
    MostExportOption,
    NoMarginsOption,
    NoWearOption,
    PricesOption,
    PvScaleOption,
    SetOption,
    changes_of,
)
from darkstar_pipeline.commands.whatif.words import draw_case, draw_comparison, note_case
from darkstar_pipeline.console.arguments import check_policy, parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.load_requests import parse_instant
from darkstar_pipeline.console.output import Document, draw_table
from planner.policy_names import POLICIES
from planner.wording.messages import phrase

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.context import Context

PlannedDay = Annotated[
    date | None, typer.Option("--day", parser=parse_day, metavar="DAY", help="Local day: past, today or tomorrow.")
]
AtOption = Annotated[
    str | None, typer.Option("--at", metavar="TIME", help="Moment to plan at; default: now, of a past day midnight.")
]
SocOption = Annotated[
    float | None, typer.Option("--soc", metavar="PERCENT", min=0, max=100, help="State of charge; default: as read.")
]
SlotsOption = Annotated[bool, typer.Option("--slots", help="Also show the slots, side by side.")]


def plan(  # noqa: PLR0913 - keyword-only, an option each
    call: Call,
    *,
    day: PlannedDay = None,
    at: AtOption = None,
    settings: SetOption = None,
    area: AreaOption = None,
    prices: PricesOption = None,
    load_scale: LoadScaleOption = 1.0,
    pv_scale: PvScaleOption = 1.0,
    added: AddLoadOption = None,
    by_hand: ByHandOption = None,
    soc: SocOption = None,
    policy: Annotated[
        str | None, typer.Option("--policy", metavar="P", help="Replay a past day by it; oracle is hindsight.")
    ] = None,
    slots: SlotsOption = False,
    no_wear: NoWearOption = False,
    no_margins: NoMarginsOption = False,
    least_export: LeastExportOption = None,
    most_export: MostExportOption = None,
) -> Document:
    """Plan a day with changes, beside the plan of the site as it is.

    A past day is planned from its midnight on with what was known then, a coming one from now on with the published
    prices and the forecasts that the plan in force has. With `--policy` a past day is replayed instead, on its
    readings. The plan in force stays as it is, and nothing is written.
    """
    from darkstar_pipeline.service.byhand.previews import ByHand
    from darkstar_pipeline.service.state_folder import service_folder
    from darkstar_pipeline.whatif.changed_context import what_if
    from darkstar_pipeline.whatif.documents import day_document, plan_document
    from darkstar_pipeline.whatif.plans import plan_what_if

    changes = changes_of(
        settings=settings,
        area=area,
        prices=prices,
        load_scale=load_scale,
        pv_scale=pv_scale,
        added=added,
        no_wear=no_wear,
        no_margins=no_margins,
        least_export=least_export,
        most_export=most_export,
    )
    case = what_if(call.context(), changes)
    note_case(call, case, unchanged=not by_hand)
    if policy is not None:
        if by_hand:
            raise UsageError("--policy replays a day without blocks by hand", "give one of --policy and --by-hand")
        if day is None or at is not None or soc is not None:
            raise UsageError("--policy replays a past day from its protocol", "give --day, without --at and --soc")
        check_policy(policy, POLICIES)
        document = day_document(case, day, policy)
    else:
        moment = planned_moment(case.site, day, at)
        standing = ByHand(service_folder(case.site.home, case.site.site_name)).blocks(moment)
        blocks = blocks_of(by_hand, moment, case.site.timezone)
        planned = plan_what_if(case, moment, soc=soc, day=day, standing=standing, blocks=blocks)
        document = plan_document(case, planned)
    return Document(document, lambda out: _draw(out, document, case.site.timezone, with_slots=slots))


def planned_moment(context: "Context", day: date | None, at: str | None) -> datetime:
    """Return the moment that a day, or an instant, is planned at.

    Raises:
        DataMissingError: the day is after tomorrow.
        UsageError: both are given.
    """
    if day is not None and at is not None:
        raise UsageError("--day and --at name two moments", "give one of them")
    from darkstar_pipeline.whatif.plans import moment_of

    if at is not None or day is None:
        return parse_instant("--at", at, context.timezone)
    return moment_of(context, day, datetime.now(UTC))


def _draw(out: "Console", document: dict[str, Any], timezone: str, *, with_slots: bool) -> None:
    """Print the figures, and the slots side by side."""
    draw_case(out, document)
    if document["basis"] == "plan":
        plans = document["plans"]
        own, other = (plans[name]["source"] for name in ("site", "changed"))
        out.print(phrase("as it is: made by {own}; what if: by {other}", own=own, other=other), markup=False)
    else:
        out.print(phrase("{day} replayed on its readings", day=str(document["day"])), markup=False)
    out.print()
    draw_comparison(out, document["figures"], document["currency"])
    if with_slots:
        out.print()
        rows = side_by_side(document["plans"])
        columns = {
            "slot_start": phrase("slot"),
            "price": phrase("price [{currency}/kWh]", currency=document["currency"]),
            "site": phrase("as it is [kWh]"),
            "site_soc": phrase("SoC [%]"),
            "changed": phrase("what if [kWh]"),
            "changed_soc": phrase("SoC [%]"),
        }
        draw_table(out, rows, columns, timezone=timezone)


def side_by_side(plans: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row a slot: what the battery takes (above zero) or gives, and its state of charge after, of both."""
    rows: list[dict[str, Any]] = []
    for pair in zip(plans["site"]["slots"], plans["changed"]["slots"], strict=True):
        row: dict[str, Any] = {"slot_start": pair[0]["slot_start"], "price": pair[1]["import_price"]}
        for name, slot in zip(("site", "changed"), pair, strict=True):
            row[name] = slot["charge_kwh"] - slot["discharge_kwh"] + 0.0
            row[f"{name}_soc"] = f"{100 * slot['soc_end_kwh'] / plans[name]['capacity_kwh']:.0f}"
        rows.append(row)
    return rows
