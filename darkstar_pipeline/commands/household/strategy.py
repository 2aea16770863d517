"""`darkstar strategy`: what each adjustment of the strategy engine would have earned or lost."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.arguments import FirstDay, LastDay, check_range
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.progress import progress_bar
from planner.wording.messages import phrase

if TYPE_CHECKING:
    from rich.console import Console


def strategy(
    call: Call,
    *,
    first: FirstDay,
    last: LastDay,
    vacation: Annotated[bool, typer.Option("--vacation", help="As if nobody were at home on these days.")] = False,
    alarm: Annotated[bool, typer.Option("--alarm", help="As if a warning held on these days.")] = False,
) -> Document:
    """Replay `value` with each adjustment of the strategy engine, and see which earned and which lost.

    Stored energy is carried through the days, and every adjustment is made alone, whatever the settings allow; `on` is
    those that they do (`household.strategy.adjustments`). Vacation and warnings are those of imported
    forecasts. Nothing is stored.
    """
    from darkstar_pipeline.evaluation.strategy_effects import strategy_document

    check_range(first, last)
    context = call.context()
    with progress_bar(call, "replays") as progress:
        document = strategy_document(context, first, last, progress, vacation=vacation, alarm=alarm)
    return Document(document, lambda out: _draw(out, document))


def _draw(out: "Console", document: dict[str, Any]) -> None:
    """Print a row an adjustment."""
    currency = document["currency"]
    headings = {
        "name": phrase("adjustment"),
        "saved": phrase("saved [{currency}]", currency=currency),
        "interval": "95 %",
        "verdict": phrase("verdict"),
        "on": phrase("adjustment|on"),
    }
    rows = [
        {
            **{name: row[name] for name in ("name", "saved", "verdict")},
            "interval": phrase("{low:+.2f} to {high:+.2f}", low=row["low"], high=row["high"]),
            "on": phrase("yes") if row["on"] else phrase("no"),
        }
        for row in document["adjustments"]
    ]
    draw_table(out, rows, headings)
    basis = phrase("{n} days, stored energy carried through; against value without adjustments", n=document["days"])
    out.print(basis, markup=False)
