"""The movable loads of a plan as documents: blocks of time, energy, money, and what cannot be met."""

import logging
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from darkstar_pipeline.planning.loads.car_demand import CarDemand
from darkstar_pipeline.planning.loads.load_blocks import running_times, whole_slots
from darkstar_pipeline.service.schemas.loads import LoadBlock, LoadPlan
from darkstar_pipeline.service.schemas.plans import PlanDocument, PlanSlot
from env.inverter import Energy
from env.time_grid import SLOT, SLOT_HOURS
from planner.errors import PlannerError
from planner.loads.load_costs import LoadCost, load_costs
from planner.plans.task import PlanTask
from planner.wording.messages import joined, phrase

CAR = "ev"
WATER = "water"
_LEAST = {CAR: 0.1, WATER: 0.5}
"""Share of a whole slot from which on a load is switched on: a car rather gets too much than leaves with too little."""
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
    documents = [_load_plan(plan.slots, name, hours[name], costs.get(name), _full_kwh(task, name)) for name in hours]
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


def _full_kwh(task: PlanTask, name: str) -> float | None:
    """Return what a slot at full power takes of a load that is switched on and off [kWh]; None for others."""
    devices = task.site.devices
    power = {
        CAR: None if devices.vehicle is None else devices.vehicle.power_kw,
        WATER: None if devices.water_heater is None else devices.water_heater.power_kw,
    }.get(name)
    return None if power is None else power * SLOT_HOURS


def _load_plan(
    slots: Sequence[PlanSlot], name: str, energy: Energy, cost: LoadCost | None, full_kwh: float | None
) -> LoadPlan:
    switched = energy if full_kwh is None else whole_slots(energy, full_kwh, least=_LEAST[name])
    return LoadPlan(
        name=name,
        energy_kwh=float(energy.sum()),
        cost=0.0 if cost is None and not energy.any() else None if cost is None else cost.cost,
        unplanned_kwh=None if cost is None else cost.unplanned_kwh,
        unplanned_cost=None if cost is None else cost.unplanned_cost,
        blocks=[LoadBlock(**asdict(time)) for time in running_times([slot.slot_start for slot in slots], switched)],
    )


def _with_demand(car: LoadPlan, demand: CarDemand, plan: PlanDocument) -> LoadPlan:
    """Return what the car gets beside what it asked for, and what is missing of that."""
    notes = [demand.note]
    whole = demand.leaves is not None and demand.request is not None and demand.leaves <= plan.slots[-1].slot_end + SLOT
    if whole and not demand.note and car.energy_kwh < demand.minimum_kwh - 0.1:
        notes.append(
            phrase(
                "only {got:.1f} of the {wanted:.1f} kWh that it must get can be had",
                got=car.energy_kwh,
                wanted=demand.minimum_kwh,
            )
        )
    return car.model_copy(
        update={
            "leaves": demand.leaves,
            "minimum_kwh": demand.minimum_kwh,
            "target_kwh": demand.target_kwh,
            "note": joined("; ", [note for note in notes if note]),
            "managed": demand.decided,
        }
    )
