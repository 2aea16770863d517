"""Lets tenants in by their tokens or a browser's session; each request knows whose homes it may see."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.fleet.tenant_tokens import Scope, TenantToken, TenantTokens
from darkstar_pipeline.service.http.admission import shown_token
from darkstar_pipeline.service.http.session_store import SessionStore
from darkstar_pipeline.service.http.sessions import Sessions, shown_cookie

if TYPE_CHECKING:
    from starlette.types import Scope as RequestScope

_log = logging.getLogger(__name__)

READER = "reader"
"""Key of the reader in a request's state."""


@dataclass(frozen=True)
class Reader:
    """Who asks.

    Attributes:
        tenant: whose homes they see; None sees all.
        scopes: what they may do.
    """

    tenant: str | None
    scopes: tuple[Scope, ...]

    @property
    def paced_as(self) -> str:
        """Return whom the pace counts the request to: all tokens and browsers of a tenant together."""
        return "operator" if self.tenant is None else f"tenant {self.tenant}"


class TenantAdmission:
    """Lets in who shows a tenant's token, or has a session that one has opened.

    Args:
        tokens: of the fleet, with the sessions that they have opened.
    """

    ingress: str | None = None
    hint = "send it as `Authorization: Bearer TOKEN`; `darkstar fleet token create --tenant NAME` makes one"

    def __init__(self, tokens: TenantTokens) -> None:
        self.tokens = tokens
        self.problem = ""
        """Why the tokens could not be read last, which lets nobody in; empty where they could."""

    def admitted(self, scope: "RequestScope", headers: Headers) -> str | None:
        """Return whose pace a request counts to; None for a stranger. Its reader stands in its state."""
        shown = shown_token(headers)
        token = self._read(lambda: self._of_session(scope)) if shown is None else self.of_secret(shown)
        if token is None:
            return None
        reader = Reader(token.tenant, token.scopes)
        scope.setdefault("state", {})[READER] = reader
        return reader.paced_as

    def of_secret(self, secret: str) -> TenantToken | None:
        """Return the token that somebody shows; None where it is no token, or the tokens cannot be read."""
        return self._read(lambda: self.tokens.of_secret(secret))

    def sessions(self, token: TenantToken) -> Sessions:
        """Return the sessions that a token has opened; revoking it ends them."""
        # a file a token: whoever opens many sessions crowds out none of another tenant
        return Sessions(SessionStore(self.tokens.sessions_file(token), owner=token.owner), prefix=f"{token.id}.")

    def token_of_session(self, connection: HTTPConnection) -> TenantToken | None:
        """Return the token that opened the session of a browser; None where it has none."""
        identity = (shown_cookie(connection) or "").partition(".")[0]
        return self.tokens.find(identity)

    def _read(self, read: Callable[[], TenantToken | None]) -> TenantToken | None:
        try:
            found, problem = read(), ""
        except ConfigurationError as error:
            found, problem = None, error.message
            if problem != self.problem:
                _log.error("nobody is let in: %s", problem)
        self.problem = problem
        return found

    def _of_session(self, scope: "RequestScope") -> TenantToken | None:
        token = self.token_of_session(HTTPConnection(scope))
        return token if token is not None and self.sessions(token).holds(scope) else None
