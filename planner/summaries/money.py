"""Savings of a plan against a battery that is not used, slot by slot, in parts that add up to the whole.

The whole is the difference of two modelled costs (`planner.plans.schedule.modelled_cost`), so that no second way of
counting begins here: the batteries' part is import, export and wear beside the same house without them, and what
is left of the difference is the loads that were moved, the month's charge, and the energy at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from env.command_menu import full_export_kw
from env.inverter import Command, Energy, apply_command
from planner.plans.energy_uses import energy_lots
from planner.plans.idle_variants import House
from planner.plans.release import idle_schedule
from planner.plans.sentences.batteries import BatteryFlows, batteries_of
from planner.plans.task import PlanTask


@dataclass(frozen=True, kw_only=True)
class Savings:
    """Savings against a battery that is not used [money].

    Attributes:
        battery: by the batteries in each slot `(n_slots,)`: below zero where they charge from the grid.
        loads: by movable loads over the whole plan.
        peaks: on the month's demand charge.
        left: by the energy that is left at the end.
        gain: what the energy charged in each slot brings later, less what it costs now `(n_slots,)`.
    """

    battery: Energy
    loads: float
    peaks: float
    left: float
    gain: Energy

    @property
    def total(self) -> float:
        """Return the saving of the plan."""
        return float(self.battery.sum()) + self.loads + self.peaks + self.left


def savings(task: PlanTask, schedule: pl.DataFrame) -> Savings:
    """Return what the schedule of a task saves against idle."""
    batteries = batteries_of(task.site, schedule)
    each_saves = _battery_savings(task, schedule, batteries)
    idle, battery = idle_schedule(task), sum(each_saves[1:], start=each_saves[0])
    gains = [_gains(task, *each) for each in zip(batteries, each_saves, strict=True)]
    costs = [float(each["cost"].sum()) for each in (schedule, idle)]
    ends = [float(each["soc_end_kwh"][-1]) for each in (schedule, idle)]
    charges = [task.added_charge(each["import_kwh"].to_numpy()) for each in (schedule, idle)]
    return Savings(
        battery=battery,
        loads=costs[1] - costs[0] - float(battery.sum()),
        peaks=charges[1] - charges[0],
        left=task.end.value_gained(task.start_soc_kwh, ends[0]) - task.end.value_gained(task.start_soc_kwh, ends[1]),
        gain=sum(gains[1:], start=gains[0]),
    )


def _battery_savings(task: PlanTask, schedule: pl.DataFrame, batteries: Sequence[BatteryFlows]) -> list[Energy]:
    """Return what each battery saves in each slot, beside the same house without it, each `(n_slots,)` [money].

    One is taken out of the house after the other, the first one first: together they save what the house without any
    would cost more.
    """
    import_price, export_price, _, _ = task.arrays
    house = House.of(task, schedule)
    drawn, grid = house.load_kwh, [schedule[f"{name}_kwh"].to_numpy() for name in ("import", "export")]
    saved: list[Energy] = []
    for each in batteries:
        if each.number > 1:  # its flows are a part of what the house draws
            drawn = drawn - each.charge_kwh + each.discharge_kwh
        without = _without_battery(task, replace(house, load_kwh=drawn), schedule["soc_start_kwh"].to_numpy())
        money = (without[0] - grid[0]) * import_price - (without[1] - grid[1]) * export_price
        wear = each.battery.charge_wear, each.battery.discharge_wear
        saved.append(money - each.charge_kwh * wear[0] - each.discharge_kwh * wear[1])
        grid = [*without]
    return saved


def _without_battery(task: PlanTask, house: House, soc_kwh: Energy) -> tuple[Energy, Energy]:
    """Return import and export of a house whose battery rests, each `(n_slots,)` [kWh]."""
    nothing = np.zeros(task.n_slots)
    without = apply_command(
        Command(nothing, nothing, nothing + full_export_kw(task.site)),
        load_kwh=house.load_kwh,
        pv_kwh=house.pv_kwh,
        soc_kwh=soc_kwh,
        export_price=task.arrays[1],
        battery=replace(task.site.battery, charge_kw=0.0, discharge_kw=0.0),
        limits=task.site.limits,
    )
    return without.import_kwh, without.export_kwh


def _gains(task: PlanTask, each: BatteryFlows, saved: Energy) -> Energy:
    """Return what the energy that a battery charges in each slot brings later, less what it costs now `(n_slots,)`.

    Energy is used first in, first out; what is left at the end is worth what the last kWh there is, and nothing in
    further batteries, which end as they begin.
    """
    battery, charge, discharge = each.battery, each.charge_kwh, each.discharge_kwh
    lots = energy_lots(charge_kwh=charge, discharge_kwh=discharge, start_soc_kwh=each.start_soc_kwh, battery=battery)
    later = lots.shares @ np.where(discharge > 0, saved, 0.0)
    left = lots.kept_kwh * battery.retention_per_slot**task.n_slots
    worth = task.end.marginal_value(float(each.soc_end_kwh[-1])) if each.number == 1 else 0.0
    return np.where(charge > 0, saved + later + left * worth, 0.0)
