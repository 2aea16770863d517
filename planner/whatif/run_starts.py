"""The price of an appliance's run by its start, with the battery planned around it.

    price of a start = cost of the cheapest plan with the run in it - cost of the cheapest plan without it

Both plans see the same forecast, limits, month's peaks and value of what is left at the end, so that the price holds
what the run takes from the battery, the panels and the fuse, and not only the price of the slots it runs in.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl

from env.time_grid import SLOT_HOURS, zone
from planner.errors import LoadRequestError, NoFeasibleScheduleError
from planner.plans.make_plan import Plan, make_plan
from planner.plans.task import PlanTask
from planner.tolerances import VISIBLE_KWH


@dataclass(frozen=True, kw_only=True)
class RunStart:
    """A start and its price.

    Attributes:
        start: start of the run in UTC.
        end: its end in UTC.
        price: what the run adds to the plan's cost [money]; None where the fuse does not allow it then.
    """

    start: datetime
    end: datetime
    price: float | None


def run_starts(task: PlanTask, power_kw: float, run_hours: float, latest_end: datetime | None = None) -> list[RunStart]:
    """Return the price of every start of a run, in order of time.

    Args:
        task: the plan without the run.
        power_kw: power while it runs [kW].
        run_hours: duration [h]; the last slot takes its part of it.
        latest_end: moment by which it has to be done; None: the end of the horizon.

    Raises:
        LoadRequestError: it does not fit between the first slot and its latest end.
        NoFeasibleScheduleError: there is no plan without the run either.
    """
    starts, run = task.slots["slot_start"].to_list(), _slots_of(power_kw, run_hours)
    step = starts[1] - starts[0] if len(starts) > 1 else None
    horizon_end = starts[-1] if step is None else starts[-1] + step
    until = horizon_end if latest_end is None else min(latest_end, horizon_end)
    ends = [*starts[1:], horizon_end]
    fitting = [
        number
        for number in range(len(starts) - len(run) + 1)
        if step is not None and ends[number + len(run) - 1] <= until
    ]
    if not fitting:
        first, last = (moment.astimezone(zone(task.site.timezone)) for moment in (starts[0], until))
        message = f"a run of {run_hours:g} h does not fit between {first:%Y-%m-%d %H:%M} and {last:%Y-%m-%d %H:%M}"
        error = LoadRequestError(message)
        error.hint = "name a shorter run, or a later time to be done by"
        raise error
    without = make_plan(task, explained=False)
    return [RunStart(start=starts[n], end=ends[n + len(run) - 1], price=_price(task, run, n, without)) for n in fitting]


def _slots_of(power_kw: float, run_hours: float) -> list[float]:
    """Return the energy of a run slot by slot [kWh]."""
    n_slots = math.ceil(run_hours / SLOT_HOURS - 1e-9)
    energy = [power_kw * SLOT_HOURS] * n_slots
    energy[-1] = power_kw * (run_hours - (n_slots - 1) * SLOT_HOURS)
    return energy


def _price(task: PlanTask, run: list[float], first: int, without: Plan) -> float | None:
    """Return what a run from a slot on adds to the cost [money]; None where the home's limits do not allow it."""
    added = np.zeros(task.n_slots)
    added[first : first + len(run)] = run
    slots = task.slots.with_columns(pl.col("load_kwh") + pl.Series(added))
    try:
        plan = make_plan(replace(task, slots=slots), explained=False)
    except NoFeasibleScheduleError:
        return None
    if _above_fuse(task, plan) > _above_fuse(task, without) + VISIBLE_KWH:  # plans bend the fuse rather than fail
        return None
    return plan.cost - without.cost


def _above_fuse(task: PlanTask, plan: Plan) -> float:
    """Return the energy that a plan imports above the fuse [kWh]."""
    fuse = task.site.limits.import_kw
    if fuse is None:
        return 0.0
    return float(np.maximum(plan.schedule["import_kwh"].to_numpy() - fuse * SLOT_HOURS, 0.0).sum())
