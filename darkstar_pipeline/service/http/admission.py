"""Who is let in: a request's token or session, and whom the pace counts it to."""

from typing import TYPE_CHECKING, Protocol

from starlette.datastructures import Headers

from darkstar_pipeline.service.http.ingress import is_ingress
from darkstar_pipeline.service.http.sessions import Sessions
from darkstar_pipeline.service.http.tokens import AccessToken

if TYPE_CHECKING:
    from starlette.types import Scope


class Admission(Protocol):
    """Tells those who may ask from strangers.

    Attributes:
        ingress: address of a proxy that lets people in by itself; None for none.
        hint: where to get a token.
    """

    ingress: str | None
    hint: str

    def admitted(self, scope: "Scope", headers: Headers) -> str | None:
        """Return whom the pace counts an authenticated request to; None for a stranger's."""
        ...


class OwnerAdmission:
    """Lets in who shows the service's one token, has a session, or was let in by Home Assistant.

    Args:
        token: the token that requests have to show.
        sessions: sessions of browsers that have shown it.
        ingress: address of the proxy whose requests need no token; None for none.
    """

    hint = "send it as `Authorization: Bearer TOKEN`; the file service/token in the state folder has it"

    def __init__(self, token: AccessToken, sessions: Sessions, ingress: str | None = None) -> None:
        self.token, self.sessions, self.ingress = token, sessions, ingress

    def admitted(self, scope: "Scope", headers: Headers) -> str | None:
        """Return the client's address where it is let in; None for a stranger."""
        shown = shown_token(headers)
        if shown is not None:
            known = self.token.matches(shown)
        else:
            known = is_ingress(scope, self.ingress) or self.sessions.holds(scope)
        return client_of(scope) if known else None


def shown_token(headers: Headers) -> str | None:
    """Return the token that a request shows; None where it shows none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def client_of(scope: "Scope") -> str:
    """Return the address that a request is from."""
    return str((scope.get("client") or ("unknown", 0))[0])
