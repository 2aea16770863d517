"""`darkstar backfill`: materialise the daily assets of a range of days, through Dagster, in this process."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from darkstar_pipeline.console.arguments import FirstDay, LastDay, check_range
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.progress import progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.backfill import BackfillReport
    from darkstar_pipeline.context import Context


def backfill(
    call: Call,
    *,
    first: FirstDay,
    last: LastDay,
    select: Annotated[
        str | None,
        typer.Option("--select", metavar="ASSETS", help="Dagster's asset selection, such as 'spot_prices*'."),
    ] = None,
) -> Document:
    """Repair, grade and replay days; safe to repeat and to interrupt."""
    check_range(first, last)
    return backfill_days(call, call.context(), first, last, select=select)


def backfill_days(call: Call, context: "Context", first: date, last: date, *, select: str | None = None) -> Document:
    """Backfill the days, with a progress bar on a terminal."""
    from darkstar_pipeline.backfill import run_backfill

    with progress_bar(call, "assets") as progress:
        report = run_backfill(context, first, last, select=select, progress=progress)
    left_out = [{"day": day, "reasons": reasons} for day, reasons in report.left_out.items()]
    document = {
        "days": report.days,
        "assets": report.assets,
        "rows": report.rows,
        "left_out": left_out,
        "run_id": report.run_id,
        "seconds": round(report.seconds, 3),
    }
    return Document(document, lambda out: _draw(out, report))


def _draw(out: "Console", report: "BackfillReport") -> None:
    """Print the report."""
    summary = f"{report.days} days, {len(report.assets)} assets, {report.rows} rows in {report.seconds:.1f} s"
    out.print(f"{summary}; run {report.run_id}", markup=False)
    if report.left_out:
        out.print(f"{len(report.left_out)} days are left out:", markup=False)
        rows = [{"day": day, "reasons": reasons} for day, reasons in report.left_out.items()]
        draw_table(out, rows, {"day": "day", "reasons": "reasons"})
