"""`darkstar fetch readings`: the home's readings from its Home Assistant."""

from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from darkstar_pipeline.commands.imports import import_answer
from darkstar_pipeline.console.arguments import check_range, parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document
from darkstar_pipeline.console.progress import progress_bars


def readings(
    call: Call,
    *,
    first: Annotated[
        date | None,
        typer.Option("--from", parser=parse_day, metavar="DAY", help="First local day; default: where they end."),
    ] = None,
    last: Annotated[
        date | None, typer.Option("--to", parser=parse_day, metavar="DAY", help="Last local day; default: today.")
    ] = None,
) -> Document:
    """Fetch readings from Home Assistant's long-term statistics.

    The first fetch begins at the site's first day, or at --from. One that is stopped goes on where it was.
    """
    from darkstar_pipeline.fetching.readings.home_assistant import fetch_readings, open_socket

    context, now = call.context(), datetime.now(UTC)
    if first is not None:
        check_range(first, last or now.astimezone(ZoneInfo(context.timezone)).date())
    with open_socket(context) as socket, progress_bars(call) as progress:
        fetched = fetch_readings(context, socket, first=first, last=last, now=now, progress=progress)
    report = replace(fetched.report, notes=(*fetched.notes, *fetched.report.notes))
    shown = import_answer(report)
    document = {"from": fetched.first_day, "to": fetched.last_day, **asdict(report)}
    return Document(document, shown.draw)
