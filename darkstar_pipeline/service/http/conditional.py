"""Conditional requests of answers that are made, not files: what `If-None-Match` names is not sent again (RFC 9110).

Starlette compares for files; it is asked here too, so that `*`, lists and weak tags mean the same everywhere.
"""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles

_CONDITION = "if-none-match"
_FILES = StaticFiles()


def not_modified(request: Request, tag: str) -> Response | None:
    """Return the answer 304 where the client has what it asks for; None where it is to be sent.

    Args:
        request: the client's.
        tag: ETag of what there is, in quotes.
    """
    named = ", ".join(request.headers.getlist(_CONDITION))
    own = Headers({"etag": tag})
    return NotModifiedResponse(own) if _FILES.is_not_modified(own, Headers({_CONDITION: named})) else None
