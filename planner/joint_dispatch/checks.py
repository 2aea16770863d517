"""Recomputes a joint dispatch from first principles; shares nothing with the statement that it was solved from."""

from collections.abc import Iterator

import numpy as np

from env.types import Energy, Mask
from planner.joint_dispatch.schedule import BatteryDispatch, JointSchedule
from planner.joint_dispatch.task import JointBattery

TOLERANCE_KWH = 1e-5


def faults(schedule: JointSchedule) -> tuple[str, ...]:
    """Return everything that is wrong with a schedule, in words; nothing where it can be carried out."""
    found = list(_of_house(schedule))
    for number, (each, flows) in enumerate(zip(schedule.task.batteries, schedule.batteries, strict=True), start=1):
        for words, size in (*_of_store(each, flows, schedule), *_of_directions(each, flows, schedule)):
            found += _steps(f"battery {number} {words}", size)
    return tuple(found)


def _steps(words: str, size: Energy) -> Iterator[str]:
    broken = np.flatnonzero(~(size <= TOLERANCE_KWH))  # not "above": a number that is none is broken too
    if len(broken):
        yield f"step {broken[0]}: {words} by {size[broken[0]]:.4g} kWh"


def _of_house(schedule: JointSchedule) -> Iterator[str]:
    """Energy is kept, the meter runs one way, the export keeps its limit, and only panels are curtailed."""
    task = schedule.task
    out = sum((flows.discharge_kwh - flows.charge_kwh for flows in schedule.batteries), start=np.zeros(task.n_steps))
    comes_in = task.pv_kwh + schedule.import_kwh + out
    goes_out = task.load_kwh + schedule.export_kwh + schedule.curtailed_kwh
    yield from _steps("the balance of the house is off", np.abs(comes_in - goes_out))
    yield from _steps("the meter runs both ways", np.minimum(schedule.import_kwh, schedule.export_kwh))
    yield from _steps("a flow is negative", -np.minimum(schedule.import_kwh, schedule.export_kwh))
    yield from _steps("more PV is curtailed than there is", schedule.curtailed_kwh - task.pv_kwh)
    if task.export_kw is None:
        yield from _steps("PV is curtailed without a limit", schedule.curtailed_kwh)
    else:
        room = task.export_kw * task.hours - schedule.export_kwh
        yield from _steps("the export is above its limit", -room)
        yield from _steps("PV is curtailed below the limit", np.minimum(schedule.curtailed_kwh, room))


def _of_store(each: JointBattery, flows: BatteryDispatch, schedule: JointSchedule) -> Iterator[tuple[str, Energy]]:
    """The store holds what it held, plus what went in, less what was taken out, and stays within its capacity."""
    battery, hours = each.battery, schedule.task.hours
    before = np.concatenate([[each.start_kwh], flows.soc_kwh[:-1]])
    gained = flows.charge_kwh * battery.charge_efficiency - flows.discharge_kwh / battery.discharge_efficiency
    yield "holds what it cannot", np.abs(flows.soc_kwh - before * battery.retention_per_hour**hours - gained)
    yield "holds more than its capacity", flows.soc_kwh - battery.capacity_kwh
    yield "holds less than nothing", -flows.soc_kwh
    yield "charges too fast", flows.charge_kwh - battery.charge_kw * hours
    yield "discharges too fast", flows.discharge_kwh - battery.discharge_kw * hours
    yield "has a negative flow", -np.minimum(flows.charge_kwh, flows.discharge_kwh)
    yield "charges and discharges", np.minimum(flows.charge_kwh, flows.discharge_kwh)


def _of_directions(each: JointBattery, flows: BatteryDispatch, schedule: JointSchedule) -> Iterator[tuple[str, Energy]]:
    """It charges with its least power or not at all, except for a last rest, and trades with the grid as allowed."""
    least = each.least_charge_kw * schedule.task.hours
    too_slow = np.minimum(flows.charge_kwh, least - flows.charge_kwh)
    yield "charges below its least power", np.where(_rest_left(each, flows, least), 0.0, too_slow)
    if not each.from_grid:
        yield "charges from the grid", np.minimum(flows.charge_kwh, schedule.import_kwh)
    if not each.to_grid:
        yield "discharges to the grid", np.minimum(flows.discharge_kwh, schedule.export_kwh)


def _rest_left(each: JointBattery, flows: BatteryDispatch, least: Energy) -> Mask:
    """Return where a demanded charge ends less than a step of its least power below full."""
    if each.demand_kwh is None:
        return np.zeros(len(least), dtype=np.bool_)
    nearly = each.battery.max_soc_kwh - flows.soc_kwh <= least + TOLERANCE_KWH
    return np.logical_and(each.demand_kwh > 0, nearly)
