"""What a running service is made of; routes find it in the request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from darkstar_pipeline.context import Context
from planner.service.clock import Clock
from planner.service.documents import Component
from planner.service.engine import PlannerEngine
from planner.service.metrics import Metrics
from planner.service.savings import Savings
from planner.service.tokens import Sessions


@dataclass(frozen=True, kw_only=True)
class Running:
    """A running service.

    Attributes:
        engine: plans.
        sessions: who may ask.
        metrics: figures for Prometheus.
        savings: what was saved, remembered.
        parts: tell how further parts are, such as what steers the inverter.
    """

    engine: PlannerEngine
    sessions: Sessions
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
