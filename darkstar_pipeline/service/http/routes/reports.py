"""Routes of the analyst: a month's report, as values, page or PDF, and the month's peaks."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from darkstar_pipeline.analyst.month_report import MonthReport, month_report
from darkstar_pipeline.analyst.peaks import MonthPeaks, month_peaks
from darkstar_pipeline.config.calendar_days import EARLIEST, LATEST
from darkstar_pipeline.service.http.dependencies import ServiceState, StateDep
from darkstar_pipeline.service.http.errors import RequestError, answers
from env.errors import MissingTariffError
from planner.wording.messages import phrase

router = APIRouter(tags=["past"])
Month = Annotated[
    str | None, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="local month", examples=["2026-01"])
]


@router.get("/report", responses=answers(), summary="The report of a month")
def report(service: StateDep, month: Month = None) -> MonthReport:
    """Return a month's costs beside other ways of running the home, its energy, peaks, forecasts and data.

    By default the present month; up to yesterday.
    """
    return _report(service, month)


@router.get("/report/page", responses=answers(), summary="The same as a page", response_class=HTMLResponse)
def page(service: StateDep, month: Month = None) -> HTMLResponse:
    """Return the report as an HTML page that needs no other file."""
    from darkstar_pipeline.analyst.pages import report_html

    return HTMLResponse(report_html(_report(service, month)))


@router.get("/report/pdf", responses=answers(), summary="The same as PDF", response_class=Response)
def pdf(service: StateDep, month: Month = None) -> Response:
    """Return the report as a PDF of A4 pages."""
    from darkstar_pipeline.analyst.pages import report_pdf

    found = _report(service, month)
    name = f"{found.first_day:%Y-%m}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(report_pdf(found), media_type="application/pdf", headers=headers)


@router.get("/peaks", responses=answers(), summary="The month's peaks and what a new one would cost")
def peaks(service: StateDep, month: Month = None) -> MonthPeaks:
    """Return the demand charge of a month so far, by default the present one; no component where none is charged."""
    first = _first_day(service, month)
    try:
        return month_peaks(service.context, first)
    except MissingTariffError as error:
        raise RequestError(str(error), "ask for a later month") from error


def _report(service: ServiceState, month: str | None) -> MonthReport:
    first = _first_day(service, month)
    try:
        return month_report(service.context, service.savings.costs, first, service.today)
    except MissingTariffError as error:
        raise RequestError(str(error), "ask for a later month") from error


def _first_day(service: ServiceState, month: str | None) -> date:
    """Return the first day of a month, by default of the present one."""
    if month is None:
        return service.today.replace(day=1)
    first = date.fromisoformat(f"{month}-01") if month[:4] > "0000" else date.min
    if not EARLIEST <= first <= LATEST:
        span = {"first": f"{EARLIEST:%Y-%m}", "last": f"{LATEST:%Y-%m}"}
        message = phrase("{month} is outside {first} to {last}", month=month, **span)
        raise RequestError(message, phrase("ask for another month"))
    return first
