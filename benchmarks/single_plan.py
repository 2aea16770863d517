"""A plan of two days for a home with battery, heater in spaced blocks and car: its time, its gap, its verification.

On the bench homes and prices, a plan from each local midnight to the end of the next day: 8 kWh of hot water a day in
blocks that start at least 5 hours apart, and 40 kWh for the car by 07:00, none of it from the battery. Timed is the
service's road from inputs to a schedule to release: the program is stated anew, solved, verified, and compared with
self-consumption and idle. Explaining every slot is done on demand and timed apart (`explained`). A first plan of each
length, which compiles the statement, is not timed (cold process).

The gap is the plan's own figure, against the relaxed program's bound; its real excess is measured on some days against
the search over all binaries, which takes seconds.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import BenchHomes, Pair, default_site
from env.devices import Devices, ElectricVehicle, WaterHeater
from env.site import Site
from env.time_grid import day_start
from planner.optimizer.deferrable_loads import LoadRequests, VehicleRequest
from planner.plans.make_plan import Plan, make_plan
from planner.plans.release import PLAN
from planner.plans.task import End, PlanTask
from planner.value.protocol import Protocol

FIRST, LAST = date(2025, 10, 2), date(2026, 3, 31)  # both changes of the clock
EVERY_DAYS = 3  # a plan every third day: 117 in all
SHORT_LAST = date(2025, 11, 20)
LEAST_PLANS, MOST_MS = 100, 150.0
SEARCHED, SHORT_SEARCHED = 8, 2  # plans searched over all binaries, of the first pair
SEARCH_SECONDS = 20.0
DEVICES = Devices(
    water_heater=WaterHeater(power_kw=3, energy_kwh_per_day=8, vacation_kwh_per_day=1, spacing_hours=5),
    vehicle=ElectricVehicle(power_kw=11),
)
CAR_KWH, CAR_LEAVES, CAR_CAME = 40.0, timedelta(hours=7), timedelta(hours=18)


def run(scope: Scope) -> list[Row]:
    """Time every plan once, after one of each length."""
    site, homes = replace(default_site(), devices=DEVICES), scope.homes
    pairs = ((homes.villa, "SE4"), (homes.gaps, "SE3"))
    last = scope.of(LAST, SHORT_LAST)
    tasks = [task for pair in scope.of(pairs, pairs[:1]) for task in tasks_of(homes, pair, site, last=last)]
    for n_slots in {task.n_slots for task in tasks}:
        make_plan(next(task for task in tasks if task.n_slots == n_slots))
    timed = [_timed(task) for task in tasks]
    milliseconds = 1000 * np.array([seconds for _, seconds, _ in timed])
    cpu = 1000 * np.array([seconds for _, _, seconds in timed])
    plans = [plan for plan, _, _ in timed]
    explained = [1000 * _timed(task, explained=True)[1] for task in tasks[::EVERY_DAYS]]
    half, most = np.percentile(milliseconds, [50, 95])
    verified = sum(plan.verification.valid for plan in plans)
    gaps = np.array([plan.solver.gap for plan in plans])
    n_searched = scope.of(SEARCHED, SHORT_SEARCHED)
    return [
        Row("plans", len(plans), "plans", f">= {LEAST_PLANS}", len(plans) >= LEAST_PLANS, applies="whole"),
        Row("p50_ms", float(half), "ms"),
        Row("p95_ms", float(most), "ms", target=f"<= {MOST_MS:.0f}", met=bool(most <= MOST_MS)),
        Row("max_ms", float(milliseconds.max()), "ms"),
        Row("p95_cpu_ms", float(np.percentile(cpu, 95)), "ms"),
        Row("p95_ms_explained", float(np.percentile(explained, 95)), "ms"),
        Row("verified", verified, "plans", target=f"{len(plans)}", met=verified == len(plans)),
        Row("released_the_plan", sum(plan.released == PLAN for plan in plans), "plans"),
        Row("p50_gap_to_bound", float(np.median(gaps))),
        Row("p95_gap_to_bound", float(np.percentile(gaps, 95))),
        *_searched_rows(tasks[:: max(len(tasks) // (2 * n_searched), 1)][:n_searched]),
    ]


def tasks_of(homes: BenchHomes, pair: Pair, site: Site, *, last: date = LAST) -> Iterator[PlanTask]:
    """Yield a task every few days: two whole days in a row from half full, the end valued at their median price."""
    days = homes.slots(pair, site, FIRST, last).partition_by("local_day", maintain_order=True)
    for today, tomorrow in list(pairwise(days))[::EVERY_DAYS]:
        first_day, last_day = today["local_day"][0], tomorrow["local_day"][0]
        if last_day - first_day == timedelta(days=1):
            yield _task(pl.concat([today, tomorrow]), site, last_day)


def _task(slots: pl.DataFrame, site: Site, last: date) -> PlanTask:
    soc = site.battery.soc_kwh(50.0)
    value = Protocol(start_soc_kwh=soc).settlement(slots["import_price"].to_numpy(), site.battery)
    leaves = day_start(last, site.timezone) + CAR_LEAVES
    stay = VehicleRequest(
        arrives=day_start(last, site.timezone) - timedelta(days=1) + CAR_CAME, departs=leaves, energy_kwh=CAR_KWH
    )
    return PlanTask(
        slots=slots.drop("local_day"),
        site=site,
        start_soc_kwh=soc,
        end=End(value=value),
        requests=LoadRequests(vehicle=stay),
    )


def _timed(task: PlanTask, *, explained: bool = False) -> tuple[Plan, float, float]:
    """Return a plan, its wall time and its processor time [s]."""
    fresh = replace(task)  # so that nothing is kept from before
    wall, cpu = time.perf_counter(), time.process_time()
    plan = make_plan(fresh, explained=explained)
    return plan, time.perf_counter() - wall, time.process_time() - cpu


def _searched_rows(tasks: list[PlanTask]) -> list[Row]:
    """Return the excess of the plans over the optimum, or over the bound where the search did not end."""
    excess: list[float] = []
    for task in tasks:
        placed, best = (task.program().solve(exact=exact, time_limit=SEARCH_SECONDS) for exact in (False, True))
        bound = best.objective - best.record.gap * abs(best.objective)
        excess.append((placed.objective - bound) / abs(bound))
    return [
        Row("p50_excess_over_search", float(np.median(excess))),
        Row("max_excess_over_search", float(np.max(excess))),
    ]
