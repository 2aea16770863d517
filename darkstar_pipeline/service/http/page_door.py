"""The door of every page of ours: the page, its texts in a language, and what a wrong token is answered."""

import hashlib
import re
from pathlib import Path

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.responses import JSONResponse

from darkstar_pipeline.service.http.conditional import not_modified
from darkstar_pipeline.service.http.errors import answers, problem
from darkstar_pipeline.service.schemas.base import Document
from planner.wording.languages import Language, catalogue, spoken
from planner.wording.messages import phrase
from planner.wording.texts import Text

_FRAME = Path(__file__).parent / "page" / "frame.html"
_PLACE = re.compile(r"<!-- (\w+) -->")


class LoginRequest(Document):
    """The token, shown once; the browser then has a session."""

    token: str = Field(min_length=1, max_length=500)


class Messages(Document):
    """The texts of a language."""

    language: Language
    messages: dict[str, str] = Field(description="Each text by its English; none for English itself.")


def framed_page(page: Path) -> str:
    """Return a page inside the frame that all pages share.

    Args:
        page: its parts, each behind a comment with the name of its place in the frame.

    Raises:
        ValueError: it lacks a part, or has one that the frame has no place for.
    """
    frame = _FRAME.read_text(encoding="utf-8")
    _, *written = _PLACE.split(page.read_text(encoding="utf-8"))
    parts = dict(zip(written[::2], written[1::2], strict=True))
    if sorted(parts) != sorted(_PLACE.findall(frame)):
        message = f"{page} has the parts {', '.join(parts)}, where {_FRAME.name} has other places"
        raise ValueError(message)
    return _PLACE.sub(lambda place: parts[place[1]].strip("\n"), frame)


def page_router(folder: Path) -> APIRouter:
    """Return the routes of a page and its texts, which need no token.

    Args:
        folder: where `index.html` is.
    """
    router, document = APIRouter(), framed_page(folder / "index.html").encode()
    tag = f'"{hashlib.blake2b(document, digest_size=12).hexdigest()}"'
    headers = {"etag": tag, "cache-control": "no-cache"}

    @router.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction] - FastAPI has it
        """Return the page; it holds no data, and requests it with a session."""
        return not_modified(request, tag) or Response(document, media_type="text/html", headers=headers)

    @router.get("/messages", tags=["door"], responses=answers(), summary="The texts of the page in a language")
    async def messages() -> Messages:  # pyright: ignore[reportUnusedFunction] - FastAPI has it
        """The catalogue of the language that `Accept-Language` asks for, else of the settings', from English."""
        return Messages(language=spoken(), messages=dict(catalogue(spoken())))

    @router.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:  # pyright: ignore[reportUnusedFunction] - FastAPI has it
        """Return nothing: the page names its own icon."""
        return Response(status_code=204)

    return router


def refused_login(request: Request, remedy: Text) -> JSONResponse:
    """Return the answer to a wrong token, and to one too many.

    Args:
        request: the login.
        remedy: where the right token is to be had.
    """
    if not request.state.may_try():
        later = {"retry-after": "60"}
        return problem(429, "too_many_requests", phrase("too many wrong tokens"), phrase("wait a minute"), later)
    return problem(401, "unauthorized", phrase("the token is wrong"), remedy)
