"""The fleet's page and its files, login and logout."""

from pathlib import Path

from fastapi import Request, Response

from darkstar_pipeline.service.fleet.dependencies import StateDep
from darkstar_pipeline.service.http.errors import answers
from darkstar_pipeline.service.http.page_door import LoginRequest, page_router, refused_login
from planner.wording.messages import phrase

PAGE = Path(__file__).parents[1] / "page"
router = page_router(PAGE)


@router.post("/login", status_code=204, responses=answers(), tags=["door"], response_class=Response)
def login(shown: LoginRequest, request: Request, service: StateDep) -> Response:
    """Check a tenant's token and start a session of thirty days; revoking the token ends it."""
    token = service.admission.of_secret(shown.token)
    if token is None:
        return refused_login(request, phrase("ask who runs the fleet for another"))
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
