"""Checks before every route: body size, request rate and token; and security headers on every answer.

Plain ASGI, since each layer of Starlette's ready-made kind costs a task a request. What does not belong here: names
that the service answers to (Starlette's `TrustedHostMiddleware`), and what a request means (`routes`).
"""

import json
import secrets
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from structlog.contextvars import bind_contextvars

from darkstar_pipeline.analyst.page_style import STYLE_HASH
from darkstar_pipeline.service.http.admission import Admission, client_of
from darkstar_pipeline.service.http.ingress import FRAMED, is_ingress
from darkstar_pipeline.service.http.sessions import shows_cookie
from darkstar_pipeline.service.http.tokens import GuessLimit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

RATE_WINDOW_SECONDS = 10
OPEN = frozenset({"/health", "/ready", "/login", "/", "/favicon.ico", "/messages"})
OPEN_FOLDERS = ("/static/",)
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
HEADERS = {
    "content-security-policy": f"default-src 'self'; style-src 'self' {STYLE_HASH}; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

OnResponse = Callable[[str, str, int, float], None]
"""Called after every answer with method, route, status and seconds."""


class Guard:
    """Lets requests pass that are small enough, not too frequent, and authenticated.

    Args:
        app: the application inside.
        admission: tells those who may ask from strangers.
        body_bytes: largest request body [B].
        per_second: requests of one client, as the admission tells them apart [1/s].
        on_response: called after every answer.
    """

    def __init__(
        self,
        app: "ASGIApp",
        *,
        admission: Admission,
        body_bytes: int,
        per_second: float,
        on_response: OnResponse,
    ) -> None:
        self.app, self.admission = app, admission
        self.body_bytes, self.on_response = body_bytes, on_response
        self._pace = RateLimitItemPerSecond(max(int(per_second * RATE_WINDOW_SECONDS), 1), RATE_WINDOW_SECONDS)
        self._guesses = GuessLimit()
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer, or let the app answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        headers = Headers(scope=scope)
        request_id = secrets.token_hex(8)
        bind_contextvars(request_id=request_id)  # each request is a task, and has a context of its own
        client = client_of(scope)
        state = scope.setdefault("state", {})
        admitted = self.admission.admitted(scope, headers)
        state |= {
            "request_id": request_id,
            "known": admitted is not None,
            "may_try": lambda: self._guesses.may_try(client),
        }

        async def answer(message: "Message") -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, scope["path"], request_id, framed=is_ingress(scope, self.admission.ingress))
            await send(message)

        refusal = self._refusal(scope, headers, client, admitted)
        if refusal is not None:
            await send_refusal(refusal, answer)
        else:
            await self._within_size(scope, receive, answer)
        route = getattr(scope.get("route"), "path", "other")
        self.on_response(scope["method"], route, status, time.perf_counter() - began)

    def _refusal(self, scope: "Scope", headers: Headers, client: str, admitted: str | None) -> "Refusal | None":
        """Return why a request is refused; None where it passes."""
        # Strangers of an address, such as that of a proxy, do not use up the pace of those who show the token.
        paced = ("pace", client) if admitted is None else ("known", admitted)
        if not self._limiter.hit(self._pace, *paced):
            return Refusal(429, "too_many_requests", "too many requests", "wait ten seconds", {"retry-after": "10"})
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.body_bytes:
            return _too_large(self.body_bytes)
        if scope["method"] in UNSAFE and not _same_origin(headers):
            return Refusal(403, "other_origin", "a page of another origin asked for this", "use the service's own page")
        if scope["path"] in OPEN or scope["path"].startswith(OPEN_FOLDERS):
            return None
        return None if admitted is not None else self._unknown(scope, headers, client)

    def _unknown(self, scope: "Scope", headers: Headers, client: str) -> "Refusal":
        """Return the refusal of a request with neither token nor session."""
        guessed = bool(headers.get("authorization"))
        asks = {"www-authenticate": 'Bearer realm="darkstar"'}
        if guessed and not self._guesses.may_try(client):
            return Refusal(401, "unauthorized", "too many wrong tokens", "wait a minute", {**asks, "retry-after": "60"})
        ended = "this session has ended" if shows_cookie(scope) else "a token is needed"
        message = "the token is wrong" if guessed else ended
        return Refusal(401, "unauthorized", message, self.admission.hint, asks)

    async def _within_size(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Let the application read no more than the allowed body, also where no length was declared."""
        taken, refused = 0, False

        async def measured() -> "Message":
            nonlocal taken, refused
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.body_bytes:
                refused = True
                return {"type": "http.request", "body": b"", "more_body": False}
            return message

        started = False

        async def unless_refused(message: "Message") -> None:
            nonlocal started
            if refused and not started:
                started = True
                await send_refusal(_too_large(self.body_bytes), send)
            if not refused:
                started = True
                await send(message)

        await self.app(scope, measured, unless_refused)


class Refusal:
    """An answer that is given before any route.

    Args:
        status: of HTTP.
        code: a word that does not change.
        message: what is wrong.
        hint: what to do.
        headers: further ones.
    """

    def __init__(self, status: int, code: str, message: str, hint: str, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.headers = headers or {}
        self.body = json.dumps({"error": {"code": code, "message": message, "hint": hint}}).encode()


def _too_large(most: int) -> Refusal:
    return Refusal(413, "too_large", f"a request body may have {most} bytes", "send less")


def _same_origin(headers: Headers) -> bool:
    """Return whether the request comes from our own page, as far as its headers say.

    `Origin` alone would let a page that somebody put before the same name over plain HTTP through.
    """
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host", "")


def _add_headers(message: "Message", path: str, request_id: str, *, framed: bool) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers[name] = value.replace(*FRAMED[name]) if framed and name in FRAMED else value
    headers["x-request-id"] = request_id
    if not path.startswith(OPEN_FOLDERS):
        headers["cache-control"] = "no-store"


async def send_refusal(refusal: Refusal, send: "Send") -> None:
    """Send a refusal."""
    fields: Iterable[tuple[str, str]] = (
        ("content-type", "application/json"),
        ("content-length", str(len(refusal.body))),
        *refusal.headers.items(),
    )
    raw = [(name.encode(), value.encode()) for name, value in fields]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    await send({"type": "http.response.body", "body": refusal.body})
