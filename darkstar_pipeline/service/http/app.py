"""Builds the service's ASGI application from its routes and middleware."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.staticfiles import StaticFiles

from darkstar_pipeline.service.http.admission import OwnerAdmission
from darkstar_pipeline.service.http.dependencies import ServiceState
from darkstar_pipeline.service.http.errors import add_handlers
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
from darkstar_pipeline.service.http.sessions import COOKIE

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

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        if begin is not None:
            begin()
        yield
        if end is not None:
            end()

    app = FastAPI(
        title="Darkstar planner",
        description=DESCRIPTION,
        version=version("darkstar-pipeline"),
        lifespan=lifespan,
        docs_url=None,  # they load scripts from another host
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.running = running
    settings = running.context.site_settings.service
    declared = [Security(HTTPBearer(auto_error=False)), Security(APIKeyCookie(name=COOKIE, auto_error=False))]
    for part in (
        plans,
        history,
        overrides,
        cars,
        models,
        readings,
        whatif,
        reports,
        administration,
        appliances,
        strategy,
    ):
        app.include_router(part.router, dependencies=declared)  # for OpenAPI alone: the guard has checked already
    app.include_router(health.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=pages.PAGE), name="static")
    add_handlers(app)
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
