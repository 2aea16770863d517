"""The figures of one plan: its modelled money by where it goes, and what it moves."""

import numpy as np
import polars as pl

from env.time_grid import SLOT_HOURS
from planner.plans.task import PlanTask
from planner.whatif.figures import Figures


def plan_figures(task: PlanTask, schedule: pl.DataFrame, *, cost: float, idle_cost: float) -> Figures:
    """Return the figures of a schedule under its task's forecast.

    Args:
        task: the planning task.
        schedule: of its slots.
        cost: modelled cost of the schedule, less the value of the end [money].
        idle_cost: the same of idle [money].
    """
    moved = {name: schedule[f"{name}_kwh"].to_numpy() for name in ("import", "export", "charge", "discharge")}
    import_price, export_price, _, _ = task.arrays
    energy = float(moved["import"] @ import_price - moved["export"] @ export_price)
    charge = task.added_charge(moved["import"])
    settlement = task.end.value_gained(task.start_soc_kwh, float(schedule["soc_end_kwh"][-1]))
    battery = task.site.battery
    drawn = float(battery.drawn_by(moved["discharge"]).sum())
    return Figures(
        cost=cost,
        saving=idle_cost - cost,
        energy=energy,
        wear=cost - energy - charge + settlement,
        demand_charge=charge,
        settlement=settlement,
        **{f"{name}_kwh": float(energies.sum()) for name, energies in moved.items()},
        curtailed_kwh=float(schedule["curtailed_kwh"].sum()),
        cycles=drawn / battery.capacity_kwh if battery.capacity_kwh else 0.0,
        peak_kw=float(np.max(moved["import"])) / SLOT_HOURS,
    )
