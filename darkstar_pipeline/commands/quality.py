"""`darkstar quality`: the grade of each day, with its reasons."""

from typing import TYPE_CHECKING, Any

from darkstar_pipeline.console.arguments import FirstDay, LastDay, check_range, format_days
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from rich.console import Console

_HEADINGS = {
    "day": "day",
    "status": "status",
    "reasons": "reasons",
    "missing_slots": "missing slots",
    "repaired_slots": "repaired prices",
    "price_issues": "price issues",
}


def quality(call: Call, *, first: FirstDay, last: LastDay) -> Document:
    """Show each day's grade, its reasons and its repaired prices."""
    from darkstar_pipeline.datasets.day_grades import graded_days

    check_range(first, last)
    context = call.context()
    grades = graded_days(context.lake, context.site_name, first, last)
    rows = grades.days.to_dicts()
    document = {"days": rows, "missing": grades.missing}
    return Document(document, lambda out: _draw(out, rows, grades.missing))


def _draw(out: "Console", rows: list[dict[str, Any]], missing: "Sequence[date]") -> None:
    draw_table(out, rows, _HEADINGS)
    counts = {status: sum(row["status"] == status for row in rows) for status in ("clean", "mask_battery", "exclude")}
    graded = ", ".join(f"{count} {status}" for status, count in counts.items())
    out.print(f"{len(rows)} days: {graded}")
    if missing:
        out.print(f"{len(missing)} days are not materialised: {format_days(missing)}")
