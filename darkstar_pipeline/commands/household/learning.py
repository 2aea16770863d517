"""`darkstar learning` and `darkstar reset learning`: what drifts is learned slowly, shown with history, and reset."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.arguments import check_picture, parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.progress import progress_bar
from darkstar_pipeline.console.prompts import confirm
from darkstar_pipeline.console.relative_days import today_in
from planner.wording.messages import phrase, translated

if TYPE_CHECKING:
    from rich.console import Console


PURPOSE = "Show what is learned of the home, slowly and within bounds, and its history."
RESET_PURPOSE = "Take back what was learned."
DIGITS = 3
FirstLearned = Annotated[
    date | None, typer.Option("--from", parser=parse_day, metavar="DAY", help="First local day; default: --to.")
]
LastLearned = Annotated[
    date | None, typer.Option("--to", parser=parse_day, metavar="DAY", help="Last local day; default: today.")
]
Days = Annotated[int, typer.Option("--days", metavar="N", min=1, max=3660, help="Days of the history that are shown.")]


def show(call: Call) -> Document:
    """Show each quantity that is learned: its value, the configured one, its range, and what readings show.

    A quantity moves towards what readings show by a small step a day, never out of its range. It is used where
    `used` says so; the others are shown, for a person to take over into darkstar.yaml.
    """
    from darkstar_pipeline.learning.tuning.documents import learning_document

    context = call.context()
    document = learning_document(context, today_in(context.timezone))
    return Document(document, lambda out: _draw_quantities(out, document))


def history(
    call: Call,
    *,
    days: Days = 30,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.png", help="Draw the values over the days.")
    ] = None,
) -> Document:
    """Show each change with its cause, old and new value, up to the last day that has one."""
    from darkstar_pipeline.learning.tuning.documents import learning_document

    target = None if out is None else check_picture(out)
    context = call.context()
    document = learning_document(context, today_in(context.timezone), days=days)
    if target is not None:
        _draw_picture(document["history"], target)
        document["picture"] = str(target)
    return Document(document, lambda pen: _draw_history(pen, document["history"]))


def _draw_picture(steps: Sequence[dict[str, Any]], target: Path) -> None:
    """Draw the history.

    Raises:
        DataMissingError: there is none.
    """
    import polars as pl

    from darkstar_pipeline.errors import DataMissingError
    from darkstar_pipeline.pictures.canvas import save_png
    from darkstar_pipeline.pictures.drifts import drift_figure

    if not steps:
        raise DataMissingError("nothing was learned yet", "run `darkstar learning run`")
    save_png(drift_figure(pl.DataFrame(steps)), target, shared=True)


def run(call: Call, *, first: FirstLearned = None, last: LastLearned = None) -> Document:
    """Take the step of today, or of each day of a range; a day that was learned, or reset, is not learned again.

    The service and the schedule `daily_learning` take today's by themselves. A day before the last one that was
    learned is not learned any more.
    """
    from darkstar_pipeline.console.arguments import check_range
    from darkstar_pipeline.learning.tuning.daily import learn_day
    from darkstar_pipeline.learning.tuning.documents import learning_document
    from env.time_grid import days_between

    context = call.context()
    today = today_in(context.timezone)
    begin, end = first or last or today, last or today
    check_range(begin, end)
    if end > today:
        raise UsageError(f"--to {end} is still to come", f"leave it out, or give {today} at most")
    days = list(days_between(begin, end))
    with progress_bar(call, "learning") as progress:
        added = 0
        for done, day in enumerate(days, start=1):
            added += learn_day(context, day, today).height
            if progress is not None:
                progress(done, len(days))
    if not added:
        call.note("nothing is new: these days were learned, or reset, already")
    document = learning_document(context, today, days=len(days))
    return Document(document, lambda out: _draw_quantities(out, document))


def reset(
    call: Call,
    *,
    today: Annotated[bool, typer.Option("--today", help="Take back the changes of today alone.")] = False,
    to: Annotated[
        date | None,
        typer.Option("--to", parser=parse_day, metavar="DAY", help="Return to the values at the end of this day."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> Document:
    """Return what was learned to the configured values, or to those of an earlier day.

    Readings stay, and so does the history: the reset is added to it, with what it took back. Learning goes on tomorrow.
    """
    from darkstar_pipeline.learning.tuning.documents import reset_document
    from darkstar_pipeline.learning.tuning.resets import reset_learning

    if today and to is not None:
        raise UsageError("--today and --to name two days", "give one of them")
    context, now = call.context(), datetime.now(UTC)
    day = today_in(context.timezone) - timedelta(days=1) if today else to
    if day is not None and day >= today_in(context.timezone):
        raise UsageError(f"--to {day} is not before today", "name an earlier day, or leave it out")
    where = phrase("the configured values") if day is None else phrase("the values of {day}", day=str(day))
    question = phrase("Return what was learned of {site} to {where}?", site=context.site_name, where=where)
    if not yes and not _agreed(call, translated(question)):
        raise typer.Abort
    document = reset_document(context, reset_learning(context, now, day))
    return Document(document, lambda out: _draw_reset(out, document, where))


def _agreed(call: Call, question: str) -> bool:
    """Ask a person.

    Raises:
        UsageError: there is none to ask.
    """
    if not call.can_prompt:
        raise UsageError("a reset asks first, and nobody is at a terminal", "add --yes")
    return confirm(question, default=False)


def _draw_quantities(out: "Console", document: dict[str, Any]) -> None:
    rows = [
        {
            **row,
            "name": f"{row['name']} [{row['unit']}]" if row["unit"] else row["name"],
            "range": phrase("{least:.2f} to {most:.2f}", least=row["least"], most=row["most"]),
            "used": phrase("yes") if row["used"] else phrase("no"),
        }
        for row in document["quantities"]
    ]
    headings = {
        "name": phrase("quantity"),
        "value": phrase("value"),
        "configured": phrase("learned|set"),
        "shown": phrase("readings"),
        "range": phrase("range"),
        "used": phrase("used"),
    }
    draw_table(out, rows, headings, digits=DIGITS)
    wanted = {row["used_by"] for row in document["quantities"] if row["used_by"] is not None and not row["used"]}
    if wanted:
        names = ", ".join(sorted(wanted))
        out.print(
            f"not used in plans: {names} in household.strategy.adjustments would (docs/learning.md)", markup=False
        )


def _draw_history(out: "Console", rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        out.print(phrase("nothing was learned yet: darkstar learning run"), markup=False)
        return
    changed = [row for row in rows if row["old_value"] != row["new_value"]]
    headings = {
        "local_day": phrase("day"),
        "quantity": phrase("quantity"),
        "action": phrase("learned|action"),
        "old_value": phrase("value|from"),
        "new_value": phrase("value|to"),
        "cause": phrase("cause"),
    }
    if changed:
        draw_table(out, changed, headings, digits=DIGITS)
    out.print(phrase("{n} steps changed nothing (--json has them)", n=len(rows) - len(changed)), markup=False)


def _draw_reset(out: "Console", document: dict[str, Any], where: str) -> None:
    changed = document["changed"]
    if not changed:
        out.print(phrase("nothing to take back: these are {where} already", where=where), markup=False)
        return
    draw_table(
        out,
        changed,
        {"name": phrase("quantity"), "old_value": phrase("value|was"), "new_value": phrase("value|is")},
        digits=DIGITS,
    )
