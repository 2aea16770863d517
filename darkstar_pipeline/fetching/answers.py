"""A request to a source and its answer, read as JSON or XML; what is neither is told by what it is."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from darkstar_pipeline.fetching.errors import FetchError

JSON, XML, CSV = ("json",), ("xml",), ("csv", "text/plain")
_HTML = (b"<!doctype html", b"<html")


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request to a source.

    Attributes:
        source: name of the source, for people.
        url: address without query.
        params: the query.
        headers: headers beside the usual ones.
        body: document to POST as JSON; None for a GET.
        accepts: words of which the answer's content type must hold one.
        secret: whether it carries a token: then nothing of it is cached or shown.
        fresh: whether a cached answer is checked with the source again.
    """

    source: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Mapping[str, object] | None = None
    accepts: tuple[str, ...] = JSON
    secret: bool = False
    fresh: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer with its whole body.

    Attributes:
        source: name of the source.
        url: address that was asked, without secrets.
        body: its body, decompressed.
        asked_at: instant of the request, by this machine's clock.
        server_time: the source's clock when it answered; None where it did not say, or the answer is a cached one.
        cached: whether it came from the cache without asking the source.
    """

    source: str
    url: str
    body: bytes
    asked_at: datetime
    server_time: datetime | None = None
    cached: bool = False

    @property
    def sha256(self) -> str:
        """Hash of the body, in hexadecimal digits."""
        return hashlib.sha256(self.body).hexdigest()

    def text(self) -> str:
        """Return the body as text.

        Raises:
            FetchError: it is not UTF-8.
        """
        try:
            return self.body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise FetchError(self.source, "wrong", "it answers with bytes that are no text") from error

    def json(self) -> object:
        """Return the body, parsed from JSON.

        Raises:
            FetchError: it is something else.
        """
        try:
            return json.loads(self.text())
        except (ValueError, RecursionError) as error:
            reason = f"it answers with something else than JSON: {_shown(self.body)}"
            raise FetchError(self.source, "wrong", reason) from error


def check_content(source: str, content_type: str, body: bytes, accepts: tuple[str, ...]) -> None:
    """Refuse an answer that is not of the expected kind, by what it states and how it begins.

    Raises:
        FetchError: it is another kind, a web page above all.
    """
    plain = content_type.partition(";")[0].strip().lower()
    if "html" in plain or body.lstrip()[:16].lower().startswith(_HTML):
        raise FetchError(source, "wrong", "it answers with a web page instead of data", _PAGE)
    if not body.strip():
        raise FetchError(source, "wrong", "its answer is empty")
    if plain and not any(word in plain for word in accepts):
        expected = " or ".join(accepts)
        raise FetchError(source, "wrong", f"its answer is {plain}, not {expected}")


_PAGE = "open its address in a browser: it may be under maintenance, or a login page of your network answers instead"


def _shown(body: bytes) -> str:
    """Return the beginning of a body, to be shown."""
    return repr(body[:40].decode("utf-8", errors="replace"))
