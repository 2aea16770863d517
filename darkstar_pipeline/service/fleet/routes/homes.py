"""Routes of homes: the list, one home, its plan and its command."""

import hashlib
import zlib
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Header, Path, Query, Request, Response

from darkstar_pipeline.config.fleet.columns import SITE
from darkstar_pipeline.service.fleet.command_now import command_now
from darkstar_pipeline.service.fleet.dependencies import FleetState, ReaderDep, StateDep, UnknownHomeError
from darkstar_pipeline.service.fleet.directory import state_of
from darkstar_pipeline.service.fleet.documents import (
    FleetCommandDocument,
    FleetPlanDocument,
    HomeDocument,
    HomesPageDocument,
    HomesQuery,
    ObstacleCode,
    ProblemCode,
    State,
)
from darkstar_pipeline.service.fleet.home_pages import page_by_name, page_by_saving
from darkstar_pipeline.service.http.conditional import not_modified
from darkstar_pipeline.service.http.errors import answers, problem
from planner.wording.messages import phrase

router = APIRouter(tags=["homes"])
SiteName = Annotated[str, Path(max_length=128, examples=["home-0001"], description="Name of the home.")]


@router.get("/sites", responses=answers(), summary="Homes, a page at a time")
def sites(service: StateDep, reader: ReaderDep, query: Annotated[HomesQuery, Query()]) -> HomesPageDocument:
    """The homes that the token opens, by name or by what their plans save.

    Pages by savings keep the order of the first one through later rounds of planning: no home comes twice, and none is
    passed over. An order that nobody asked for in a long time is forgotten; then the list is begun anew.
    """
    wanted = (
        None if query.area is None else pl.col("area") == query.area,
        None if query.tariff is None else pl.col("class") == query.tariff,
        None if query.state is None else pl.col("state") == query.state,
        None if query.like is None else pl.col(SITE).str.contains(query.like, literal=True),
    )
    everyone = service.directory.overview(reader.tenant, service.clock.now())
    matching = everyone.filter(pl.lit(value=True), *(each for each in wanted if each is not None))
    if query.order == "saving":
        page = page_by_saving(
            everyone, matching, rankings=service.rankings, tenant=reader.tenant, cursor=query.cursor, limit=query.limit
        )
    else:
        page = page_by_name(everyone, matching, query.cursor, query.limit)
    homes = [home_document(row) for row in page.rows.iter_rows(named=True)]
    return HomesPageDocument(homes=homes, matching=page.matching, next=page.next)


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
    request: Request,
    if_none_match: Annotated[str | None, Header(description="ETags that the client has, or *.")] = None,
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
    if if_none_match is not None and (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    body = b'%b,"state":"%b","problem":"%b"}' % (zlib.decompress(document)[:-1], state.encode(), reason.encode())
    return Response(body, media_type="application/json", headers={"etag": tag})


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
        raise UnknownHomeError(site)
    return rows.row(places, named=True)


def _why_none(found: object) -> str:
    return phrase("this home has no plan yet") if found is None else phrase("this home could never be planned")
