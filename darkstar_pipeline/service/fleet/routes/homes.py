"""Routes of homes: the list, one home, its plan and its command."""

import base64
import binascii
import hashlib
import zlib
from http import HTTPStatus
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Header, Path, Query, Response
from starlette.exceptions import HTTPException

from darkstar_pipeline.config.fleet.columns import SITE
from darkstar_pipeline.service.fleet.command_now import command_now
from darkstar_pipeline.service.fleet.dependencies import FleetState, ReaderDep, StateDep
from darkstar_pipeline.service.fleet.directory import state_of
from darkstar_pipeline.service.fleet.documents import (
    FleetCommandDocument,
    FleetPlanDocument,
    HomeDocument,
    HomesPageDocument,
    ObstacleCode,
    ProblemCode,
    State,
)
from darkstar_pipeline.service.http.errors import RequestError, answers, problem
from planner.wording.messages import phrase

router = APIRouter(tags=["homes"])
MOST_HOMES = 500
SiteName = Annotated[str, Path(max_length=128, examples=["home-0001"], description="Name of the home.")]


@router.get("/sites", responses=answers(), summary="Homes, a page at a time")
def sites(  # noqa: PLR0913 - what the query may hold
    service: StateDep,
    reader: ReaderDep,
    *,
    area: Annotated[str | None, Query(max_length=64, description="Homes in this price area.")] = None,
    tariff: Annotated[str | None, Query(max_length=64, description="Homes of this tariff class.")] = None,
    state: Annotated[State | None, Query(description="Homes whose plan is so.")] = None,
    like: Annotated[str | None, Query(max_length=128, description="Homes whose name has this in it.")] = None,
    order: Annotated[Literal["site", "saving"], Query(description="saving: those that save least first.")] = "site",
    cursor: Annotated[str | None, Query(max_length=400, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_HOMES, description="Most homes of a page.")] = 50,
) -> HomesPageDocument:
    """The homes that the token opens, by name or by what their plans save."""
    wanted = (
        None if area is None else pl.col("area") == area,
        None if tariff is None else pl.col("class") == tariff,
        None if state is None else pl.col("state") == state,
        None if like is None else pl.col(SITE).str.contains(like, literal=True),
    )
    everyone = service.directory.overview(reader.tenant, service.clock.now())
    matching = everyone.filter(pl.lit(value=True), *(each for each in wanted if each is not None))
    if order == "saving":
        matching = matching.filter(pl.col("saving").is_not_null()).sort("currency", "saving", SITE)
    first = 0 if cursor is None else _behind(cursor, everyone, matching, by_name=order == "site")
    page = matching.slice(first, limit)
    more = first + page.height < matching.height
    return HomesPageDocument(
        homes=[home_document(row) for row in page.iter_rows(named=True)],
        matching=matching.height,
        next=_cursor(page[SITE][-1]) if more else None,
    )


@router.get("/sites/{site}", responses=answers(404), summary="A home")
def site(site: SiteName, service: StateDep, reader: ReaderDep) -> HomeDocument:
    """A home and the state of its plan."""
    return home_document(_row(service, reader, site))


@router.get(
    "/sites/{site}/plan",
    response_model=FleetPlanDocument,
    responses={**answers(404), 304: {"description": "The plan is the one that `If-None-Match` names."}},
    summary="The plan of a home",
)
async def plan(
    site: SiteName,
    service: StateDep,
    reader: ReaderDep,
    if_none_match: Annotated[str | None, Header(max_length=400)] = None,
) -> Response:
    """From the slot in which it was made to the last published price: commands, flows and costs.

    A plan that is old says so (`state`). With `If-None-Match` an unchanged plan is not sent again.
    """
    service.check_home(reader, site)
    found = service.shelf.find(site)
    document: bytes | None = None if found is None else found[0].rows["plan"][found[1]]
    if found is None or document is None:
        return problem(404, "no_plan", _why_none(found), phrase("GET /sites/{site} says what it needs", site=site))
    state = state_of(found[0].rows, found[1], service.clock.now())
    reason: str = found[0].rows["problem"][found[1]]
    tag = f'"{hashlib.blake2b(document + state.encode() + reason.encode(), digest_size=12).hexdigest()}"'
    headers = {"etag": tag}
    if if_none_match is not None and tag in {each.strip().removeprefix("W/") for each in if_none_match.split(",")}:
        return Response(status_code=304, headers=headers)
    body = b'%b,"state":"%b","problem":"%b"}' % (zlib.decompress(document)[:-1], state.encode(), reason.encode())
    return Response(body, media_type="application/json", headers=headers)


