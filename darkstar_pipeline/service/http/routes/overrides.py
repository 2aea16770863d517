"""Routes of automatic mode and of overrides."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from darkstar_pipeline.service.byhand.previews import ByHand
from darkstar_pipeline.service.http.calculations import working
from darkstar_pipeline.service.http.dependencies import ServiceState, StateDep
from darkstar_pipeline.service.http.errors import answers, problem
from darkstar_pipeline.service.schemas.overrides import (
    AcceptRequest,
    AutomaticRequest,
    BlockPreview,
    BlockRequest,
    Override,
    OverrideRequest,
    OverridesDocument,
)
from darkstar_pipeline.service.state_folder import service_folder
from env.care import check_reserve

router = APIRouter(tags=["by hand"])
OverrideId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}$", max_length=8, examples=["1a2b3c4d"])]


@router.get("/overrides", responses=answers(), summary="Automatic mode, and the active overrides")
async def overrides(service: StateDep) -> OverridesDocument:
    """Automatic mode, and the overrides that have not ended."""
    return _document(service)


@router.post("/overrides", status_code=201, responses=answers(), summary="Override the plan until an end")
def override(request: OverrideRequest, service: StateDep) -> Override:
    """Charge, discharge, export, hold or leave the battery by itself until a moment; or say that nobody is at home.

    It goes into the plan at once, which plans on behind it.
    """
    if request.reserve_percent is not None:
        check_reserve(request.reserve_percent, service.engine.context.site.battery)
    taken = service.engine.overrides.add(request, service.clock.now())
    service.engine.wake()
    return taken


@router.post("/overrides/preview", responses=answers(409, 503), summary="What a block would cost and do")
def preview_block(request: BlockRequest, service: StateDep) -> BlockPreview:
    """Plan around a block of charge, discharge, export, hold, water heating or car charging, beside the plan without.

    Nothing is changed. The answer has its price over the whole horizon, the plan as it would become, and what of it the
    home cannot do; `POST /overrides/accept` accepts it within 15 minutes.
    """
    with working():
        engine = service.engine
        return _by_hand(service).preview(request, engine.clock.now(), engine.context.site, engine.planned_block)


@router.post("/overrides/accept", status_code=201, responses=answers(409), summary="Accept a previewed block")
def accept_block(request: AcceptRequest, service: StateDep) -> Override:
    """Accept a block that was previewed: every plan from now on keeps it, and it ends by itself."""
    taken = _by_hand(service).accept(request.preview, service.clock.now())
    service.engine.wake()
    return taken


@router.delete(
    "/overrides/{override_id}",
    status_code=204,
    responses=answers(404),
    summary="End an override",
    response_class=Response,
)
def end_override(override_id: OverrideId, service: StateDep) -> Response:
    """End an override before its time."""
    if not service.engine.overrides.end(override_id):
        return problem(404, "not_found", f"there is no override {override_id}", "GET /overrides lists them")
    service.engine.wake()
    return Response(status_code=204)


@router.post("/automatic", responses=answers(), summary="Turn automatic mode on or off")
def automatic(wanted: AutomaticRequest, service: StateDep) -> OverridesDocument:
    """Automatic mode controls the inverter; without it the inverter runs its own default."""
    service.engine.overrides.set_automatic(automatic=wanted.automatic)
    service.engine.wake()
    return _document(service)


def _by_hand(service: ServiceState) -> ByHand:
    engine = service.engine
    return ByHand(service_folder(engine.context.home, engine.context.site_name), engine.overrides)


def _document(service: ServiceState) -> OverridesDocument:
    store = service.engine.overrides
    return OverridesDocument(automatic=store.automatic, overrides=store.active(service.clock.now()))
