"""`python -m darkstar_pipeline.console.guarded_page`: Dagster's page behind a check of who asks for it.

Dagster's page runs mutations of a GET request, has no check of `Host` or `Origin`, and no login: any site that a person
visits could start or delete runs. Here every request, WebSockets included, must name loopback as its host and come from
the page itself or from the address bar. The arguments are those of `dagster-webserver`.
"""

import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

OWN_SITES = ("same-origin", "none")
READ_ONLY = ("GET", "HEAD")
REFUSED = "this page answers only itself and the address bar of this machine's browser\n"


class LoopbackDoor:
    """ASGI middleware that refuses foreign hosts, and whatever another site's page asks for.

    Args:
        app: the application inside.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self.app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Refuse the request, or let the application answer."""
        if scope["type"] == "lifespan" or may_pass(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse(REFUSED, status_code=403)(scope, receive, send)


def may_pass(scope: "Scope") -> bool:
    """Return whether a request names loopback and comes from the page itself, an address bar or a program.

    A browser may open the page by a link from elsewhere, to read it (a navigation without a query); nothing else that
    begins at another site passes, a GET with a mutation in its query included.
    """
    headers = Headers(scope=scope)
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not _is_loopback(hosts[0]):
        return False
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != hosts[0]:
        return False
    if headers.get("sec-fetch-site", "none") in OWN_SITES:
        return True
    opened = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return opened and scope.get("method") in READ_ONLY and not scope.get("query_string")


def _is_loopback(host: str) -> bool:
    """Return whether a `Host` header names this machine's loopback."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def main() -> None:
    """Run `dagster-webserver` with the door around its application."""
    import uvicorn
    from dagster_webserver import cli

    run = uvicorn.run

    def guarded(app: "ASGIApp", **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        run(LoopbackDoor(app), **options, proxy_headers=False)

    uvicorn.run = guarded  # the one place where Dagster starts its server; it takes no middleware
    cli.main()


if __name__ == "__main__":
    main()
