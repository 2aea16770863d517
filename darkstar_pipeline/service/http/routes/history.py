"""History of plans against readings, savings, and what is missing."""

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field

from darkstar_pipeline.config.calendar_days import EARLIEST, LATEST, is_written_day
from darkstar_pipeline.service.engine.missing import missing_document
from darkstar_pipeline.service.engine.plan_vs_actual import history_document
from darkstar_pipeline.service.engine.savings import MOST_DAYS
from darkstar_pipeline.service.http.dependencies import StateDep
from darkstar_pipeline.service.http.errors import RequestError, answers
from darkstar_pipeline.service.schemas.history import HistoryDocument, MissingDocument, SavingsDocument
from env.errors import MissingTariffError
from env.time_grid import days_between
from planner.wording.messages import phrase

router = APIRouter(tags=["past"])
DAYS_SHOWN, MONTHS_SHOWN = 31, 365


def _written(value: object) -> object:
    """Take days as 2026-01-31 alone; a bare number could be anything."""
    if isinstance(value, str) and is_written_day(value):
        return value
    message = "a day is written as 2026-01-31"
    raise ValueError(message)


Day = Annotated[
    date,
    BeforeValidator(_written),
    Field(ge=EARLIEST, le=LATEST),
    Query(description="local day", examples=["2026-01-31"]),
]


@router.get("/history", responses=answers(), summary="Plan against what happened")
def history(service: StateDep, day: Day | None = None) -> HistoryDocument:
    """Return a local day, by default today: the plan of each slot as it stood when the slot began, and the readings."""
    wanted = service.today if day is None else day
    try:
        return history_document(service.context, wanted)
    except MissingTariffError as error:
        raise RequestError(str(error), "ask for a later day") from error


@router.get("/savings", responses=answers(), summary="What was saved")
def savings(
    service: StateDep,
    by: Annotated[Literal["day", "month"], Query(description="how days are added up")] = "day",
    first: Day | None = None,
    last: Day | None = None,
) -> SavingsDocument:
    """Return the actual cost beside idle, self-consumption and the oracle, each from the same stored energy every day.

    By default the last 31 days, or the last year by month; at most 400 days.
    """
    until = service.today - timedelta(days=1) if last is None else last
    if first is not None and first > until:
        raise RequestError(
            phrase("{first} is after {last}", first=str(first), last=str(until)), phrase("swap the two days")
        )
    shown = DAYS_SHOWN if by == "day" else MONTHS_SHOWN
    since = until - timedelta(days=shown - 1) if first is None else first
    since = max(since, until - timedelta(days=MOST_DAYS - 1))
    return service.savings.document(service.context, list(days_between(since, until)), by)


@router.get("/missing", responses=answers(), summary="What better forecasts or another battery would save")
def missing(service: StateDep) -> MissingDocument:
    """Return what the policy `value` missed to perfect hindsight, as the weekly run worked it out; nothing is now."""
    return missing_document(service.context)
