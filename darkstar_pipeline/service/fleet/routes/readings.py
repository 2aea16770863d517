"""Route of readings that other programs hand in."""

import logging

from fastapi import APIRouter

from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.service.fleet.dependencies import StateDep, WriterDep
from darkstar_pipeline.service.fleet.documents import FleetReadingsReport, FleetReadingsRequest
from darkstar_pipeline.service.fleet.readings import take_readings
from darkstar_pipeline.service.http.errors import answers
from planner.wording.messages import phrase

_log = logging.getLogger(__name__)
router = APIRouter(tags=["readings"])


@router.post("/readings", responses=answers(503), summary="Hand in readings of many homes")
def readings(request: FleetReadingsRequest, service: StateDep, writer: WriterDep) -> FleetReadingsReport:
    """Store readings of quarter-hours; they count from the next round of plans on.

    A row is known by its home and slot, and the later word wins, value by value: a request that was lost, or came in
    part, is sent again as it is. A row that is refused stops no other.
    """
    homes = service.directory.homes
    try:
        return take_readings(service.lake, homes, writer.tenant, request.readings, service.clock.now())
    except OutsideServiceError as error:  # it names the store, which is the operator's alone
        _log.warning("readings cannot be stored: %s", error.message)
        raise OutsideServiceError(
            phrase("readings cannot be stored now"), phrase("send them again in a minute: what was stored stays")
        ) from error
