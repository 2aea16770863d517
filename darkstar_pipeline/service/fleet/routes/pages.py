"""The fleet's page and its files, login and logout."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from darkstar_pipeline.service.fleet.dependencies import StateDep
from darkstar_pipeline.service.http.errors import answers, problem
from darkstar_pipeline.service.http.page_texts import LoginRequest, Messages, spoken_messages
from planner.wording.messages import phrase

PAGE = Path(__file__).parents[1] / "page"
router = APIRouter()


@router.get("/", include_in_schema=False)
async def page() -> Response:
    """Return the page; it holds no data, and requests it with a session."""
    return FileResponse(PAGE / "index.html", headers={"cache-control": "no-cache"})


@router.get("/messages", tags=["door"], responses=answers(), summary="The texts of the page in a language")
async def messages() -> Messages:
    """The catalogue of the language that `Accept-Language` asks for, else English, from English to its texts."""
    return spoken_messages()


@router.get("/favicon.ico", include_in_schema=False)
async def icon() -> Response:
    """Return nothing: the page names its own icon."""
    return Response(status_code=204)


@router.post("/login", status_code=204, responses=answers(), tags=["door"], response_class=Response)
def login(shown: LoginRequest, request: Request, service: StateDep) -> Response:
    """Check a tenant's token and start a session of thirty days; revoking the token ends it."""
    token = service.admission.of_secret(shown.token)
    if token is None:
        if not request.state.may_try():
            return problem(
                429,
                "too_many_requests",
                phrase("too many wrong tokens"),
                phrase("wait a minute"),
                {"retry-after": "60"},
            )
        return problem(401, "unauthorized", phrase("the token is wrong"), phrase("ask who runs the fleet for another"))
    answer = Response(status_code=204)
    service.admission.sessions(token).start(request, answer)
    return answer


@router.post("/logout", status_code=204, responses=answers(), tags=["door"], response_class=Response)
def logout(request: Request, service: StateDep) -> Response:
    """End the session of this browser."""
    answer, token = Response(status_code=204), service.admission.token_of_session(request)
    if token is not None:
        service.admission.sessions(token).end(request, answer)
    return answer
