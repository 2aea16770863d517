"""The movable loads of a plan as values of a document: energy, and money against a home without plans."""

from dataclasses import asdict
from typing import Any

import polars as pl

from darkstar_pipeline.planning.loads.load_blocks import running_times
from planner.errors import PlannerError
from planner.loads.load_costs import load_costs
from planner.plans.task import PlanTask
from planner.wording.messages import phrase

_NAMES = {"ev": phrase("the car"), "water": phrase("hot water")}


def load_values(task: PlanTask, schedule: pl.DataFrame) -> list[dict[str, Any]]:
    """Return what a plan gives each movable load, and what that costs; empty where there are none."""
    hours = {name: schedule[f"{name}_kwh"].to_numpy() for name in task.loads.names}
    starts = schedule["slot_start"].to_list()
    try:
        costs = load_costs(task, hours)
    except PlannerError:  # a plan is useful without them
        costs = {}
    return [
        {
            "name": name,
            "energy_kwh": float(energy.sum()),
            "cost": costs[name].cost if name in costs else None,
            "unplanned_kwh": costs[name].unplanned_kwh if name in costs else None,
            "unplanned_cost": costs[name].unplanned_cost if name in costs else None,
            "blocks": [asdict(time) for time in running_times(starts, energy)],
        }
        for name, energy in hours.items()
    ]


def load_sentence(values: dict[str, Any], currency: str) -> str:
    """Return a load's energy and money in a sentence.

    >>> load_sentence({"name": "ev", "energy_kwh": 20, "cost": 9.5, "unplanned_cost": 14.25}, "SEK")
    'the car: 20.0 kWh for 9.50 SEK; at once, without a plan, 14.25 SEK'
    """
    said = {
        "load": load_name(values["name"]),
        "kwh": values["energy_kwh"],
        "cost": values["cost"],
        "unplanned": values["unplanned_cost"],
        "currency": currency,
    }
    if values["cost"] is None:
        return phrase("{load}: {kwh:.1f} kWh", **said)
    if values["unplanned_cost"] is None:
        return phrase("{load}: {kwh:.1f} kWh for {cost:.2f} {currency}", **said)
    return phrase(
        "{load}: {kwh:.1f} kWh for {cost:.2f} {currency}; at once, without a plan, {unplanned:.2f} {currency}", **said
    )


def load_name(name: str) -> str:
    """Return the words for a movable load."""
    return _NAMES.get(name, name.removeprefix("appliance_").replace("_", " "))
