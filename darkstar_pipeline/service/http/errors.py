"""Every way a request can go wrong, in the one form that errors have here."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from darkstar_pipeline.errors import DarkstarError, ExitCode
from darkstar_pipeline.service.engine.overrides import WishError
from darkstar_pipeline.service.schemas import ErrorDocument, Problem
from planner.errors import PlannerError

if TYPE_CHECKING:
    from starlette.types import ExceptionHandler

_STATUS = {
    ExitCode.USAGE: HTTPStatus.CONFLICT,
    ExitCode.DATA: HTTPStatus.CONFLICT,
    ExitCode.INFEASIBLE: HTTPStatus.CONFLICT,
    ExitCode.OUTSIDE: HTTPStatus.SERVICE_UNAVAILABLE,
    ExitCode.BUG: HTTPStatus.INTERNAL_SERVER_ERROR,
}
_MEANINGS = {
    400: "The request cannot be read.",
    401: "No token, or a wrong one.",
    403: "A page of another origin asked.",
    404: "There is no such thing.",
    405: "Not with this method.",
    409: "It contradicts how things stand.",
    413: "The body is too large.",
    422: "A value is wrong; the message says which.",
    429: "Too many requests.",
    503: "Not now: no plan yet, or another program cannot be reached.",
}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Error answers of a route for its OpenAPI entry; those that any route may give are added."""
    chosen = sorted({*statuses, 400, 401, 403, 405, 413, 422, 429})
    return {status: {"model": ErrorDocument, "description": _MEANINGS[status]} for status in chosen}


def problem(
    status: int, code: str, message: str, hint: str = "", headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An error as an answer."""
    document = ErrorDocument(error=Problem(code=code, message=message, hint=hint))
    return JSONResponse(document.model_dump(), status_code=status, headers=headers)


def add_handlers(app: FastAPI) -> None:
    """Have every error answered in the same form."""
    handlers = {
        RequestValidationError: _wrong_value,
        HTTPException: _no_route,
        DarkstarError: _ours,
        PlannerError: _planner,
        WishError: _wish,
        Exception: _mistake,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, cast("ExceptionHandler", handler))


def _wrong_value(_: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return problem(422, "wrong_value", f"{place}: {first['msg']}", "GET /openapi.json says what is expected")


def _no_route(request: Request, error: HTTPException) -> JSONResponse:
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return problem(error.status_code, code, str(error.detail), headers=headers)


def _methods(request: Request) -> set[str]:
    """Methods of all routes at a path; Starlette names those of the first alone."""
    app: FastAPI = request.app
    found: set[str] = set()
    for path, operations in app.openapi()["paths"].items():
        pattern = "/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in path.split("/"))
        if re.fullmatch(pattern, request.url.path):
            found |= {name.upper() for name in operations}
    return found


def _ours(_: Request, error: DarkstarError) -> JSONResponse:
    return problem(_STATUS[error.exit_code], error.code, error.message, error.hint)


def _planner(_: Request, error: PlannerError) -> JSONResponse:
    return problem(409, "refused", str(error))


def _wish(_: Request, error: WishError) -> JSONResponse:
    return problem(409, "wrong_moment", str(error), "give a moment ahead, within a month")


def _mistake(_: Request, error: Exception) -> JSONResponse:
    return problem(500, "mistake", f"a mistake of ours: {type(error).__name__}", "the log has the details")
