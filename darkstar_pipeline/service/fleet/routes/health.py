"""Health, readiness and metrics of the fleet's service."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from prometheus_client import generate_latest
from pydantic import Field

from darkstar_pipeline.service.fleet.admission import READER, Reader
from darkstar_pipeline.service.fleet.dependencies import ReaderDep, StateDep
from darkstar_pipeline.service.http.errors import answers, problem
from darkstar_pipeline.service.schemas.base import Document
from darkstar_pipeline.service.schemas.health import Component, ReadyDocument

router = APIRouter(tags=["health"])
_CONTENT = {"text/plain": {"schema": {"type": "string"}}}


class FleetHealth(Document):
    """The health of the service; its parts are shown to the operator alone."""

    status: Annotated[str, Field(examples=["ok"], description="ok or degraded.")]
    components: list[Component] = Field(default_factory=list[Component])


@router.get("/health", responses=answers(), summary="Health")
async def health(request: Request, service: StateDep) -> FleetHealth:
    """Answer everybody; list the parts to the operator."""
    parts = service.components()
    reader: Reader | None = getattr(request.state, READER, None)
    well = all(part.ok for part in parts)
    shown = parts if reader is not None and reader.tenant is None else []
    return FleetHealth(status="ok" if well else "degraded", components=shown)


@router.get(
    "/ready",
    responses={**answers(), 503: {"model": ReadyDocument, "description": "Not yet."}},
    summary="Readiness",
)
async def ready(service: StateDep, response: Response) -> ReadyDocument:
    """Return whether plans were read: some, or none because there are no homes."""
    there = service.shelf.newest() is not None or not len(service.directory.homes)
    response.status_code = 200 if there else 503
    return ReadyDocument(ready=there)


@router.get(
    "/metrics",
    response_class=Response,
    responses={**answers(), 200: {"content": _CONTENT, "description": "Prometheus' text form."}},
    summary="Metrics for Prometheus",
)
async def metrics(service: StateDep, reader: ReaderDep) -> Response:
    """Return requests, homes by the state of their plans, and the age of the newest plan; to the operator alone."""
    if reader.tenant is not None:
        return problem(403, "forbidden", "metrics are the operator's", "use a token made with --operator")
    service.metrics.measure(service.directory, service.shelf, service.clock.now())
    return Response(generate_latest(service.metrics.registry), media_type="text/plain; version=0.0.4")
