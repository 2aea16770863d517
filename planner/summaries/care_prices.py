"""The price of the reserve and care in a plan: the best plan with them against the best without, on the same inputs."""

from dataclasses import dataclass, replace

import numpy as np

from planner.care.soc_targets import SocTargets
from planner.errors import SolverError
from planner.plans.task import PlanTask
from planner.tolerances import EQUAL_COST

_NO_PRICE = 0.0


@dataclass(frozen=True, kw_only=True)
class CarePrices:
    """Extra cost of the optimiser's plan by cause, each on top of those before it [money].

    Attributes:
        reserve: energy kept for outages.
        full_charge: the full charge in the plan.
        resting: energy that may not rest above its ceiling.
    """

    reserve: float
    full_charge: float
    resting: float


def care_prices(task: PlanTask) -> CarePrices | None:
    """Return the prices of a plan's reserve and care; None where there is none, or no solver's answer."""
    targets = task.targets
    if targets is None:
        return None
    only_reserve = replace(
        targets, wanted_kwh=targets.floor_kwh, ceiling_kwh=np.inf, resting_price=0 * targets.resting_price
    )
    with_full = replace(only_reserve, wanted_kwh=targets.wanted_kwh)
    try:
        free, reserve, full, whole = (_cost(task, each) for each in (None, only_reserve, with_full, targets))
    except SolverError:
        return None
    return CarePrices(reserve=_price(reserve - free), full_charge=_price(full - reserve), resting=_price(whole - full))


def _price(more: float) -> float:
    """Return a difference of two optima without the solver's rounding [money]."""
    return more if abs(more) >= EQUAL_COST else _NO_PRICE


def _cost(task: PlanTask, targets: SocTargets | None) -> float:
    """Return the money of the best plan with these targets [money]."""
    return replace(task, targets=targets).program().solve().objective
