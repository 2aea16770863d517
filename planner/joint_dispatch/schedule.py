"""The schedule of a joint dispatch: the flows of every battery, its money, and every demand or limit that it misses."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from env.types import Energy
from planner.joint_dispatch.task import JointBattery, JointTask
from planner.optimizer.solution import SolverRecord
from planner.tolerances import SHORTFALL_KWH


def power_kw(energy_kwh: Energy, hours: Energy) -> Energy:
    """Return the mean power of each step; 0 where it has no length `(n_steps,)` [kW]."""
    return np.divide(energy_kwh, hours, out=np.zeros(len(hours)), where=hours > 0)


@dataclass(frozen=True)
class BatteryDispatch:
    """Flows of one battery, each `(n_steps,)` [kWh].

    Attributes:
        charge_kwh: into it, alternating-current side.
        discharge_kwh: out of it, alternating-current side.
        soc_kwh: stored at the end of each step.
    """

    charge_kwh: Energy
    discharge_kwh: Energy
    soc_kwh: Energy

    def power_kw(self, hours: Energy) -> Energy:
        """Return the command of each step: the power to charge with, below zero to discharge `(n_steps,)` [kW]."""
        return power_kw(self.charge_kwh - self.discharge_kwh, hours)


@dataclass(frozen=True)
class Miss:
    """A soft demand or limit that is missed in one step.

    Attributes:
        kind: `soc_range`, `goal`, `charge_demand`, `import_limit` or `export_limit`.
        step: index of the step.
        size_kwh: by how much [kWh].
        sentence: the same in words.
    """

    kind: str
    step: int
    size_kwh: float
    sentence: str


@dataclass(frozen=True)
class JointSchedule:
    """A dispatch of all batteries; series `(n_steps,)` [kWh].

    Attributes:
        task: what it is for.
        batteries: flows of each battery, in the order of the task.
        import_kwh: from the grid.
        export_kwh: to the grid.
        curtailed_kwh: yield of the panels that is not used.
        record: how it was found.
    """

    task: JointTask
    batteries: tuple[BatteryDispatch, ...]
    import_kwh: Energy
    export_kwh: Energy
    curtailed_kwh: Energy
    record: SolverRecord

    @cached_property
    def cost(self) -> float:
        """Import less export, wear and the price of power above the threshold; no end value, no soft prices [money]."""
        task = self.task
        cost = float(task.import_price @ self.import_kwh - task.export_price @ self.export_kwh)
        for each, flows in zip(task.batteries, self.batteries, strict=True):
            cost += each.battery.charge_wear * float(flows.charge_kwh.sum())
            cost += each.battery.discharge_wear * float(flows.discharge_kwh.sum())
        if task.excess_price is not None and task.import_kw is not None:
            cost += task.excess_price * max(float(power_kw(self.import_kwh, task.hours).max()) - task.import_kw, 0.0)
        return cost

    def value_gained(self, *, since_step: int = -1) -> float:
        """Return the value of what is stored at the end, less that at the end of an earlier step, -1 for the start."""
        gained = 0.0
        for each, flows in zip(self.task.batteries, self.batteries, strict=True):
            before = each.start_kwh if since_step < 0 else float(flows.soc_kwh[since_step])
            gained += each.end_value * (float(flows.soc_kwh[-1]) - before)
        return gained

    @cached_property
    def misses(self) -> tuple[Miss, ...]:
        """Every soft demand and limit that is missed, in order of steps."""
        found = list(_of_grid(self))
        for number, (each, flows) in enumerate(zip(self.task.batteries, self.batteries, strict=True), start=1):
            found += [*_of_store(number, each, flows), *_of_demands(number, each, flows, self.task)]
        return tuple(sorted(found, key=lambda miss: (miss.step, miss.kind)))


def _missed(kind: str, missed: Energy, words: str) -> Iterator[Miss]:
    for step in np.flatnonzero(missed > SHORTFALL_KWH).tolist():
        size = float(missed[step])
        yield Miss(kind, step, size, f"step {step}: {words} by {size:.4g} kWh")


def _of_grid(schedule: JointSchedule) -> Iterator[Miss]:
    task = schedule.task
    if task.import_kw is not None and task.excess_price is None:
        over = schedule.import_kwh - task.import_kw * task.hours
        yield from _missed("import_limit", over, f"the import is above {task.import_kw:g} kW")
    if task.export_kw is not None:
        yield from _missed("export_limit", schedule.curtailed_kwh, f"{task.export_kw:g} kW of export are too little")


def _of_store(number: int, each: JointBattery, flows: BatteryDispatch) -> Iterator[Miss]:
    battery = each.battery
    outside = np.maximum(flows.soc_kwh - battery.max_soc_kwh, battery.min_soc_kwh - flows.soc_kwh)
    yield from _missed("soc_range", outside, f"battery {number} is outside its usable range")


def _of_demands(number: int, each: JointBattery, flows: BatteryDispatch, task: JointTask) -> Iterator[Miss]:
    if each.goal_kwh is not None:
        short = np.where(each.goal_kwh > 0, each.goal_kwh - flows.soc_kwh, 0.0)
        short[0] = 0.0
        yield from _missed("goal", short, f"battery {number} misses its goal")
    if each.demand_kwh is not None:
        wanted = np.minimum(each.demand_kwh, each.battery.charge_kw * task.hours)
        full = flows.soc_kwh >= each.battery.max_soc_kwh - SHORTFALL_KWH
        short = np.where(full, 0.0, wanted - flows.charge_kwh)
        yield from _missed("charge_demand", short, f"battery {number} charges less than demanded")
