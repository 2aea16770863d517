"""What people ask for by hand: the big switch, and wishes with an end."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from darkstar_pipeline.service.http.dependencies import ServiceState, StateDep
from darkstar_pipeline.service.http.errors import answers, problem
from darkstar_pipeline.service.schemas.overrides import AutomaticRequest, Override, OverrideRequest, OverridesDocument

router = APIRouter(tags=["by hand"])
WishId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}$", max_length=8, examples=["1a2b3c4d"])]


@router.get("/overrides", responses=answers(), summary="Who steers, and the wishes that hold")
async def overrides(service: StateDep) -> OverridesDocument:
    """Whether the service steers, and what was asked for by hand."""
    return _told(service)


@router.post("/overrides", status_code=201, responses=answers(), summary="Ask for something else, until an end")
def override(wish: OverrideRequest, service: StateDep) -> Override:
    """Charge, discharge, export, hold or leave the battery by itself until a moment; or say that nobody is at home.

    It goes into the plan at once, which plans on behind it.
    """
    taken = service.engine.overrides.add(wish, service.clock.now())
    service.engine.wake()
    return taken


@router.delete(
    "/overrides/{wish_id}", status_code=204, responses=answers(404), summary="End a wish", response_class=Response
)
def end_override(wish_id: WishId, service: StateDep) -> Response:
    """End a wish before its time."""
    if not service.engine.overrides.end(wish_id):
        return problem(404, "not_found", f"there is no wish {wish_id}", "GET /overrides lists them")
    service.engine.wake()
    return Response(status_code=204)


@router.post("/automatic", responses=answers(), summary="The big switch")
def automatic(wanted: AutomaticRequest, service: StateDep) -> OverridesDocument:
    """Let the service steer, or leave the inverter to its own default."""
    service.engine.overrides.set_automatic(automatic=wanted.automatic)
    service.engine.wake()
    return _told(service)


def _told(service: ServiceState) -> OverridesDocument:
    wishes = service.engine.overrides
    return OverridesDocument(automatic=wishes.automatic, overrides=wishes.active(service.clock.now()))
