"""What a plan gives the movable loads, as documents: blocks of time, energy, money, and what cannot be met."""

import logging
from collections.abc import Sequence

import numpy as np

from darkstar_pipeline.planning.loads.car_demand import CarDemand
from darkstar_pipeline.service.schemas.loads import LoadBlock, LoadPlan
from darkstar_pipeline.service.schemas.plans import PlanDocument, PlanSlot
from env.inverter import Energy
from env.time_grid import SLOT, SLOT_HOURS
from planner.errors import PlannerError
from planner.loads.load_costs import LoadCost, load_costs
from planner.plans.task import PlanTask

CAR = "ev"
WATER = "water"
_LEAST_KWH = 0.01
"""Less than this in a slot is no reason to run a load."""
_log = logging.getLogger(__name__)


def load_plans(task: PlanTask, plan: PlanDocument, demand: CarDemand | None) -> list[LoadPlan]:
    """Return what a plan gives each movable load.

    Args:
        task: of the plan.
        plan: its document.
        demand: what the car asked for; None where there is no car.
    """
    hours = {name: np.array([slot.others.get(f"{name}_kwh", 0.0) for slot in plan.slots]) for name in task.loads.names}
    costs = _costs(task, hours)
    documents = [_load_plan(plan.slots, name, hours[name], costs.get(name)) for name in hours]
    if demand is None:
        return documents
    others = [document for document in documents if document.name != CAR]
    car = next((document for document in documents if document.name == CAR), None)
    return [*others, _with_demand(car or LoadPlan(name=CAR, energy_kwh=0.0, cost=0.0), demand, plan)]


def _costs(task: PlanTask, hours: dict[str, Energy]) -> dict[str, LoadCost]:
    """Return the costs of the loads; none where they cannot be worked out, which no plan fails of."""
    if any(len(energy) != task.n_slots for energy in hours.values()):
        return {}
    try:
        return load_costs(task, hours)
    except PlannerError:
        _log.warning("the cost of the movable loads cannot be worked out", exc_info=True)
        return {}


def _load_plan(slots: Sequence[PlanSlot], name: str, energy: Energy, cost: LoadCost | None) -> LoadPlan:
    return LoadPlan(
        name=name,
        energy_kwh=float(energy.sum()),
        cost=0.0 if cost is None and not energy.any() else None if cost is None else cost.cost,
        unplanned_kwh=None if cost is None else cost.unplanned_kwh,
        unplanned_cost=None if cost is None else cost.unplanned_cost,
        blocks=blocks(slots, energy),
    )


def blocks(slots: Sequence[PlanSlot], energy: Energy) -> list[LoadBlock]:
    """Return the times in which a load runs: slots in a row are one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (energy > _LEAST_KWH).astype(int), [0]])))
    runs = [int(edge) for edge in edges]
    return [
        LoadBlock(
            start=slots[first].slot_start,
            end=slots[last - 1].slot_end,
            energy_kwh=float(energy[first:last].sum()),
            power_kw=float(energy[first:last].mean()) / SLOT_HOURS,
        )
        for first, last in zip(runs[::2], runs[1::2], strict=True)
    ]


def _with_demand(car: LoadPlan, demand: CarDemand, plan: PlanDocument) -> LoadPlan:
    """Return what the car gets beside what it asked for, and what is missing of that."""
    notes = [demand.note]
    whole = demand.leaves is not None and demand.request is not None and demand.leaves <= plan.slots[-1].slot_end + SLOT
    if whole and not demand.note and car.energy_kwh < demand.minimum_kwh - 0.1:
        notes.append(f"only {car.energy_kwh:.1f} of the {demand.minimum_kwh:.1f} kWh that it must get can be had")
    return car.model_copy(
        update={
            "leaves": demand.leaves,
            "minimum_kwh": demand.minimum_kwh,
            "target_kwh": demand.target_kwh,
            "note": "; ".join(note for note in notes if note),
            "managed": demand.decided,
        }
    )
