"""The parts of a running fleet's service, and the reader of a request, which FastAPI injects into routes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from darkstar_pipeline.config.service import ServiceSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.fleet.admission import READER, Reader, TenantAdmission
from darkstar_pipeline.service.fleet.directory import Directory
from darkstar_pipeline.service.fleet.home_pages import Rankings
from darkstar_pipeline.service.fleet.metrics import FleetMetrics
from darkstar_pipeline.service.fleet.plan_shelf import PlanShelf
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from planner.wording.messages import phrase


class UnknownHomeError(DarkstarError):
    """There is no home of that name, or the reader may not see it."""

    code = "not_found"

    def __init__(self, site: str) -> None:
        super().__init__(
            phrase("there is no home {site} among those that the token opens", site=site),
            phrase("the list of homes, GET /sites, has their names"),
        )


@dataclass(frozen=True, kw_only=True)
class FleetState:
    """The parts of a running fleet's service.

    Attributes:
        settings: the whole configuration.
        service: limits of requests.
        lake: the fleet's tables.
        directory: the homes.
        shelf: their plans.
        admission: tells tenants from strangers.
        rankings: orders of homes that somebody leafs through.
        metrics: requests, for Prometheus.
        clock: the service's clock.
        components: return the states of parts, such as planning.
    """

    settings: Settings
    service: ServiceSettings
    lake: BucketLake
    directory: Directory
    shelf: PlanShelf
    admission: TenantAdmission
    rankings: Rankings = field(default_factory=Rankings)
    metrics: FleetMetrics = field(default_factory=FleetMetrics)
    clock: Clock = field(default_factory=Clock)
    components: Callable[[], list[Component]] = list

    def check_home(self, reader: Reader, site: str) -> None:
        """Refuse a home that the reader may not see, in the words that one gets that does not exist.

        Raises:
            UnknownHomeError: it is one.
        """
        if not self.shows(reader, site):
            raise UnknownHomeError(site)

    def shows(self, reader: Reader, site: str) -> bool:
        """Return whether a home is there and the reader may see it."""
        tenant = self.directory.tenant_of(site)
        return tenant is not None and reader.tenant in (None, tenant)


def _fleet_state(request: Request) -> FleetState:
    return request.app.state.running


def _reader(request: Request) -> Reader:
    return getattr(request.state, READER)


def _writer(request: Request) -> Reader:
    reader: Reader = getattr(request.state, READER)
    if "write" not in reader.scopes:
        raise HTTPException(
            HTTPStatus.FORBIDDEN, "this token may only read; `darkstar fleet token create` makes others"
        )
    return reader


StateDep = Annotated[FleetState, Depends(_fleet_state)]
ReaderDep = Annotated[Reader, Depends(_reader)]
WriterDep = Annotated[Reader, Depends(_writer)]
