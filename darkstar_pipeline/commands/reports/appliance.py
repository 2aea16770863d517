"""`darkstar appliance`: the best start for an appliance, in money."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.load_requests import parse_instant
from darkstar_pipeline.console.output import Document, draw_table
from planner.wording.messages import figures, phrase

if TYPE_CHECKING:
    from rich.console import Console

LEAST_SHOWN = 0.005
"""A smaller saving is none [money]."""


def appliance(
    call: Call,
    *,
    power_kw: Annotated[
        float, typer.Option("--kw", metavar="KW", min=0.01, max=1000, help="Power while it runs.", show_default=False)
    ],
    run_hours: Annotated[
        float, typer.Option("--hours", metavar="H", min=0.02, max=24, help="Duration of the run.", show_default=False)
    ],
    by: Annotated[
        str | None, typer.Option("--by", metavar="TIME", help="Done by then; default: the last known price.")
    ] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="As if it were then; default: now.")] = None,
) -> Document:
    """Show when to start an appliance, and what the run costs then.

    The price of a start is what the run adds to the cost of the plan, with the battery planned around it.
    """
    from darkstar_pipeline.analyst.appliance import appliance_document

    context = call.context()
    moment = parse_instant("--at", at, context.timezone)
    until = None if by is None else parse_instant("--by", by, context.timezone)
    document = appliance_document(context, moment, power_kw=power_kw, run_hours=run_hours, until=until)
    return Document(document, lambda out: _draw(out, document, context.timezone))


def _draw(out: "Console", document: dict[str, Any], timezone: str) -> None:
    """Print the best start, what it saves, and a row for each whole hour."""
    from darkstar_pipeline.console.output import cell

    best, now, currency = document["best"], document["now"], document["currency"]
    if best is None:
        out.print(phrase("No start is possible: the fuse and what the battery can add do not allow this power."))
        return
    less = 0.0 if now is None else now["price"] - best["price"]
    said = {
        "time": cell(best["start"], 2, timezone),
        "price": figures(f"{best['price']:.2f} {currency}"),
        "less": figures(f"{less:.2f} {currency}"),
    }
    if less < LEAST_SHOWN:
        out.print(phrase("Best start {time}: {price}.", **said), markup=False)
    else:
        out.print(phrase("Best start {time}: {price}, {less} less than now.", **said), markup=False)
    out.print()
    rows: list[dict[str, Any]] = document["starts"]
    hourly = [row for row in rows if row["start"].minute == 0 or row["start"] == best["start"]]
    headings = {
        "start": phrase("start"),
        "end": phrase("end"),
        "price": phrase("price [{currency}]", currency=currency),
    }
    draw_table(out, hourly, headings, timezone=timezone)
