"""The effect of the battery's use in one slot where power is charged: the plan with its other commands as they are.

A policy's own valuation holds its expectation of the month's charge. What is told to people is the bill: the slots'
cost, what they add to the month's charge as it stands, and the value of the energy left.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from env.command_menu import full_export_kw
from env.inverter import IMPORT_LIMIT, Command, Energy, apply_command
from env.simulator import flows_cost
from env.types import Index
from planner.plans.schedule import modelled_cost
from planner.plans.sentences.batteries import together
from planner.plans.task import PlanTask
from planner.tolerances import VISIBLE_KWH


@dataclass(frozen=True)
class House:
    """A plan's house: load with all that moves beside the battery, and PV, each `(n_slots,)` [kWh]."""

    load_kwh: Energy
    pv_kwh: Energy

    @classmethod
    def of(cls, task: PlanTask, schedule: pl.DataFrame, *, resting: bool = False) -> "House":
        """The house of a schedule; with its further batteries at rest, if that is asked for."""
        moved = {name: schedule[f"{name}_kwh"].to_numpy() for name in task.loads.names}
        for number in range(2, 2 + len(task.site.extra_batteries)):
            flows = (f"battery_{number}_charge", f"battery_{number}_discharge")
            moved |= {name: np.zeros(task.n_slots) if resting else schedule[f"{name}_kwh"].to_numpy() for name in flows}
        _, _, load, pv = task.arrays
        return cls(load + task.shifted_load(moved), pv)


def added_without(task: PlanTask, schedule: pl.DataFrame) -> Energy:
    """Return what the month's charge rises by where no battery discharges in a slot `(n_slots,)` [money].

    All other slots stay as they are, so that it is above zero only where the slot's power decides the charge.
    """
    rise = np.zeros(task.n_slots)
    if not task.peak_demands:
        return rise
    house, imported = House.of(task, schedule, resting=True), schedule["import_kwh"].to_numpy()
    discharge = together(task.site, schedule)["discharge_kwh"].to_numpy()
    drawn, standing = np.maximum(house.load_kwh - house.pv_kwh, 0.0), task.added_charge(imported)
    for slot in np.flatnonzero(discharge > VISIBLE_KWH).tolist():
        other = imported.copy()
        other[slot] = max(drawn[slot], imported[slot])
        rise[slot] = task.added_charge(other) - standing
    return rise


def idle_variant_costs(task: PlanTask, schedule: pl.DataFrame) -> Energy:
    """Return the extra cost of the plan with the battery idle in each slot alone `(n_slots,)` [money].

    The commands of all other slots stay; what the battery did not take or give changes what they can do.
    """
    moved = (schedule["charge_kwh"] + schedule["discharge_kwh"]).to_numpy() > VISIBLE_KWH
    extra, active = np.zeros(task.n_slots), np.flatnonzero(moved)
    if not len(active):
        return extra
    imported, cost, soc_kwh = _simulated(task, schedule, active)
    planned = modelled_cost(task, schedule)
    for row, slot in enumerate(active.tolist()):
        gained = task.end.value_gained(task.start_soc_kwh, float(soc_kwh[row]))
        extra[slot] = float(cost[row].sum()) + task.added_charge(imported[row]) - gained - planned
    return extra


def _simulated(task: PlanTask, schedule: pl.DataFrame, idle_at: Index) -> tuple[Energy, Energy, Energy]:
    """Return import and cost `(n_variants, n_slots)` and the energy left `(n_variants,)` of the variants."""
    site, house = task.site, House.of(task, schedule)
    import_price, export_price, _, _ = task.arrays
    powers = np.array([schedule[name].to_numpy() for name in Command._fields])
    limited = site.limits.takes_import_limit and IMPORT_LIMIT in schedule.columns
    limits_kw = schedule[IMPORT_LIMIT].fill_null(np.inf).to_numpy() if limited else None
    soc = np.full(len(idle_at), task.start_soc_kwh)
    imported, cost = np.empty((2, len(idle_at), task.n_slots))
    for slot in range(task.n_slots):
        idle = idle_at == slot
        charge, discharge, export = (np.where(idle, 0.0, power) for power in powers[:, slot])
        flows = apply_command(
            Command(charge, discharge, np.where(idle, full_export_kw(site), export)),
            load_kwh=house.load_kwh[slot],
            pv_kwh=house.pv_kwh[slot],
            soc_kwh=soc,
            export_price=export_price[slot],
            battery=site.battery,
            limits=site.limits,
            import_limit_kw=None if limits_kw is None else np.where(idle, np.inf, limits_kw[slot]),
        )
        imported[:, slot] = flows.import_kwh
        cost[:, slot] = flows_cost(flows, import_price[slot], export_price[slot], site.battery)
        soc = np.asarray(flows.soc_end_kwh)
    return imported, cost, soc