@router.get("/sites/{site}/command", responses=answers(404), summary="The command of a home now")
async def command(site: SiteName, service: StateDep, reader: ReaderDep) -> FleetCommandDocument:
    """The command of the current slot. After `expires_at` it is void, and the inverter's own default holds."""
    service.check_home(reader, site)
    found, now = service.shelf.find(site), service.clock.now()
    state: State = "no_plan" if found is None else state_of(found[0].rows, found[1], now)
    return command_now(site, service.directory.discharge_kw(site), found, state, now)


def home_document(row: dict[str, Any]) -> HomeDocument:
    """Return the document of a home's row."""
    names = set(HomeDocument.model_fields) - {"tariff", "why", "source_why"}
    values = {name: row[name] for name in names}
    return HomeDocument(
        **values,
        tariff=row["class"],
        why=_why(row["problem"], row["details"]),
        source_why=_source_why(row["obstacle"], row["obstacle_details"]),
    )


def _why(problem: ProblemCode, details: str) -> str:
    """Return in words why there is no newer plan; empty where there is none to be had."""
    return {
        "": "",
        "settings": phrase("its settings are wrong: {details}", details=details),
        "no_price": phrase("no price is published for this moment"),
        "no_readings": phrase("nothing was read of the last days"),
        "failed": phrase("planning failed: {details}", details=details),
    }[problem]


def _source_why(obstacle: ObstacleCode, details: str) -> str:
    """Return in words why the version in use did not plan; empty where it did, or there is none."""
    return {
        "": "",
        "unreadable": phrase("the version in use cannot be opened: {details}", details=details),
        "aurora": phrase("the version in use needs Aurora's scenarios, which a fleet's plan leaves out"),
        "demand_charge": phrase("learned policies do not see the demand charge, which value plans with"),
        "failed": phrase("the version in use failed: {details}", details=details),
        "refused": phrase("the plan of the version in use was refused, or costs more than no plan"),
        "careless": phrase("its plan leaves more of the battery's reserve and care undone than value does"),
    }[obstacle]


def _row(service: FleetState, reader: ReaderDep, site: str) -> dict[str, Any]:
    service.check_home(reader, site)
    rows = service.directory.overview(reader.tenant, service.clock.now())
    places = rows[SITE].index_of(site)
    if places is None:  # its row was changed, and the next refresh shows it
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return rows.row(places, named=True)


def _why_none(found: object) -> str:
    return phrase("this home has no plan yet") if found is None else phrase("this home could never be planned")


def _cursor(site: str) -> str:
    return base64.urlsafe_b64encode(site.encode()).decode()


def _behind(cursor: str, everyone: pl.DataFrame, matching: pl.DataFrame, *, by_name: bool) -> int:
    """Return where the page behind a cursor begins; a home that the reader does not see is none, like any other text.

    By name it is so too where the home no longer matches: its plan may have grown old since the page before.

    Raises:
        RequestError: it is no cursor of these homes.
    """
    try:
        last = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, ValueError):
        last = ""
    place = matching[SITE].index_of(last)
    if place is None and by_name and everyone[SITE].index_of(last) is not None:
        return int(matching[SITE].search_sorted(last))
    if place is None:
        raise RequestError(
            phrase("the cursor is not one of these homes"), phrase("leave it out to begin with the first page")
        )
    return place + 1
