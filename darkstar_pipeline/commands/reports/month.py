"""`darkstar report`: a month's bill beside other ways of running the home."""

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.arguments import check_out, parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.output import Document, draw_table
from planner.wording.messages import phrase

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.analyst.month_report import MonthReport

FORMATS = (".html", ".pdf")


def parse_month(text: str) -> date:
    """Return the first day of a month written as 2026-01.

    Raises:
        typer.BadParameter: it is no such month.
    """
    if not re.fullmatch(r"\d{4}-\d{2}", text):
        message = f"{text!r} is not a month (expected 2026-01)"
        raise typer.BadParameter(message)
    return parse_day(f"{text}-01")


def month_report(
    call: Call,
    *,
    month: Annotated[
        date | None,
        typer.Option("--month", parser=parse_month, metavar="MONTH", help="As 2026-01; default: the present one."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Also write it as a page: FILE.html or FILE.pdf.")
    ] = None,
) -> Document:
    """Report a month: its bill beside other ways, its peaks and energy.

    The costs are those of the days that can be compared; the others are named.
    """
    from dataclasses import asdict

    from darkstar_pipeline.analyst.month_report import month_report as report_of
    from darkstar_pipeline.console.relative_days import today
    from darkstar_pipeline.evaluation.actual_costs import ActualCosts

    if out is not None and out.suffix.lower() not in FORMATS:
        raise UsageError(f"--out {out} is neither .html nor .pdf", "name it month.html or month.pdf")
    path = None if out is None else check_out(out)
    context = call.context()
    present = today(context.site_name)
    report = report_of(context, ActualCosts(), present.replace(day=1) if month is None else month, present)
    document: dict[str, Any] = asdict(report)
    document["saved"] = {way: report.saved(way) for way in report.costs}
    if path is not None:
        _write(report, path)
        document["file"] = str(path)
    return Document(document, lambda pen: _draw(pen, report, path))


def _write(report: "MonthReport", path: Path) -> None:
    """Write the report as a page, whole or not at all."""
    from darkstar_pipeline.analyst.pages import report_html, report_pdf
    from darkstar_pipeline.state.atomic_files import atomic_write

    html = path.suffix.lower() == ".html"
    content = report_html(report).encode() if html else report_pdf(report)
    with atomic_write(path, shared=True) as temporary:
        temporary.write_bytes(content)


def _draw(out: "Console", report: "MonthReport", path: Path | None) -> None:
    from darkstar_pipeline.analyst.words import cost_rows, headline, notes

    out.print(headline(report), markup=False)
    out.print()
    headings = {
        "way": phrase("way"),
        "cost": phrase("cost [{currency}]", currency=report.currency),
        "saved": phrase("saved against it"),
    }
    draw_table(out, cost_rows(report), headings)
    out.print()
    for line in notes(report):
        out.print(line, markup=False)
    if path is not None:
        out.print(str(path), markup=False)
