"""Health, readiness and metrics of the service."""

from fastapi import APIRouter, Request, Response

from darkstar_pipeline.service.http.dependencies import StateDep
from darkstar_pipeline.service.http.errors import answers
from darkstar_pipeline.service.schemas.health import HealthDocument, ReadyDocument

router = APIRouter(tags=["health"])
_CONTENT = {"text/plain": {"schema": {"type": "string"}}}


@router.get("/health", responses=answers(), summary="Health")
async def health(request: Request, service: StateDep) -> HealthDocument:
    """Answer everybody; list the components to those who show the token."""
    parts = service.components()
    well = all(part.ok for part in parts)
    known = request.state.known
    return HealthDocument(
        status="ok" if well else "degraded",
        components=parts if known else [],
        steering=service.steering() if known else None,
    )


@router.get(
    "/ready",
    responses={**answers(), 503: {"model": ReadyDocument, "description": "Not yet."}},
    summary="Readiness",
)
async def ready(service: StateDep, response: Response) -> ReadyDocument:
    """Return whether a verified plan covers this moment."""
    plan, now = service.engine.plan(), service.clock.now()
    there = service.engine.counts[0] > 0 and plan.verified and plan.created_at <= now < plan.valid_until
    response.status_code = 200 if there else 503
    return ReadyDocument(ready=there)


@router.get(
    "/metrics",
    response_class=Response,
    responses={**answers(), 200: {"content": _CONTENT, "description": "Prometheus' text form."}},
    summary="Metrics for Prometheus",
)
async def metrics(service: StateDep) -> Response:
    """Return requests, plans, their ages and sources, and components."""
    rendered = service.metrics.render(service.engine, service.clock, service.steering())
    return Response(rendered, media_type="text/plain; version=0.0.4")
