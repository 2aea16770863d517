"""Builds the ASGI application of a fleet's service from the parts that a single home's service has, and its routes."""

from collections.abc import Callable

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from darkstar_pipeline.service.fleet.dependencies import FleetState
from darkstar_pipeline.service.fleet.routes import health, homes, pages, readings, summary
from darkstar_pipeline.service.http.bare_app import bare_app, routes_of
from darkstar_pipeline.service.http.ingress import Hosts
from darkstar_pipeline.service.http.middleware import Guard
from darkstar_pipeline.service.http.negotiation import Negotiation
from darkstar_pipeline.service.http.routes.pages import PAGE as HOME_PAGE

MOST_BODY_BYTES = 1_048_576
"""Largest body: 5 000 readings."""
GUARDED = (homes.router, summary.router, readings.router)
OPENED = (health.router, pages.router)
ROUTES = routes_of(guarded=GUARDED, opened=OPENED)
DESCRIPTION = (
    "Plans and commands of the batteries of many homes. A token opens the homes of its tenant alone. Powers in kW, "
    "energies in kWh, times in UTC, money in each home's currency."
)


def create_fleet_app(
    running: FleetState, *, begin: Callable[[], None] | None = None, end: Callable[[], None] | None = None
) -> FastAPI:
    """Return the application of a running fleet's service.

    Args:
        running: its parts.
        begin: called before the first request.
        end: called after the last one.
    """
    app = bare_app("Darkstar fleet", DESCRIPTION, routes=ROUTES, begin=begin, end=end)
    app.state.running = running
    app.mount("/static/fleet", StaticFiles(directory=pages.PAGE), name="fleet")
    app.mount("/static", StaticFiles(directory=HOME_PAGE), name="static")
    app.add_middleware(
        Guard,
        admission=running.admission,
        body_bytes=max(running.service.body_bytes, MOST_BODY_BYTES),
        per_second=running.service.requests_per_second,
        on_response=running.metrics.count_response,
    )
    app.add_middleware(Negotiation, usual=running.settings.fleet.defaults.language if running.settings.fleet else "en")
    app.add_middleware(Hosts, allowed_hosts=list(running.service.allowed_hosts), ingress=None)
    return app
