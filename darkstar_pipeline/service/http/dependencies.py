"""What a running service is made of; routes find it in the request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from darkstar_pipeline.context import Context
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.engine.savings import Savings
from darkstar_pipeline.service.http.metrics import Metrics
from darkstar_pipeline.service.http.tokens import AccessToken
from darkstar_pipeline.service.schemas import Component


@dataclass(frozen=True, kw_only=True)
class Running:
    """A running service.

    Attributes:
        engine: plans.
        token: the token that requests have to show.
        metrics: figures for Prometheus.
        savings: what was saved, remembered.
        parts: tell how further parts are, such as what steers the inverter.
    """

    engine: PlannerEngine
    token: AccessToken
    metrics: Metrics
    parts: tuple[Callable[[], list[Component]], ...] = ()
    savings: Savings = field(default_factory=Savings)

    @property
    def context(self) -> Context:
        """The site."""
        return self.engine.context

    def components(self) -> list[Component]:
        """How the parts are."""
        return [*self.engine.components(), *(part for tell in self.parts for part in tell())]

    @property
    def clock(self) -> Clock:
        """What time it is."""
        return self.engine.clock


def _running(request: Request) -> Running:
    return request.app.state.running


Service = Annotated[Running, Depends(_running)]
