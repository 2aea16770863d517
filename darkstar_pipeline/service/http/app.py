"""Builds the service's ASGI application from its routes and middleware."""

from collections.abc import Callable

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from darkstar_pipeline.service.http.admission import OwnerAdmission
from darkstar_pipeline.service.http.bare_app import bare_app, routes_of
from darkstar_pipeline.service.http.dependencies import ServiceState
from darkstar_pipeline.service.http.ingress import Hosts
from darkstar_pipeline.service.http.middleware import Guard
from darkstar_pipeline.service.http.negotiation import Negotiation
from darkstar_pipeline.service.http.routes import (
    administration,
    appliances,
    cars,
    health,
    history,
    models,
    overrides,
    pages,
    plans,
    readings,
    reports,
    strategy,
    whatif,
)

GUARDED = (plans, history, overrides, cars, models, readings, whatif, reports, administration, appliances, strategy)
ROUTES = routes_of(guarded=[part.router for part in GUARDED], opened=[health.router, pages.router])
DESCRIPTION = (
    "Plans and commands of a home's battery, with reasons. Powers in kW, energies in kWh, times in UTC, money in the "
    "site's currency."
)


def create_app(
    running: ServiceState, *, begin: Callable[[], None] | None = None, end: Callable[[], None] | None = None
) -> FastAPI:
    """Return the application of a running service.

    Args:
        running: its parts.
        begin: called before the first request, such as to start the planning thread.
        end: called after the last one.
    """
    settings = running.context.site_settings.service
    app = bare_app("Darkstar planner", DESCRIPTION, routes=ROUTES, begin=begin, end=end)
    app.state.running = running
    app.mount("/static", StaticFiles(directory=pages.PAGE), name="static")
    app.add_middleware(
        Guard,
        admission=OwnerAdmission(running.token, running.sessions, running.ingress),
        body_bytes=settings.body_bytes,
        per_second=settings.requests_per_second,
        on_response=running.metrics.count_response,
    )
    app.add_middleware(Negotiation, usual=running.context.site_settings.language)
    app.add_middleware(Hosts, allowed_hosts=list(settings.allowed_hosts), ingress=running.ingress)
    return app
