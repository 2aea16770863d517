"""The parts of a running service, which FastAPI injects into routes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from fastapi import Depends, Request

from darkstar_pipeline.context import Context
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.devices.household import Household
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.engine.savings import Savings
from darkstar_pipeline.service.http.metrics import Metrics
from darkstar_pipeline.service.http.plan_answers import PlanAnswers
from darkstar_pipeline.service.http.sessions import Sessions
from darkstar_pipeline.service.http.tokens import AccessToken
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.service.schemas.steering import Steering
from darkstar_pipeline.service.steering import OFF_WORDS
from env.time_grid import zone


def _off() -> Steering:
    return Steering(state="off", steers=False, words=OFF_WORDS)


@dataclass(frozen=True, kw_only=True)
class ServiceState:
    """The parts of a running service.

    Attributes:
        engine: makes the plans.
        token: the token that requests have to show.
        sessions: sessions of browsers that have shown it; by default in memory.
        ingress: address of Home Assistant's ingress, whose requests need no token; None for none.
        metrics: metrics for Prometheus.
        savings: savings by day, cached.
        parts: return the states of further components, such as control.
        steering: returns whether the plan steers the battery now.
        household: the movable loads; None where nobody reads them.
        answers: the plan in force as JSON.
    """

    engine: PlannerEngine
    token: AccessToken
    metrics: Metrics
    sessions: Sessions = field(default_factory=Sessions)
    ingress: str | None = None
    parts: tuple[Callable[[], list[Component]], ...] = ()
    steering: Callable[[], Steering] = _off
    savings: Savings = field(default_factory=Savings)
    household: Household | None = None
    answers: PlanAnswers = field(default_factory=PlanAnswers)

    @property
    def context(self) -> Context:
        """The site."""
        return self.engine.context

    def components(self) -> list[Component]:
        """Return the states of all components."""
        return [*self.engine.components(), *(component for components in self.parts for component in components())]

    @property
    def clock(self) -> Clock:
        """The service's clock."""
        return self.engine.clock

    @property
    def today(self) -> date:
        """The present local day of the site."""
        return self.clock.now().astimezone(zone(self.context.timezone)).date()


def _service_state(request: Request) -> ServiceState:
    return request.app.state.running


StateDep = Annotated[ServiceState, Depends(_service_state)]
