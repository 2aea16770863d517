"""Sessions of browsers that have shown the token: a random key in a cookie, known to the server until it is ended.

The cookie is HttpOnly and SameSite=Strict, expires after thirty days, and is `Secure` where the browser came by HTTPS.
A log-in never takes over a key that the browser brought. What does not belong here: how keys are kept.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection
from starlette.responses import Response

from darkstar_pipeline.service.http.session_store import SESSIONS_FILE, SessionStore
from darkstar_pipeline.service.http.tokens import AccessToken
from darkstar_pipeline.service.state_folder import SERVICE_FOLDER

if TYPE_CHECKING:
    from starlette.types import Scope

COOKIE = "darkstar_session"
SESSION_SECONDS = 30 * 86_400


class Sessions:
    """The sessions of a service.

    Args:
        store: keeps them; by default memory does.
        prefix: what the cookie begins with, where it has to say whose sessions these are.
    """

    def __init__(self, store: SessionStore | None = None, *, prefix: str = "") -> None:
        self.store = SessionStore() if store is None else store
        self.prefix = prefix

    def holds(self, scope: "Scope") -> bool:
        """Return whether a request has a session that has neither expired nor been ended."""
        key = self._own_key(HTTPConnection(scope))
        return key is not None and self.store.holds("session", key)

    def start(self, connection: HTTPConnection, response: Response) -> None:
        """Give a browser a session of its own; the one that it showed ends."""
        self._end_shown(connection)
        response.set_cookie(
            COOKIE,
            self.prefix + self.store.issue("session", SESSION_SECONDS),
            max_age=SESSION_SECONDS,
            secure=_is_secure(connection),
            httponly=True,
            samesite="strict",
        )

    def end(self, connection: HTTPConnection, response: Response) -> None:
        """End the session that a browser shows, for everybody who has its cookie."""
        self._end_shown(connection)
        response.delete_cookie(COOKIE, secure=_is_secure(connection), httponly=True, samesite="strict")

    def _end_shown(self, connection: HTTPConnection) -> None:
        key = self._own_key(connection)
        if key is not None:
            self.store.end("session", key)

    def _own_key(self, connection: HTTPConnection) -> str | None:
        """Return the key that a browser shows; None where it shows none, or one of other sessions."""
        shown = shown_cookie(connection)
        return None if shown is None or not shown.startswith(self.prefix) else shown.removeprefix(self.prefix)


def kept_sessions(home: Path, token: AccessToken) -> Sessions:
    """Return the sessions that the state folder keeps for those who have shown a token: one log-in for all pages."""
    return Sessions(SessionStore(home / SERVICE_FOLDER / SESSIONS_FILE, owner=token.owner))


def shows_cookie(scope: "Scope") -> bool:
    """Return whether a request has a session cookie, valid or not."""
    return shown_cookie(HTTPConnection(scope)) is not None


def shown_cookie(connection: HTTPConnection) -> str | None:
    """Return the session cookie of a browser; None where it has none."""
    return connection.cookies.get(COOKIE) or None


def _is_secure(connection: HTTPConnection) -> bool:
    """Return whether the browser came by HTTPS, as the proxy or the page's own origin says.

    A proxy that is not among `trusted_proxies` leaves the scheme at http; the browser's `Origin` is right either way.
    """
    return connection.scope.get("scheme") == "https" or connection.headers.get("origin", "").startswith("https://")
