"""The page, its files, and the door to it."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from pydantic import Field

from darkstar_pipeline.service.http.dependencies import Service
from darkstar_pipeline.service.http.errors import answers, problem
from darkstar_pipeline.service.http.middleware import COOKIE
from darkstar_pipeline.service.http.tokens import SESSION_SECONDS
from darkstar_pipeline.service.schemas import Document

PAGE = Path(__file__).parents[1] / "page"
router = APIRouter()


class LoginRequest(Document):
    """The token, once; the browser then has a session."""

    token: str = Field(min_length=1, max_length=500)


@router.get("/", include_in_schema=False)
async def page() -> Response:
    """The page; it holds no data, which it asks for with a session."""
    return FileResponse(PAGE / "index.html", headers={"cache-control": "no-cache"})


@router.get("/favicon.ico", include_in_schema=False)
async def icon() -> Response:
    """Nothing: the page names its own."""
    return Response(status_code=204)


@router.post("/login", status_code=204, responses=answers(), tags=["door"], response_class=Response)
async def login(shown: LoginRequest, request: Request, service: Service) -> Response:
    """Show the token, and have a session of thirty days."""
    if not service.sessions.knows(shown.token):
        if not request.state.may_try():
            return problem(429, "too_many_requests", "too many wrong tokens", "wait a minute", {"retry-after": "60"})
        return problem(401, "unauthorized", "the token is wrong", "the file service/token in the state folder has it")
    response = Response(status_code=204)
    response.set_cookie(
        COOKIE,
        service.sessions.open(),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/logout", status_code=204, responses=answers(), tags=["door"], response_class=Response)
async def logout() -> Response:
    """End the session of this browser."""
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response
