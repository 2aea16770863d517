"""The movable loads as the engine knows them; who reads and switches them is none of its business."""

from datetime import datetime
from typing import Protocol

from darkstar_pipeline.context import Context
from darkstar_pipeline.planning.battery_care import TimedReserve
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.service.schemas.plans import CommandDocument, PlanDocument
from planner.optimizer.deferrable_loads import HeaterRequest, LoadRequests
from planner.plans.task import PlanTask


class MovableLoads(Protocol):
    """The movable loads of a site; `devices.household.Household` are the real ones."""

    def key(self, now: datetime) -> tuple[object, ...]:
        """Return what changes whenever a plan is to be made anew."""
        ...

    def requests(self, context: Context, now: datetime, *, away: bool) -> LoadRequests:
        """Return what the loads ask of a plan of a moment; `away` where nobody is at home."""
        ...

    def reserves(self, now: datetime) -> list[TimedReserve]:
        """Return the reserves for outages that the home's sensors ask for now."""
        ...

    def with_loads(self, plan: PlanDocument, task: PlanTask | None, before: PlanDocument) -> PlanDocument:
        """Return a plan with what it gives the loads, or what the one before gave where inputs are missing."""
        ...

    def held(self, command: CommandDocument) -> CommandDocument:
        """Return a command that keeps the battery from what it may not feed."""
        ...

    def components(self) -> list[Component]:
        """Return the states of the loads as components of the service."""
        ...


class NobodysLoads:
    """The movable loads of a site where nobody reads them: the heater's ordinary day."""

    def key(self, now: datetime) -> tuple[object, ...]:
        """Return nothing that changes."""
        del now
        return ()

    def requests(self, context: Context, now: datetime, *, away: bool) -> LoadRequests:
        """Return the heater's day."""
        del context, now
        return LoadRequests(heater=HeaterRequest(vacation=away))

    def reserves(self, now: datetime) -> list[TimedReserve]:
        """Return none."""
        del now
        return []

    def with_loads(self, plan: PlanDocument, task: PlanTask | None, before: PlanDocument) -> PlanDocument:
        """Return the plan as it is."""
        del task, before
        return plan

    def held(self, command: CommandDocument) -> CommandDocument:
        """Return the command as it is."""
        return command

    def components(self) -> list[Component]:
        """Return none."""
        return []
