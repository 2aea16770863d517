"""Savings of a plan against a battery that is not used, slot by slot, in parts that add up to the whole.

The whole is the difference of two modelled costs (`planner.plans.schedule.modelled_cost`), so that no second way of
counting begins here: the battery's part is import, export and wear beside the same house without its battery, and what
is left of the difference is the loads that were moved, the month's charge, and the energy at the end.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from env.command_menu import full_export_kw
from env.inverter import Command, Energy, apply_command
from planner.plans.energy_uses import energy_lots
from planner.plans.idle_variants import House
from planner.plans.release import idle_schedule
from planner.plans.task import PlanTask


@dataclass(frozen=True, kw_only=True)
class Savings:
    """Savings against a battery that is not used [money].

    Attributes:
        battery: by the battery in each slot `(n_slots,)`: below zero where it charges from the grid.
        loads: by movable loads and further batteries over the whole plan.
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
    idle, battery = idle_schedule(task), _battery_savings(task, schedule)
    costs = [float(each["cost"].sum()) for each in (schedule, idle)]
    ends = [float(each["soc_end_kwh"][-1]) for each in (schedule, idle)]
    charges = [task.added_charge(each["import_kwh"].to_numpy()) for each in (schedule, idle)]
    return Savings(
        battery=battery,
        loads=costs[1] - costs[0] - float(battery.sum()),
        peaks=charges[1] - charges[0],
        left=task.end.value_gained(task.start_soc_kwh, ends[0]) - task.end.value_gained(task.start_soc_kwh, ends[1]),
        gain=_gains(task, schedule, battery),
    )


def _battery_savings(task: PlanTask, schedule: pl.DataFrame) -> Energy:
    """Return what the battery saves in each slot, beside the same house without it `(n_slots,)` [money]."""
    import_price, export_price, _, _ = task.arrays
    battery, house = task.site.battery, House.of(task, schedule)
    nothing = np.zeros(task.n_slots)
    without = apply_command(
        Command(nothing, nothing, nothing + full_export_kw(task.site)),
        load_kwh=house.load_kwh,
        pv_kwh=house.pv_kwh,
        soc_kwh=schedule["soc_start_kwh"].to_numpy(),
        export_price=export_price,
        battery=replace(battery, charge_kw=0.0, discharge_kw=0.0),
        limits=task.site.limits,
    )
    imported, exported, charge, discharge = (
        schedule[f"{name}_kwh"].to_numpy() for name in ("import", "export", "charge", "discharge")
    )
    money = (without.import_kwh - imported) * import_price - (without.export_kwh - exported) * export_price
    return money - charge * battery.charge_wear - discharge * battery.discharge_wear


def _gains(task: PlanTask, schedule: pl.DataFrame, battery_savings: Energy) -> Energy:
    """Return what the energy charged in each slot brings later, less what it costs now `(n_slots,)` [money].

    Energy is used first in, first out; what is left at the end is worth what the last kWh there is.
    """
    battery = task.site.battery
    charge, discharge = (schedule[f"{name}_kwh"].to_numpy() for name in ("charge", "discharge"))
    lots = energy_lots(charge_kwh=charge, discharge_kwh=discharge, start_soc_kwh=task.start_soc_kwh, battery=battery)
    later = lots.shares @ np.where(discharge > 0, battery_savings, 0.0)
    left = lots.kept_kwh * battery.retention_per_slot**task.n_slots
    worth = task.end.marginal_value(float(schedule["soc_end_kwh"][-1]))
    return np.where(charge > 0, battery_savings + later + left * worth, 0.0)
