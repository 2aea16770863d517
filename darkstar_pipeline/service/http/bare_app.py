"""The application that every service of ours begins as: its routes and errors, before guards and pages are put on."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.routing import BaseRoute

from darkstar_pipeline.service.http.errors import add_handlers
from darkstar_pipeline.service.http.sessions import COOKIE


def bare_app(
    title: str,
    description: str,
    *,
    routes: Sequence[BaseRoute],
    begin: Callable[[], None] | None,
    end: Callable[[], None] | None,
) -> FastAPI:
    """Return an application with its routes.

    Args:
        title: of its OpenAPI document.
        description: of the same.
        routes: from `routes_of`.
        begin: called before the first request.
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
        title=title,
        description=description,
        version=version("darkstar-pipeline"),
        lifespan=lifespan,
        docs_url=None,  # they load scripts from another host
        redoc_url=None,
        redirect_slashes=False,
        routes=list(routes),
    )
    add_handlers(app)
    return app


def routes_of(*, guarded: Sequence[APIRouter], opened: Sequence[APIRouter]) -> list[BaseRoute]:
    """Return the routes of an application; made once a module, since FastAPI works 0.2 s on them at a first request.

    Args:
        guarded: routes that need a token, which the guard in front checks.
        opened: routes that need none.
    """
    together = APIRouter()
    declared = [Security(HTTPBearer(auto_error=False)), Security(APIKeyCookie(name=COOKIE, auto_error=False))]
    for router in guarded:
        together.include_router(router, dependencies=declared)  # for OpenAPI alone: the guard has checked already
    for router in opened:
        together.include_router(router)
    return together.routes
