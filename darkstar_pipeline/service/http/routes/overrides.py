"""Routes of automatic mode and of overrides."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from darkstar_pipeline.service.http.dependencies import ServiceState, StateDep
from darkstar_pipeline.service.http.errors import answers, problem
from darkstar_pipeline.service.schemas.overrides import AutomaticRequest, Override, OverrideRequest, OverridesDocument
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


def _document(service: ServiceState) -> OverridesDocument:
    store = service.engine.overrides
    return OverridesDocument(automatic=store.automatic, overrides=store.active(service.clock.now()))
