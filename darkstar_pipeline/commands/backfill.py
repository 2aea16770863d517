"""`darkstar backfill`: the daily assets of a range of days, through Dagster, in this process."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.commands.answers import Document
from darkstar_pipeline.commands.arguments import FirstDay, LastDay, check_range, days_told
from darkstar_pipeline.commands.console import Call
from darkstar_pipeline.commands.progress import progress_bar

if TYPE_CHECKING:
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
    """Repair, grade and replay a range of days; safe to repeat, safe to interrupt."""
    check_range(first, last)
    return backfill_days(call, call.context(), first, last, select=select)


def backfill_days(
    call: Call, context: "Context", first: date, last: date, *, select: str | None = None
) -> Document:
    """waiting"""
    from darkstar_pipeline.backfill import run_backfill
    raise NotImplementedError
