"""`darkstar init --start`: from a new configuration to a first plan; each step is a command of its own too."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document
from darkstar_pipeline.errors import DarkstarError, ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.context import Context

DAYS = 60
"""Days that are repaired, graded and replayed: those that forecasts and scenarios look at."""


def make_first_plan(call: Call, written: Document, site: str) -> Document:
    """Fetch readings and prices, replay the last days and plan.

    Args:
        call: the call of the command.
        written: the answer of the part before.
        site: name of the new site.
    """
    from darkstar_pipeline.commands.backfill import backfill
    from darkstar_pipeline.commands.fetch.prices import prices
    from darkstar_pipeline.commands.fetch.readings import readings
    from darkstar_pipeline.commands.plan import plan

    mine = replace(call, site=site)
    documents = {"init": written}

    def step(name: str, words: str, work: Callable[[], Document]) -> None:
        call.note(f"{words} …")
        try:
            documents[name] = work()
        except DarkstarError as error:
            call.note(f"{name}: {error.message} ({error.hint})" if error.hint else f"{name}: {error.message}")
            documents[name] = _failed(error)

    step("readings", "fetching readings", lambda: readings(mine))
    first, today = _days(mine.context())
    step("prices", "fetching prices", lambda: prices(mine, first=first))
    yesterday = today - timedelta(days=1)
    if first <= yesterday:
        words = f"repairing, grading and replaying {first} to {yesterday}"
        step("backfill", words, lambda: backfill(mine, first=first, last=yesterday))
    step("plan", "planning", lambda: plan(mine))

    def draw(out: "Console") -> None:
        for document in documents.values():
            document.draw(out)
            out.print()

    code = max((document.exit_code for document in documents.values()), default=ExitCode.DONE)
    return Document({name: document.document for name, document in documents.items()}, draw, code)


def _days(context: "Context") -> tuple[date, date]:
    """Return the first day to replay, and today."""
    from darkstar_pipeline.warehouse.schemas import METER_READINGS

    today = datetime.now(UTC).astimezone(ZoneInfo(context.timezone)).date()
    stored = context.lake.days(METER_READINGS, context.site_name)
    return max(today - timedelta(days=DAYS), min(stored, default=today)), today


def _failed(error: DarkstarError) -> Document:
    """Return what a step that failed leaves in the answer."""
    document = {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
    return Document(document, lambda out: out.print(error.message, markup=False), ExitCode.OUTSIDE)
