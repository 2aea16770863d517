"""The part of a movable load at a moment, by the plan in force: run, wait, or be left to itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from darkstar_pipeline.service.schemas.loads import LoadPlan
from darkstar_pipeline.service.schemas.plans import PlanDocument

LoadState = Literal["on", "off", "default"]


@dataclass(frozen=True)
class WantedLoad:
    """The part of a load now.

    Attributes:
        state: `default` where the plan does not decide: it is left as it is without Darkstar.
        power_kw: mean power of the block it is in [kW].
        until: when that changes, as far as the plan knows.
    """

    state: LoadState
    power_kw: float = 0.0
    until: datetime | None = None


LEFT_ALONE = WantedLoad("default")


def planned_load(plan: PlanDocument, name: str) -> LoadPlan | None:
    """Return what a plan gives a load; None where it has none of that name."""
    return next((load for load in plan.loads if load.name == name), None)


def wanted_load(plan: PlanDocument, name: str, now: datetime, *, automatic: bool) -> WantedLoad:
    """Return what a load is to do at a moment.

    Args:
        plan: the plan in force.
        name: of the load.
        now: the moment.
        automatic: whether automatic mode is on.
    """
    load = planned_load(plan, name)
    if load is None or not load.managed or not automatic or not plan.verified or now >= plan.valid_until:
        return LEFT_ALONE
    for block in load.blocks:
        if block.start <= now < block.end:
            return WantedLoad("on", block.power_kw, block.end)
        if now < block.start:
            return WantedLoad("off", until=block.start)
    return WantedLoad("off", until=plan.valid_until)
