"""The cost of a planned load, and what it would cost as in a home without plans.

Each is the difference of two optima of the battery around the load, with its hours given and without the load: so the
battery, the end and the demand charge are in it, as in every other cost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from env.inverter import Energy
from planner.errors import PlannerError
from planner.optimizer.deferrable_loads import FlexibleLoad, PlannedLoads
from planner.plans.release import default_loads
from planner.plans.schedule import modelled_cost, optimized_schedule
from planner.plans.task import PlanTask


@dataclass(frozen=True)
class LoadCost:
    """Energy and cost of a load.

    Attributes:
        energy_kwh: what the plan gives it [kWh].
        cost: what that adds to the home's cost [money].
        unplanned_kwh: what it would take without a plan [kWh].
        unplanned_cost: what that would add [money]; None where the home cannot supply it.
    """

    energy_kwh: float
    cost: float
    unplanned_kwh: float
    unplanned_cost: float | None


def load_costs(task: PlanTask, hours: Mapping[str, Energy]) -> dict[str, LoadCost]:
    """Return the cost of each movable load that takes something, by name.

    Args:
        task: of the plan.
        hours: energy of each movable load `(n_slots,)` [kWh].

    Raises:
        PlannerError: the planned hours themselves cannot be supplied.
    """
    unplanned = default_loads(task)
    costs: dict[str, LoadCost] = {}
    for name in task.loads.names:
        planned = hours[name]
        if not planned.any() and not unplanned[name].any():
            continue
        without = _cost(task, {**hours, name: np.zeros(task.n_slots)})
        cost = _cost(task, dict(hours)) - without
        costs[name] = LoadCost(
            float(planned.sum()),
            cost,
            float(unplanned[name].sum()),
            _added(task, {**hours, name: unplanned[name]}, without),
        )
    return costs


def _added(task: PlanTask, hours: Mapping[str, Energy], without: float) -> float | None:
    try:
        return _cost(task, hours) - without
    except PlannerError:
        return None


def _cost(task: PlanTask, hours: Mapping[str, Energy]) -> float:
    """Return the cost of the best plan of the battery around given hours of the loads [money]."""
    kept = {load.name: load.from_battery for load in task.loads.flexible}
    given = tuple(_given(name, hours[name], from_battery=kept.get(name, True)) for name in task.loads.names)
    fixed = replace(task, given_loads=PlannedLoads(given))
    return modelled_cost(fixed, optimized_schedule(fixed, fixed.program().solve()))


def _given(name: str, hours: Energy, *, from_battery: bool) -> FlexibleLoad:
    """Return a load with no choice of its hours."""
    whole = np.ones((1, len(hours)))
    return FlexibleLoad(name, hours, whole, np.array([float(hours.sum())]), from_battery=from_battery)
