"""Answers to requests that fail: every error in one form, with a status by its code.

`docs/service.md` lists the statuses and codes.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from darkstar_pipeline.config.validation import plain_message
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.service.schemas.base import ErrorDocument, Problem
from env.errors import CodedError

if TYPE_CHECKING:
    from starlette.types import ExceptionHandler

_log = logging.getLogger(__name__)
_INTERNAL = "internal_error"
_STATUS: Mapping[str, int] = {
    "usage": 422,
    "configuration": 422,
    "query": 422,
    "wrong_moment": 422,
    "data_missing": 404,
    "not_found": 404,
    "data_refused": 409,
    "lake_unreadable": 409,
    "model_refused": 409,
    "not_promoted": 409,
    "no_feasible_schedule": 409,
    "overlap": 409,
    "stale": 409,
    "unverified_schedule": 409,
    "outside_service": 503,
    "home_assistant": 503,
    "busy": 503,
}
"""Statuses of our errors by their code; an error with another code is an internal error."""
_MEANINGS = {
    400: "The request cannot be read.",
    401: "The token is missing or wrong.",
    403: "The request came from a page of another origin.",
    404: "Not found.",
    405: "The method is not allowed.",
    409: "Refused by the present state.",
    413: "The body is too large.",
    422: "A value is wrong; the message names each.",
    429: "Too many requests.",
    503: "No plan yet, another program cannot be reached, or something else is being worked out.",
}
_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_MAX_VALUES = 20
"""Wrong values that a message names; a body of 64 KiB can hold thousands."""


class RequestError(DarkstarError):
    """A request that asks for what cannot be, though each of its values can."""

    code = "usage"


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the error responses of a route for its OpenAPI entry, with those that every route may give."""
    chosen = sorted({*statuses, 400, 401, 403, 405, 413, 422, 429})
    return {status: {"model": ErrorDocument, "description": _MEANINGS[status]} for status in chosen}


def problem(
    status: int, code: str, message: str, hint: str = "", headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return an error as a response."""
    document = ErrorDocument(error=Problem(code=code, message=message, hint=hint))
    return JSONResponse(document.model_dump(), status_code=status, headers=headers)


def error_bytes(code: str, message: str, hint: str) -> bytes:
    """Return the document of an error where no application answers."""
    return ErrorDocument(error=Problem(code=code, message=message, hint=hint)).model_dump_json().encode()


def add_handlers(app: FastAPI) -> None:
    """Answer every error in the same form."""
    handlers = {
        RequestValidationError: _wrong_values,
        HTTPException: _no_route,
        DarkstarError: _ours,
        CodedError: _ours,
        Exception: _internal_error,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, cast("ExceptionHandler", handler))


def _wrong_values(_: Request, error: RequestValidationError) -> JSONResponse:
    """Name every wrong value, so that a client corrects its request once."""
    errors = error.errors()
    if any(each["type"] == "json_invalid" for each in errors):
        return problem(400, "bad_request", "the body is not JSON", "GET /openapi.json describes what is expected")
    named = [f"{'.'.join(str(part) for part in each['loc'])}: {plain_message(each)}" for each in errors[:_MAX_VALUES]]
    if len(errors) > _MAX_VALUES:
        named.append(f"and {len(errors) - _MAX_VALUES} more")
    return problem(422, "wrong_value", "; ".join(named), "GET /openapi.json describes what is expected")


def _no_route(request: Request, error: HTTPException) -> JSONResponse:
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    headers = dict(error.headers or {})
    message, hint = str(error.detail), "GET /openapi.json describes what is expected"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
        message, hint = f"{request.method} is not allowed here", f"allowed are {headers['Allow'] or 'none'}"
    elif error.status_code == HTTPStatus.NOT_FOUND:
        message = f"there is nothing at {request.url.path}"
    return problem(error.status_code, code, message, hint, headers)


def _allowed_methods(request: Request) -> list[str]:
    """Return the methods of all routes at a path; Starlette itself names those of the first route alone."""
    app: FastAPI = request.app
    root = request.scope.get("app_root_path", request.scope.get("root_path", ""))  # a mount has changed the latter
    scope, allowed = {**request.scope, "root_path": root}, set[str]()
    for route in app.routes:
        matched = {name for name in _METHODS if route.matches({**scope, "method": name})[0] is Match.FULL}
        allowed |= matched & {"GET", "HEAD"} if isinstance(route, Mount) else matched  # a mount takes any: static files
    return sorted(allowed)


def _ours(request: Request, error: DarkstarError | CodedError) -> JSONResponse:
    """Answer an error of ours by its code."""
    if error.code not in _STATUS:
        _log.error("internal error", exc_info=error)
        return _internal_error(request, error)
    message = error.message if isinstance(error, DarkstarError) else str(error)
    return problem(_STATUS[error.code], error.code, message, error.hint)


def _internal_error(_: Request, error: Exception) -> JSONResponse:
    return problem(500, _INTERNAL, f"internal error ({type(error).__name__})", "the service's log has the details")
