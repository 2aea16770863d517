"""Who asks: a request must name this machine and come from the page itself, an address bar or a program.

Dagster's page runs mutations of a GET request and has no check of `Host` or `Origin`: any site that a person visits
could start or delete runs. What does not belong here: whether the asker is known (`door`).
"""

import ipaddress
from collections.abc import Collection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import Scope

OWN_SITES = ("same-origin", "none")
READ_ONLY = ("GET", "HEAD")


def may_pass(scope: "Scope", *, names: Collection[str] = ()) -> bool:
    """Return whether a request names loopback and comes from the page itself, an address bar or a program.

    A browser may open the page by a link from elsewhere, to read it (a navigation without a query); nothing else that
    begins at another site passes, a GET with a mutation in its query included.

    Args:
        scope: the request, or the opening of a WebSocket.
        names: further values of `Host` that are the page's own.
    """
    headers = Headers(scope=scope)
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not (hosts[0] in names or _is_loopback(hosts[0])):
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
