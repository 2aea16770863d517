"""Routes of the car: how it is, when it leaves once, and what the plan gives it."""

from fastapi import APIRouter, Response

from darkstar_pipeline.service.devices.car import Car
from darkstar_pipeline.service.devices.car_requests import CarRequestError
from darkstar_pipeline.service.devices.load_documents import CAR
from darkstar_pipeline.service.http.dependencies import ServiceState, StateDep
from darkstar_pipeline.service.http.errors import answers, problem
from darkstar_pipeline.service.schemas.loads import CarDocument, CarReading, CarRequest
from planner.wording.messages import phrase

router = APIRouter(tags=["car"])


@router.get("/car", responses=answers(), summary="The car, what it asks for and what it gets")
async def car(service: StateDep) -> CarDocument:
    """Tell how the car was read last, its next departure, and its part of the plan."""
    return _document(service, _car(service))


@router.post("/car/request", status_code=201, responses=answers(), summary="Ask for one departure")
def ask(request: CarRequest, service: StateDep) -> CarDocument:
    """Leave at a moment, with a minimum and a target; until then it stands in the place of the week's departures."""
    car = _car(service)
    car.requests.ask(request, service.context.site_settings.devices.vehicle, service.clock.now())
    service.engine.wake()
    return _document(service, car)


@router.delete("/car/request", status_code=204, responses=answers(404), summary="Forget it", response_class=Response)
def forget(service: StateDep) -> Response:
    """Forget the departure that was asked for: the week's hold again."""
    if not _car(service).requests.cancel():
        return problem(404, "not_found", phrase("no departure was asked for"), "GET /car has what holds")
    service.engine.wake()
    return Response(status_code=204)


@router.post("/car/state", responses=answers(), summary="Say how the car is")
def state(reading: CarReading, service: StateDep) -> CarDocument:
    """Take what is known of the car, where no sensor of Home Assistant tells it; a power holds for two minutes."""
    car = _car(service)
    car.take(reading)
    service.engine.wake()
    return _document(service, car)


def _car(service: ServiceState) -> Car:
    """Return the car of the site.

    Raises:
        CarRequestError: it has none.
    """
    car = None if service.household is None else service.household.car
    if car is None:
        message = phrase("the home has no car")
        raise CarRequestError(message, phrase("add devices.vehicle to darkstar.yaml"))
    return car


def _document(service: ServiceState, car: Car) -> CarDocument:
    now, state = service.clock.now(), car.state()
    demand = car.demand(now, service.context.timezone)
    return CarDocument(
        plugged=state.plugged,
        soc_percent=state.soc_percent,
        soc_at=state.soc_at,
        power_kw=state.power_kw,
        charged_kwh=state.charged_kwh,
        request=car.requests.active(now),
        leaves=demand.leaves,
        note=demand.note,
        holds_battery=car.holds_battery,
        plan=next((load for load in service.engine.plan().loads if load.name == CAR), None),
    )
