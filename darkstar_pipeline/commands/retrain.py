"""`darkstar retrain`: what the weekly job does, as of a day."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from darkstar_pipeline.console.arguments import parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.progress import progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.learning.retrain import RetrainReport


def retrain(
    call: Call,
    *,
    at: Annotated[
        date | None, typer.Option("--at", parser=parse_day, metavar="DAY", help="As of this day; by default today.")
    ] = None,
) -> Document:
    """Train forecasts and policies on the days before a day, and put the best into use if the evidence carries it.

    The last days are for judging and are not learned from. A champion is replaced by what is cheaper with 95 %
    confidence and breaches nothing; the first version of a site replaces `value` where it beats it on validation days
    and is no dearer on the test days. Repeating a retrain changes nothing; one that was killed goes on.
    """
    from env.time_grid import zone

    context = call.context()
    day = at if at is not None else datetime.now(zone(context.timezone)).date()
    with progress_bar(call, "training") as progress:
        from darkstar_pipeline.learning.retrain import as_document
        from darkstar_pipeline.learning.retrain import retrain as run_retrain
        from darkstar_pipeline.learning.training import TrainingOptions

        report = run_retrain(context, day, TrainingOptions(progress=progress, note=call.note))
    if report.status == "too_little":
        call.note("; ".join(report.warnings))
    return Document(dict(as_document(report)), lambda out: _draw(out, report))


def _draw(out: "Console", report: "RetrainReport") -> None:
    """The report as lines."""
    out.print(f"site {report.site} as of {report.at}: {report.status}; {report.champion} decides", markup=False)
    for warning in report.warnings:
        out.print(f"  warning: {warning}", markup=False)
    for name, (first, last, n_days) in report.windows.items():
        out.print(f"  {name:11} {first} to {last}, {n_days} days", markup=False)
    rows = [{"kind": kind, **step.model_dump()} for kind, step in report.trained.items()]
    if rows:
        columns = {
            "kind": "policy",
            "version": "version",
            "beliefs": "beliefs",
            "saved_on_validation": "saved against value",
        }
        draw_table(out, rows, columns)
    for reason in report.evidence.get("reasons", ()):
        out.print(f"  {reason}", markup=False)
    for row in report.drift:
        if row["drifted"]:
            out.print(f"  drift: {row['figure']} {row['learned_mean']:.3f} -> {row['recent_mean']:.3f}", markup=False)
