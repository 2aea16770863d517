"""`darkstar whatif export`: ever more sold in the dearest slots, and what that costs over the whole horizon."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from darkstar_pipeline.commands.whatif.plan import AtOption, PlannedDay, SocOption, planned_moment
from darkstar_pipeline.commands.whatif.sizing import numbers
from darkstar_pipeline.commands.whatif.words import draw_case, note_case
from darkstar_pipeline.console.arguments import check_picture
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from planner.wording.messages import figures, phrase

if TYPE_CHECKING:
    from rich.console import Console


def export(  # noqa: PLR0913 - keyword-only, an option each
    call: Call,
    *,
    day: PlannedDay = None,
    at: AtOption = None,
    slots: Annotated[
        int, typer.Option("--slots", metavar="K", min=1, max=96, help="Number of the dearest slots to sell in.")
    ] = 4,
    sell: Annotated[
        str | None, typer.Option("--sell", metavar="KWH,…", help="Energies to sell; default: six steps to full power.")
    ] = None,
    settings: SetOption = None,
    area: AreaOption = None,
    prices: PricesOption = None,
    load_scale: LoadScaleOption = 1.0,
    pv_scale: PvScaleOption = 1.0,
    added: AddLoadOption = None,
    soc: SocOption = None,
    hindsight: Annotated[bool, typer.Option("--hindsight", help="Know the readings of a past day.")] = False,
    no_wear: NoWearOption = False,
    no_margins: NoMarginsOption = False,
    least_export: LeastExportOption = None,
    most_export: MostExportOption = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.png", help="A picture of the scenarios.")] = None,
) -> Document:
    """Sell ever more in the dearest slots, and see what it earns or costs.

    Each scenario is the cheapest schedule of the whole horizon that exports so much in the K slots with the highest
    export price, or as much of it as battery, fuse and stored energy allow. `net` is against the cheapest schedule
    without a target: what the sold energy costs later, its losses and its wear are in it. Nothing is written.
    """
    from darkstar_pipeline.whatif.changed_context import what_if
    from darkstar_pipeline.whatif.documents import export_document
    from darkstar_pipeline.whatif.plans import export_what_if

    picture = None if out is None else check_picture(out)
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
    if case.rows or case.relaxed:
        note_case(call, case)
    moment = planned_moment(case.site, day, at)
    targets = None if sell is None else list(numbers("--sell", sell))
    task, found = export_what_if(case, moment, slots, targets, soc=soc, day=day, hindsight=hindsight)
    document = export_document(case, moment, task, found, hindsight=hindsight)
    if picture is not None:
        from darkstar_pipeline.pictures.canvas import save_png
        from darkstar_pipeline.pictures.export_scenarios import export_figure

        figure = export_figure(found, currency=case.site.site.currency, relaxed=case.relaxed)
        save_png(figure, picture, shared=True)
        document["picture"] = str(picture)
    return Document(document, lambda pen: _draw(pen, document, case.site.timezone))


def _draw(out: "Console", document: dict[str, Any], timezone: str) -> None:
    """Print a row a scenario."""
    draw_case(out, document)
    currency = document["currency"]
    draw_table(
        out,
        document["slots"],
        {
            "slot_start": phrase("sold in"),
            "export_price": phrase("export price [{currency}/kWh]", currency=currency),
        },
        digits=3,
        timezone=timezone,
    )
    out.print()
    rows = [
        {
            **scenario,
            "import": scenario["difference"]["import_kwh"],
            "wear": scenario["difference"]["wear"],
            "left": scenario["difference"]["settlement"],
        }
        for scenario in document["scenarios"]
    ]
    columns = {
        "target_kwh": phrase("target [kWh]"),
        "realised_kwh": phrase("sold [kWh]"),
        "income": phrase("paid for it [{currency}]", currency=currency),
        "import": phrase("more import [kWh]"),
        "wear": phrase("more wear [{currency}]", currency=currency),
        "left": phrase("more left [{currency}]", currency=currency),
        "net": phrase("net [{currency}]", currency=currency),
    }
    draw_table(out, rows, columns)
    base = document["baseline"]
    baseline = phrase(
        "without a target the cheapest plan sells {kwh:.2f} kWh in them and costs {cost:.2f} {currency}; net is "
        "against it, over the whole horizon",
        kwh=document["baseline_kwh"],
        cost=base["cost"],
        currency=currency,
    )
    out.print(baseline, markup=False)
    for row in rows:
        if not row["verified"]:
            out.print(phrase("not verified: {problem}", problem=figures(f"{row['target_kwh']:g} kWh")), markup=False)
    for note in document["notes"]:
        out.print(note, markup=False)
    if "picture" in document:
        out.print(document["picture"], markup=False)
