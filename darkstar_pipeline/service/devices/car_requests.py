"""The one departure that a person asked for: kept across restarts, ended by itself."""

from datetime import datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from darkstar_pipeline.config.household.car import CarSettings, Departure
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.planning.loads.departures import Leaving, next_leaving
from darkstar_pipeline.service.devices.stored_document import StoredDocument
from darkstar_pipeline.service.schemas.loads import CarRequest
from planner.wording.messages import phrase

CAR_REQUEST_FILE = "car_request.json"
FURTHEST = timedelta(days=8)


class CarRequestError(DarkstarError):
    """A departure that cannot be accepted."""

    code = "usage"


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    request: CarRequest | None = None


class CarRequests:
    """The request of a person to the car, beside its week.

    Args:
        folder: of the service.
    """

    def __init__(self, folder: Path) -> None:
        self._stored = StoredDocument(folder / CAR_REQUEST_FILE, _Kept())

    @property
    def problem(self) -> str:
        """Why requests cannot be kept; empty where they can."""
        return self._stored.problem

    def active(self, now: datetime) -> CarRequest | None:
        """Return the request whose departure is still to come; None where there is none."""
        request = self._stored.value.request
        return request if request is not None and request.leaves > now else None

    def ask(self, request: CarRequest, settings: CarSettings | None, now: datetime) -> None:
        """Take a request in the place of the one before.

        Raises:
            CarRequestError: there is no car, the moment is past or too far ahead, or percents mean nothing here.
        """
        if settings is None:
            message = phrase("the home has no car")
            raise CarRequestError(message, phrase("add devices.vehicle to darkstar.yaml"))
        if not now < request.leaves <= now + FURTHEST:
            leaves = request.leaves.isoformat()
            message = phrase("{time} is not within the next {days} days", time=leaves, days=FURTHEST.days)
            raise CarRequestError(message, phrase("give a moment in the future"))
        if settings.capacity_kwh is None and (request.target_percent or request.minimum_percent):
            message = phrase("percents need the capacity of the car's battery")
            raise CarRequestError(message, phrase("set devices.vehicle.capacity_kwh, or ask in kWh"))
        self._stored.keep(_Kept(request=request))

    def cancel(self) -> bool:
        """Forget the request; return whether there was one."""
        asked = self._stored.value.request is not None
        if asked:
            self._stored.keep(_Kept())
        return asked

    def leaving(self, settings: CarSettings, now: datetime, timezone: str) -> Leaving | None:
        """Return the departure that holds: the one asked for until it has passed, else the week's next."""
        request = self.active(now)
        if request is None:
            return next_leaving(settings.departures, now, timezone)
        asked = request.model_dump(exclude={"leaves"})
        return Leaving(request.leaves, Departure(leaves="00:00", **asked))
