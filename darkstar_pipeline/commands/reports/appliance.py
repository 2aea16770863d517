"""`darkstar appliance`: the best start for an appliance, in money."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.load_requests import parse_instant
from darkstar_pipeline.console.output import Document, draw_table

if TYPE_CHECKING:
    from rich.console import Console

    from planner.whatif.run_starts import RunStart

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
    from darkstar_pipeline.planning.plan_inputs import inputs_at
    from planner.whatif.run_starts import run_starts

    context = call.context()
    moment = parse_instant("--at", at, context.timezone)
    until = None if by is None else parse_instant("--by", by, context.timezone)
    inputs = inputs_at(context, moment)
    starts = run_starts(inputs.task, power_kw, run_hours, until)
    document = appliance_document(context.site_name, context.site.currency, inputs.at, starts)
    return Document(document, lambda out: _draw(out, document, context.timezone))


def appliance_document(site: str, currency: str, at: datetime, starts: "list[RunStart]") -> dict[str, Any]:
    """Return starts by their JSON keys: `best` and `now` (None where a fuse allows none), and all in order of time."""
    rows: list[dict[str, Any]] = [{"start": each.start, "end": each.end, "price": each.price} for each in starts]
    priced = [row for row in rows if row["price"] is not None]
    return {
        "site": site,
        "currency": currency,
        "at": at,
        "now": rows[0] if rows[0]["price"] is not None else None,
        "best": min(priced, key=lambda row: row["price"], default=None),
        "starts": rows,
    }


def _draw(out: "Console", document: dict[str, Any], timezone: str) -> None:
    """Print the best start, what it saves, and a row for each whole hour."""
    from darkstar_pipeline.console.output import cell

    best, now, currency = document["best"], document["now"], document["currency"]
    if best is None:
        out.print("No start is possible: the fuse and what the battery can add do not allow this power.")
        return
    less = 0.0 if now is None else now["price"] - best["price"]
    saved = "" if less < LEAST_SHOWN else f", {less:.2f} {currency} less than now"
    out.print(f"Best start {cell(best['start'], 2, timezone)}: {best['price']:.2f} {currency}{saved}.", markup=False)
    out.print()
    rows: list[dict[str, Any]] = document["starts"]
    hourly = [row for row in rows if row["start"].minute == 0 or row["start"] == best["start"]]
    headings = {"start": "start", "end": "end", "price": f"price [{currency}]"}
    draw_table(out, hourly, headings, timezone=timezone)
