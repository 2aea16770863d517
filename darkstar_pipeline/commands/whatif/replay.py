"""`darkstar whatif replay`: a span as it would have been with changes, beside the site as it is."""

from typing import TYPE_CHECKING, Annotated

import typer

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
from darkstar_pipeline.console.arguments import FirstDay, LastDay, check_range, format_days, parse_policies
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document
from planner.policy_names import CONTINUOUS_POLICIES, POLICIES
from planner.wording.messages import phrase

if TYPE_CHECKING:
    from rich.console import Console

PolicyList = Annotated[
    str, typer.Option("--policies", metavar="P,…", help="Policies, separated by commas; oracle is hindsight.")
]


def replay(  # noqa: PLR0913 - keyword-only, an option each
    call: Call,
    *,
    first: FirstDay,
    last: LastDay,
    settings: SetOption = None,
    area: AreaOption = None,
    prices: PricesOption = None,
    load_scale: LoadScaleOption = 1.0,
    pv_scale: PvScaleOption = 1.0,
    added: AddLoadOption = None,
    policies: PolicyList = "value",
    continuous: Annotated[bool, typer.Option("--continuous", help="Carry stored energy over midnight.")] = False,
    no_wear: NoWearOption = False,
    no_margins: NoMarginsOption = False,
    least_export: LeastExportOption = None,
    most_export: MostExportOption = None,
) -> Document:
    """Replay a span with changes, beside the site as it is.

    Each policy decides slot by slot on what was known then, with the changed home and with the home as it is; `oracle`
    knows everything. The figures are those of `darkstar evaluate` of a site with those settings. Nothing is written.
    """
    from darkstar_pipeline.whatif.changed_context import what_if
    from darkstar_pipeline.whatif.documents import replay_document
    from darkstar_pipeline.whatif.replays import replay_what_if

    check_range(first, last)
    names = parse_policies(policies, CONTINUOUS_POLICIES if continuous else POLICIES)
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
    replayed = replay_what_if(case, first, last, names, continuous=continuous)
    note_case(call, case)
    if left_out := replayed.left_out["day"].to_list():
        call.note(phrase("{n} days are left out: {days}", n=len(left_out), days=format_days(left_out)))
    for assumption in replayed.assumptions:
        call.note(assumption)
    document = replay_document(replayed, first, last)

    def draw(out: "Console") -> None:
        draw_case(out, document)
        n_days = len(replayed.days)
        out.print(phrase("{n} days from {first} to {last}", n=n_days, first=str(first), last=str(last)), markup=False)
        for comparison in document["policies"]:
            out.print()
            draw_comparison(out, comparison, document["currency"])

    return Document(document, draw)
