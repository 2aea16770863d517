"""The door before a page that has no log-in: ASGI middleware in the page's own process.

Nothing listens behind it, so there is no way around. A request passes that names this machine, comes from the page
itself (`origins`), and has a session or the service's token. Sessions are those of the planner's page: one log-in, by
token or one-time link, opens all pages of a state folder. What does not belong here: what the pages are.
"""

import json
from collections.abc import Collection
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from darkstar_pipeline.service.door.door_page import DOOR_PATH, go_on, log_in_page
from darkstar_pipeline.service.door.origins import may_pass
from darkstar_pipeline.service.http.sessions import Sessions
from darkstar_pipeline.service.http.tokens import AccessToken, GuessLimit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

FORM_BYTES = 4096
FOREIGN = (
    "foreign",
    "this page answers only itself and the address bar of this machine's browser",
    "open it by itself",
)
UNKNOWN = (
    "unauthorized",
    "a session or the token is needed",
    "open the link that `darkstar ui` printed, log in at /, or send `Authorization: Bearer TOKEN`",
)


class Door:
    """Lets those through who are known, and gives the rest a form for the token.

    Args:
        app: the page inside.
        token: the token that lets in.
        sessions: sessions of browsers that are in.
        open_paths: paths that answer everybody on this machine, such as whether the page is up.
        names: further values of `Host` that are the page's own.
    """

    def __init__(
        self,
        app: "ASGIApp",
        *,
        token: AccessToken,
        sessions: Sessions,
        open_paths: Collection[str] = (),
        names: Collection[str] = (),
    ) -> None:
        self.app, self._token, self._sessions = app, token, sessions
        self._open_paths, self._names = open_paths, names
        self._guesses = GuessLimit()
        self._own = Starlette(
            routes=[
                Route(DOOR_PATH, self._show),
                Route(f"{DOOR_PATH}/open/{{link}}", self._open),  # HEAD, as previews of links send it, uses none up
                Route(f"{DOOR_PATH}/login", self._log_in, methods=["POST"]),
                Route(f"{DOOR_PATH}/logout", self._log_out, methods=["POST"]),
            ]
        )

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Let the page, or the door itself, answer; or refuse."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif not may_pass(scope, names=self._names):
            await _refuse(scope, receive, send, _problem(403, *FOREIGN))
        elif _is_below(scope["path"], DOOR_PATH) and scope["type"] == "http":
            await self._own(scope, receive, send)
        elif self._is_open(scope) or self._is_known(scope):
            await self.app(scope, receive, send)
        else:
            await _refuse(scope, receive, send, self._unknown(scope))

    def _is_open(self, scope: "Scope") -> bool:
        return scope.get("method") in ("GET", "HEAD") and scope["path"] in self._open_paths

    def _is_known(self, scope: "Scope") -> bool:
        """Return whether a request shows the token, or has a session."""
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return self._sessions.holds(scope)
        return self._token.matches(token.strip())

    def _unknown(self, scope: "Scope") -> Response:
        """Return the answer to somebody who is not known: the form for people, an error for programs."""
        headers = Headers(scope=scope)
        if "authorization" in headers and not self._guesses.may_try(_client(scope)):
            return _problem(429, "too_many_requests", "too many wrong tokens", "wait a minute")
        if scope.get("method") == "GET" and "text/html" in headers.get("accept", ""):
            return log_in_page(status=401)
        return _problem(401, *UNKNOWN)

    async def _show(self, request: Request) -> Response:
        """Show the form, or the way out."""
        return log_in_page(is_in=self._is_known(request.scope))

    async def _open(self, request: Request) -> Response:
        """Let the first one in who opens a link."""
        if request.method == "HEAD":
            return log_in_page()
        if not self._sessions.store.end("link", request.path_params["link"]):
            if self._is_known(request.scope):
                return go_on()
            return log_in_page(status=401, problem="This link was used already, or is too old.")
        return self._let_in(request)

    async def _log_in(self, request: Request) -> Response:
        """Let somebody in who shows the token."""
        token = parse_qs((await _body(request)).decode(errors="replace")).get("token", [""])[0]
        if self._token.matches(token.strip()):
            return self._let_in(request)
        if self._guesses.may_try(_client(request.scope)):
            return log_in_page(status=401, problem="The token is wrong.")
        return log_in_page(status=429, problem="Too many wrong tokens: wait a minute.")

    def _let_in(self, request: Request) -> Response:
        answer = go_on()
        self._sessions.start(request, answer)
        return answer

    async def _log_out(self, request: Request) -> Response:
        """End the session, on every page."""
        answer = log_in_page()
        self._sessions.end(request, answer)
        return answer


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _client(scope: "Scope") -> str:
    return (scope.get("client") or ("unknown", 0))[0]


async def _body(request: Request) -> bytes:
    """Return the body of a form; what is longer is no token."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            return b""
    return body


def _problem(status: int, code: str, message: str, hint: str) -> Response:
    """Return an error in the form that the planner's have."""
    text = json.dumps({"error": {"code": code, "message": message, "hint": hint}})
    asks = {"www-authenticate": 'Bearer realm="darkstar"'} if status == HTTPStatus.UNAUTHORIZED else {}
    return Response(text, status, {**asks, "cache-control": "no-store"}, "application/json")


async def _refuse(scope: "Scope", receive: "Receive", send: "Send", answer: Response) -> None:
    """Send a refusal; a WebSocket is not opened, which browsers see as 403."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await answer(scope, receive, send)
