"""Car and hot water planned, against at once: every night of a window with a car of its own, known load and sun.

A night's plan reaches from 18:00 to 18:00 and costs what whole plans differ by, so the battery is in it. Training weeks
and test weeks alike: nothing is chosen here.
"""

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import numpy as np
import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.batteries import LARGE, USUAL, BenchBattery
from benchmarks.homes.bench_homes import BenchHomes, Pair
from env.devices import Devices, ElectricVehicle, WaterHeater
from env.site import Site
from planner.errors import PlannerError
from planner.loads.load_costs import LoadCost, load_costs
from planner.optimizer.deferrable_loads import LoadRequests, VehicleRequest, Wish
from planner.parallel import map_shards
from planner.plans.make_plan import make_plan
from planner.plans.task import End, PlanTask

SHORT_DAYS, LONG_DAYS = 20, 120
EVENING_HOUR, NIGHT_HOURS = 18, 13
MINIMUM_KWH, TARGET_KWH = 10.0, 20.0
ROUNDING_KWH = 1e-6
DEVICES = Devices(vehicle=ElectricVehicle(power_kw=8.0), water_heater=WaterHeater(power_kw=3.0, energy_kwh_per_day=6.0))


@dataclass(frozen=True)
class _Nights:
    """Costs of all nights by load, and the processor time of a plan [s]."""

    costs: dict[str, list[LoadCost]]
    seconds: list[float]
    fed_kwh: float


def run(scope: Scope) -> list[Row]:
    """Plan the nights of every pair with both batteries."""
    rows: list[Row] = []
    for battery in scope.of((USUAL, LARGE), (USUAL,)):
        pairs = scope.of(scope.homes.pairs[:6], scope.homes.pairs[:1])
        found = map_shards(partial(_pair, scope.homes, battery, scope.of(LONG_DAYS, SHORT_DAYS)), pairs)
        for (home, area), nights in zip(pairs, found, strict=True):
            rows += _rows(f"{home}_{area}{battery.suffix}", nights)
    return rows


def _rows(name: str, nights: _Nights) -> list[Row]:
    rows: list[Row] = []
    for load, costs in nights.costs.items():
        planned = sum(cost.cost for cost in costs)
        at_once = sum(cost.unplanned_cost or 0.0 for cost in costs)
        rows += [
            Row(f"loads_{load}_planned_{name}", planned, "money"),
            Row(f"loads_{load}_at_once_{name}", at_once, "money", ">= planned", at_once >= planned - ROUNDING_KWH),
        ]
    fed = nights.fed_kwh
    rows.append(Row(f"loads_battery_while_charging_{name}", fed, "kWh above the house", "0", fed < ROUNDING_KWH))
    return [*rows, Row(f"loads_plan_seconds_{name}", float(np.median(nights.seconds)), "s of processor time")]


def _pair(homes: BenchHomes, battery: BenchBattery, n_days: int, pair: Pair) -> _Nights:
    """Plan each evening of a pair."""
    site = replace(battery.site(), devices=DEVICES)
    slots = homes.window(pair, site, n_days=n_days)
    local = pl.col("slot_start").dt.convert_time_zone(site.timezone)
    evening = (local.dt.hour() == EVENING_HOUR) & (local.dt.minute() == 0)
    nights = _Nights({"ev": [], "water": []}, [], 0.0)
    fed = 0.0
    for index in slots.with_row_index().filter(evening)["index"].to_list():
        ahead = slots.slice(index, 96)
        if ahead.height == 96:  # noqa: PLR2004 - a day of quarter-hours
            fed += _plan_night(site, ahead, nights)
    return replace(nights, fed_kwh=fed)


def _plan_night(site: Site, slots: pl.DataFrame, nights: _Nights) -> float:
    """Plan a night, note what its loads cost; return what the battery gave beyond the house while the car charged."""
    at = slots["slot_start"][0]
    wishes = (Wish(MINIMUM_KWH), Wish(TARGET_KWH - MINIMUM_KWH))
    request = VehicleRequest(arrives=at, departs=at + timedelta(hours=NIGHT_HOURS), wishes=wishes)
    columns = ("slot_start", "import_price", "export_price", "load_kwh", "pv_kwh")
    task = PlanTask(
        slots=slots.select(columns),
        site=site,
        start_soc_kwh=site.battery.soc_kwh(50.0),
        end=End(value=float(slots["import_price"].to_numpy().mean())),
        requests=LoadRequests(vehicle=request),
    )
    began = time.process_time()
    schedule = make_plan(task, explained=False).schedule
    nights.seconds.append(time.process_time() - began)
    hours = {name: schedule[f"{name}_kwh"].to_numpy() for name in task.loads.names}
    try:
        costs = load_costs(task, hours)
    except PlannerError:
        return 0.0
    for name, cost in costs.items():
        nights.costs[name].append(cost)
    charging = schedule.filter(pl.col("ev_kwh") > ROUNDING_KWH)
    house = (charging["load_kwh"] + charging["water_kwh"] - charging["pv_kwh"]).clip(lower_bound=0.0)
    return float((charging["discharge_kwh"] - house).clip(lower_bound=0.0).sum())
