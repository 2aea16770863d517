"""Sessions of browsers that have shown the token, in a signed cookie (Starlette's `SessionMiddleware`).

The cookie holds no secret: that the browser logged in, and when, signed with a key that is derived from the token. It
is HttpOnly and SameSite=Strict, expires after thirty days, and is `Secure` where the browser came by HTTPS.
"""

from typing import TYPE_CHECKING

from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "darkstar_session"
SESSION_SECONDS = 30 * 86_400
_LOGGED_IN = "logged_in"


class Sessions:
    """ASGI middleware that reads the session of a request and writes that of its answer.

    Args:
        app: the application inside.
        key: signs the cookies.
    """

    def __init__(self, app: "ASGIApp", *, key: str) -> None:
        self._plain, self._secure = (
            SessionMiddleware(
                app,
                secret_key=key,
                session_cookie=COOKIE,
                max_age=SESSION_SECONDS,
                same_site="strict",
                https_only=https_only,  # fixed when it is built, while a proxy may bring requests of both kinds
            )
            for https_only in (False, True)
        )

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer by the application inside."""
        middleware = self._secure if scope.get("scheme") == "https" else self._plain
        await middleware(scope, receive, send)


def log_in(connection: HTTPConnection) -> None:
    """Give a browser a session."""
    connection.session[_LOGGED_IN] = True


def log_out(connection: HTTPConnection) -> None:
    """End the session of a browser."""
    connection.session.clear()


def logged_in(scope: "Scope") -> bool:
    """Return whether a request has a session that is signed by us and has not expired."""
    return bool(scope.get("session", {}).get(_LOGGED_IN))


def shows_cookie(scope: "Scope") -> bool:
    """Return whether a request has a session cookie, valid or not."""
    return bool(HTTPConnection(scope).cookies.get(COOKIE))
