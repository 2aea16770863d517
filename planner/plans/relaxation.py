"""Diagnosis of an infeasible task: which demand contradicts which limits, from which slot, and the least relaxation.

A limit is named if raising it alone would meet every demand, so nothing is guessed. The least relaxation is solved for
(`elastic_problem`); `relaxed` turns it into a feasible task.
"""

from dataclasses import replace
from datetime import timedelta

import numpy as np

from env.time_grid import SLOT_HOURS
from planner.errors import Conflict, ContradictionError, Relaxation, SolverError
from planner.optimizer.deferrable_loads import PlannedLoads
from planner.plans.elastic_problem import Shortfall, least_raise, least_shortfall
from planner.plans.task import PlanTask
from planner.tolerances import SHORTFALL_KWH
from planner.wording.values import Words, power

_LIMITS = {
    "charge_kw": "charge power",
    "discharge_kw": "discharge power",
    "import_kw": "fuse",
    "export_kw": "export limit",
    "inverter_kw": "inverter",
}
_LOADS = {"water": "the water heater", "ev": "the car"}


def contradiction(task: PlanTask) -> ContradictionError | None:
    """Return the contradiction in a task; None if it is feasible, or if the diagnosis itself fails."""
    try:
        shortfall = least_shortfall(task)
    except SolverError:
        return None
    if shortfall.nothing:
        return None
    limits = _limits(task)
    blocking = " and ".join(limit.sentence for limit in limits) if limits else "what the home can do"
    demands = _demands(task, shortfall, blocking)
    alternatives = [" and ".join(_relaxed_demands(task, shortfall)), *_raised_limits(task, limits)]
    return ContradictionError(
        "; ".join(demand.sentence for demand in demands),
        conflicts=(*demands, *limits),
        relaxation=_relaxation(task, shortfall),
        hint=f"least relaxation: {', or '.join(alternatives)}",
    )


def check_end(task: PlanTask) -> None:
    """Refuse an end outside the battery's range, which the optimiser would allow.

    Raises:
        ContradictionError: with the least relaxation.
    """
    demanded, battery = task.end.return_soc_kwh, task.site.battery
    low, high = min(battery.min_soc_kwh, task.start_soc_kwh), max(battery.max_soc_kwh, task.start_soc_kwh)
    if demanded is not None and not low <= demanded <= high and (error := contradiction(task)) is not None:
        raise error


def relaxed(task: PlanTask, relaxation: Relaxation) -> PlanTask:
    """Return the task with its demands relaxed."""
    end = task.end
    if relaxation.return_soc_kwh is not None:
        end = replace(end, return_soc_kwh=relaxation.return_soc_kwh)
    if relaxation.floor_kwh is not None and end.curve is not None:
        end = replace(end, curve=replace(end.curve, floor_kwh=relaxation.floor_kwh))
    flexible = tuple(
        replace(load, energy_kwh=relaxation.load_energy_kwh.get(load.name, load.energy_kwh))
        for load in task.loads.flexible
    )
    runs = tuple(run for run in task.loads.runs if run.name not in relaxation.dropped)
    return replace(task, end=end, given_loads=PlannedLoads(flexible, runs))


def _relaxation(task: PlanTask, shortfall: Shortfall) -> Relaxation:
    """Return the shortfall as new demands, `SHORTFALL_KWH` easier than the solver's, since it rounds."""
    end = task.end
    given = shortfall.end_over - shortfall.end_short
    given = given + float(np.sign(given)) * SHORTFALL_KWH if abs(given) > SHORTFALL_KWH else 0.0
    return Relaxation(
        return_soc_kwh=None if end.return_soc_kwh is None or given == 0 else end.return_soc_kwh + given,
        floor_kwh=None if end.curve is None or given == 0 else end.curve.floor_kwh + given,
        load_energy_kwh={
            load.name: np.maximum(load.energy_kwh - missing - SHORTFALL_KWH * (missing > SHORTFALL_KWH), 0.0)
            for load in task.loads.flexible
            if (missing := shortfall.loads[load.name]).max() > SHORTFALL_KWH
        },
        dropped=shortfall.dropped,
    )


