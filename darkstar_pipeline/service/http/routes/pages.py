"""The page and its files, login and logout."""

from pathlib import Path

from fastapi import Request, Response

from darkstar_pipeline.service.http.dependencies import StateDep
from darkstar_pipeline.service.http.errors import answers
from darkstar_pipeline.service.http.page_door import LoginRequest, page_router, refused_login
from planner.wording.messages import phrase

PAGE = Path(__file__).parents[1] / "page"
router = page_router(PAGE)


@router.post("/login", status_code=204, responses=answers(), tags=["door"], response_class=Response)
def login(shown: LoginRequest, request: Request, service: StateDep) -> Response:
    """Check the token and start a session of thirty days."""
    if not service.token.matches(shown.token):
        return refused_login(request, phrase("the file service/token in the state folder has it"))
    answer = Response(status_code=204)
    service.sessions.start(request, answer)
    return answer


@router.post("/logout", status_code=204, responses=answers(), tags=["door"], response_class=Response)
def logout(request: Request, service: StateDep) -> Response:
    """End the session of this browser, and of everybody who has its cookie."""
    answer = Response(status_code=204)
    service.sessions.end(request, answer)
    return answer
