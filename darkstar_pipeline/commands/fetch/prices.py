"""`darkstar fetch prices`: spot prices from the site's sources."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from darkstar_pipeline.console.arguments import check_range, format_days, parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.progress import progress_bar
from darkstar_pipeline.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.fetching.prices.fetch import PriceFetchReport

FirstDay = Annotated[
    date | None, typer.Option("--from", parser=parse_day, metavar="DAY", help="First local day; default: today.")
]
LastDay = Annotated[
    date | None, typer.Option("--to", parser=parse_day, metavar="DAY", help="Last local day; default: tomorrow.")
]
_HEADINGS = {"source": "source", "days": "days", "slots": "slots", "new": "new", "changed": "corrected"}


def prices(
    call: Call,
    *,
    first: FirstDay = None,
    last: LastDay = None,
    again: Annotated[bool, typer.Option("--again", help="Ask for known days too, for corrections.")] = False,
) -> Document:
    """Fetch spot prices of today and tomorrow, or of past days.

    Sources are asked in the order of `sources.prices.order`, by default those of the area that need no key. Only days
    that are missing are asked for, so a backfill that was stopped goes on where it was.
    """
    from darkstar_pipeline.fetching.prices.fetch import fetch_prices
    from darkstar_pipeline.fetching.prices.session import price_sources

    if first is not None and last is not None:
        check_range(first, last)
    context, now = call.context(), datetime.now(UTC)
    today = now.astimezone(ZoneInfo(context.timezone)).date()
    tomorrow = today + timedelta(days=1)
    start, end = first or min(today, last or today), last or tomorrow
    with price_sources(context) as sources, progress_bar(call, "days of prices") as progress:
        report = fetch_prices(context, start, end, sources=sources, now=now, again=again, progress=progress)
    for note in report.notes:
        call.note(note)
    if max(start, end) > tomorrow:
        call.note("days after tomorrow are not asked for: no market has published their prices")
    document = {"site": context.site_name, "from": start, "to": end, "wanted": report.wanted, "days": report.days}
    document |= {
        "given": [asdict(given) for given in report.given],
        "missing": {str(day): reason for day, reason in report.missing.items()},
        "failures": report.failures,
        "notes": report.notes,
    }
    return Document(document, lambda out: _draw(out, report, ahead=start > tomorrow), _exit_code(report, today))


def _exit_code(report: "PriceFetchReport", today: date) -> ExitCode:
    """Return the exit code: a failure where a day that has begun is missing; tomorrow may be late."""
    return ExitCode.OUTSIDE if any(day <= today for day in report.missing) else ExitCode.DONE


def _draw(out: "Console", report: "PriceFetchReport", *, ahead: bool) -> None:
    """Print what came, by source, and what is missing."""
    if not report.wanted and not ahead:
        out.print("every price of these days is known", markup=False)
    if report.given:
        draw_table(out, _by_source(report), _HEADINGS)
    for source, reason in report.failures.items():
        out.print(f"{source} gave nothing: {reason}" if source not in reason else reason, markup=False)
    if report.missing:
        out.print(f"missing: {format_days(list(report.missing))}; asked again by the next fetch", markup=False)


def _by_source(report: "PriceFetchReport") -> list[dict[str, Any]]:
    """Return a row a source."""
    rows: dict[str, dict[str, Any]] = {}
    for given in report.given:
        row = rows.setdefault(given.source, {"source": given.source, "days": 0, "slots": 0, "new": 0, "changed": 0})
        counts = {"days": len(given.days), "slots": given.slots, "new": given.new, "changed": given.changed}
        for name, count in counts.items():
            row[name] += count
    return list(rows.values())
