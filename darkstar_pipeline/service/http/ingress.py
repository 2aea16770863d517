"""Home Assistant's ingress: a proxy of the Supervisor that lets in who is logged in at Home Assistant.

It passes on the browser's own `Host`, adds `X-Ingress-Path`, and shows the page in a frame of Home Assistant's origin.
Its address alone is believed, so `X-Forwarded-For` must be believed from nobody beside it. What does not belong here:
requests that come by any other way, which need the token as ever.
"""

from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PATH_HEADER = "x-ingress-path"
FRAMED = {
    "content-security-policy": ("frame-ancestors 'none'", "frame-ancestors 'self'"),
    "x-frame-options": ("DENY", "SAMEORIGIN"),
}
"""Headers that differ in Home Assistant's frame: what they say otherwise, and there."""


def is_ingress(scope: "Scope", address: str | None) -> bool:
    """Return whether a request was brought by the proxy at an address, for somebody whom it has let in."""
    return _is_from(scope, address) and PATH_HEADER in Headers(scope=scope)


class Hosts(TrustedHostMiddleware):
    """Refuses foreign values of `Host`, except from the proxy, which passes on what the browser calls Home Assistant.

    Args:
        app: the application inside.
        allowed_hosts: names that the service answers to.
        ingress: address of the proxy; None for none.
    """

    def __init__(self, app: "ASGIApp", *, allowed_hosts: list[str], ingress: str | None) -> None:
        super().__init__(app, allowed_hosts=allowed_hosts)
        self._ingress = ingress

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer, or let the app answer."""
        if _is_from(scope, self._ingress):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _is_from(scope: "Scope", address: str | None) -> bool:
    return address is not None and (scope.get("client") or ("", 0))[0] == address