def _demands(task: PlanTask, shortfall: Shortfall, blocking: str) -> list[Conflict]:
    """Return the demands that cannot be met, each with the slot of its deadline."""
    words, last = Words(task.site.currency, task.site.timezone), task.n_slots - 1
    conflicts: list[Conflict] = []
    missing = max(shortfall.end_short, shortfall.end_over)
    if missing > SHORTFALL_KWH:
        name = "end_floor" if task.end.return_soc_kwh is None else "return_soc"
        demanded = _demanded_end(task)
        reached = demanded + shortfall.end_over - shortfall.end_short
        most = "most" if shortfall.end_short > 0 else "least"
        sentence = f"return to {demanded:.1f} kWh by {_ends(task, last, words)} contradicts {blocking}"
        sentence = f"{sentence}: at {most} {reached:.1f} kWh can be reached"
        conflicts.append(_conflict(task, name, last, missing, sentence))
    for load in task.loads.flexible:
        lacking = shortfall.loads[load.name].tolist()
        for window, energy, lacks in zip(load.windows, load.energy_kwh.tolist(), lacking, strict=True):
            if lacks > SHORTFALL_KWH:
                slot = int(np.flatnonzero(window)[-1])
                demand = f"{energy:.1f} kWh for {_name(load.name)} by {_ends(task, slot, words)}"
                sentence = f"{demand} contradict {blocking}: at most {energy - lacks:.1f} kWh can be had"
                conflicts.append(_conflict(task, load.name, slot, lacks, sentence))
    for run in task.loads.runs:
        if run.name in shortfall.dropped:
            slot = int(np.flatnonzero(run.may_start)[-1])
            by = _ends(task, slot + len(run.energy_kwh) - 1, words)
            sentence = f"a run of {_name(run.name)} by {by} contradicts {blocking}"
            conflicts.append(_conflict(task, run.name, slot, float(run.energy_kwh.sum()), sentence))
    return conflicts


def _demanded_end(task: PlanTask) -> float:
    """Return the stored energy demanded at the end [kWh]."""
    if task.end.return_soc_kwh is not None:
        return task.end.return_soc_kwh
    return task.end.curve.floor_kwh if task.end.curve is not None else 0.0


def _conflict(task: PlanTask, limit: str, slot: int, size: float, sentence: str) -> Conflict:
    start = task.slots["slot_start"][slot] if "slot_start" in task.slots.columns else None
    return Conflict(limit=limit, slot=slot, slot_start=start, size=size, unit="kWh", sentence=sentence)


def _ends(task: PlanTask, slot: int, words: Words) -> str:
    """Return the local time of a slot's end, seen from the horizon's start; without a clock, its index in words."""
    if "slot_start" not in task.slots.columns:
        return f"the end of slot {slot}"
    starts = task.slots["slot_start"]
    end = starts[min(slot, task.n_slots - 1)] + timedelta(hours=SLOT_HOURS)
    return words.clock(end, starts[0])


def _name(load: str) -> str:
    return _LOADS.get(load, load.removeprefix("appliance_").replace("_", " "))


def _limits(task: PlanTask) -> list[Conflict]:
    """Return the limits that alone, if raised, would let every demand be met."""
    battery, limits = task.site.battery, task.site.limits
    values = {
        "charge_kw": battery.charge_kw,
        "discharge_kw": battery.discharge_kw,
        "import_kw": limits.import_kw,
        "export_kw": limits.export_kw,
        "inverter_kw": limits.inverter_kw,
    }
    conflicts: list[Conflict] = []
    for limit, value in values.items():
        extra = None if value is None else least_raise(task, limit)
        if value is None or extra is None:
            continue
        sentence = f"{_LIMITS[limit]} of {power(value)}"
        conflicts.append(Conflict(limit=limit, slot=None, slot_start=None, size=extra, unit="kW", sentence=sentence))
    demanded = task.end.return_soc_kwh
    if demanded is not None and not battery.min_soc_kwh <= demanded <= battery.max_soc_kwh:
        off = max(battery.min_soc_kwh - demanded, demanded - battery.max_soc_kwh)
        sentence = f"the battery's range of {battery.min_soc_kwh:.1f} to {battery.max_soc_kwh:.1f} kWh"
        conflicts.append(
            Conflict(limit="soc_range", slot=None, slot_start=None, size=off, unit="kWh", sentence=sentence)
        )
    return conflicts


def _relaxed_demands(task: PlanTask, shortfall: Shortfall) -> list[str]:
    """Return the demands in words as they would have to be."""
    demands: list[str] = []
    given = shortfall.end_over - shortfall.end_short
    if abs(given) > SHORTFALL_KWH:
        demands.append(f"return to {_demanded_end(task) + given:.1f} kWh")
    for load in task.loads.flexible:
        lacks = float(shortfall.loads[load.name].sum())
        if lacks > SHORTFALL_KWH:
            demands.append(f"{load.energy_kwh.sum() - lacks:.1f} kWh for {_name(load.name)}")
    return [*demands, *(f"no run of {_name(name)}" for name in shortfall.dropped)]


def _raised_limits(task: PlanTask, limits: list[Conflict]) -> list[str]:
    """Return the limits in words as they would have to be."""
    battery, connection = task.site.battery, task.site.limits
    raised: list[str] = []
    for conflict in limits:
        if conflict.limit != "soc_range":
            owner = battery if conflict.limit in ("charge_kw", "discharge_kw") else connection
            # Rounded up: the value that is shown has to be enough.
            enough = np.ceil((getattr(owner, conflict.limit) + conflict.size) * 100 - 1e-3) / 100
            raised.append(f"{_LIMITS[conflict.limit]} of {power(float(enough))}")
    return raised
