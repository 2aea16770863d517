"""`darkstar fetch weather`: ask for forecasts now, or for the weather of past days."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from darkstar_pipeline.console.arguments import check_range, parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.progress import progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.ingest.report import ImportReport

FirstPast = Annotated[
    date | None,
    typer.Option("--from", parser=parse_day, metavar="DAY", help="First past local day (inclusive); none: forecasts."),
]
LastPast = Annotated[
    date | None, typer.Option("--to", parser=parse_day, metavar="DAY", help="Last past day; default: yesterday.")
]
_HEADINGS = {
    "source": "source",
    "slots_new": "new slots",
    "slots_changed": "changed",
    "first_slot": "from",
    "last_slot": "to",
}


def weather(call: Call, *, first: FirstPast = None, last: LastPast = None) -> Document:
    """Fetch forecasts of weather and of the panels; with --from, the weather of past days.

    Forecasts come from the sources in `sources.weather`, in that order, and are kept with the moment they were known.
    Past days come from Open-Meteo: as they were, and from February 2024 on also as they had been forecast one, two and
    three days before, which is what Aurora is trained on. A backfill that was stopped goes on where it was.
    """
    if first is None and last is not None:
        raise UsageError("--to needs --from", "name the first day too")
    return _forecasts(call) if first is None else _past(call, first, last)


def _forecasts(call: Call) -> Document:
    """Fetch forecasts as they are now.

    Raises:
        FetchError: no source gave the weather.
    """
    from darkstar_pipeline.fetching.weather.forecasts import fetch_forecasts

    fetched = fetch_forecasts(call.context())
    notes = [*fetched.notes, *(f"{error.message}; {error.hint}" for error in fetched.failures)]
    if not fetched.reports and fetched.failures:
        raise fetched.failures[-1]
    return _answer(fetched.reports, notes)


def _past(call: Call, first: date, last: date | None) -> Document:
    """Fetch the weather of past days.

    Raises:
        FetchError: the source gives nothing that can be used.
    """
    from darkstar_pipeline.fetching.weather.past_days import fetch_past_weather

    context = call.context()
    yesterday = datetime.now(UTC).astimezone(ZoneInfo(context.timezone)).date() - timedelta(days=1)
    check_range(first, yesterday if last is None else last)
    with progress_bar(call, "days of weather") as progress:
        fetched = fetch_past_weather(context, first, yesterday if last is None else last, progress=progress)
    had = [f"{fetched.had} days were there already"] if fetched.had else []
    return _answer(fetched.reports, [*had, *fetched.notes])


def _answer(reports: Sequence["ImportReport"], notes: Sequence[str]) -> Document:
    """Return what was fetched as the answer."""
    rows = [
        {
            "source": report.files[0],
            **{name: getattr(report, name) for name in ("slots_new", "slots_changed", "first_slot", "last_slot")},
        }
        for report in reports
    ]
    document: dict[str, Any] = {"fetched": rows, "notes": list(notes)}

    def draw(out: "Console") -> None:
        if rows:
            draw_table(out, rows, _HEADINGS)
        else:
            out.print("nothing was fetched", markup=False)
        for note in notes:
            out.print(note, markup=False)

    return Document(document, draw)
