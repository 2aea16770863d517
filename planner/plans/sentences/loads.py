"""The clauses on the movable loads of a slot: what each takes, at what price, and how cheap that is on its day."""

import numpy as np
import polars as pl

from env.time_grid import slot_count
from planner.plans.task import PlanTask
from planner.tolerances import VISIBLE_KWH
from planner.wording.messages import phrase
from planner.wording.values import Words, cheapest, energy, ranks


def load_clauses(task: PlanTask, schedule: pl.DataFrame, words: Words) -> list[list[str]]:
    """Return clauses on the movable loads of each slot."""
    clauses: list[list[str]] = [[] for _ in range(task.n_slots)]
    if not task.loads.names:
        return clauses
    price = schedule["import_price"].to_numpy()
    rank = np.zeros(task.n_slots)
    whole: dict[object, bool] = {}
    days = task.days.to_list()
    for day in dict.fromkeys(days):
        on_day = np.array([slot_day == day for slot_day in days])
        rank[on_day] = ranks(price[on_day])
        whole[day] = int(on_day.sum()) == slot_count(day, task.site.timezone)
    for name in task.loads.names:
        for i in np.flatnonzero(schedule[f"{name}_kwh"].to_numpy() > VISIBLE_KWH).tolist():
            taken = energy(float(schedule[f"{name}_kwh"][i]))
            values = {"price": words.price(float(price[i])), "rank": cheapest(int(rank[i])), "use": _use(name, taken)}
            if whole[days[i]]:
                clauses[i].append(phrase("{use} at {price}, the day's {rank} slot", **values))
            else:
                clauses[i].append(phrase("{use} at {price}, the day's {rank} slot of those planned", **values))
    return clauses


def _use(name: str, taken: str) -> str:
    """Return in words what a movable load uses energy for."""
    if name == "water":
        return phrase("heats water with {energy}", energy=taken)
    if name == "ev":
        return phrase("charges the car with {energy}", energy=taken)
    return phrase("runs {name} with {energy}", name=name.removeprefix("appliance_").replace("_", " "), energy=taken)
