"""The oracle against the same days written as a MILP with PuLP and CBC: the same answer, how many times as fast.

Both get the same arrays and are timed from arrays to answer, day by day, in one process.
"""

import time
from collections.abc import Callable, Iterator
from datetime import date

import numpy as np
import pulp

from benchmarks.bench_homes import bench_slots, default_site
from benchmarks.harness import Row
from env.inverter import Energy, slot_limit
from env.site import Site
from planner.linear_program import HomeProgram
from planner.oracle import needed_arrays
from planner.protocol import Protocol

HOME, AREA = "fontana_B02", "SE4"
FIRST, LAST = date(2025, 10, 2), date(2025, 12, 10)  # 70 days, the 100-slot day among them
# By default CBC takes a binary of 1e-6 for 0, which moves a cheap day by 1e-6 of its cost.
CBC_EXACT = ["integerTolerance 1e-9", "primalTolerance 1e-9", "dualTolerance 1e-9"]
LEAST_RATIO, MOST_DIFFERENCE = 12, 1e-6
Day = tuple[Energy, Energy, Energy, Energy]


def run() -> list[Row]:
    """Solve the same days both ways."""
    site = default_site()
    days = list(_days(site))
    protocol = Protocol(start_soc_kwh=site.battery.soc_kwh(50.0))
    ours, our_seconds = _timed(lambda: _solve_ours(days, site, protocol))
    theirs, their_seconds = _timed(lambda: [_solve_pulp(day, site, protocol) for day in days])
    gap = np.abs(np.array(ours) - np.array(theirs)) / np.maximum(np.abs(theirs), 1.0)
    ratio, worst = their_seconds / our_seconds, float(gap.max())
    return [
        Row("days_per_second", len(days) / our_seconds, "days/s"),
        Row("pulp_cbc_days_per_second", len(days) / their_seconds, "days/s"),
        Row("ratio_to_pulp_cbc", ratio, "x", target=f">= {LEAST_RATIO}", met=ratio >= LEAST_RATIO),
        Row("worst_relative_difference", worst, "", target=f"<= {MOST_DIFFERENCE}", met=worst <= MOST_DIFFERENCE),
    ]


def _days(site: Site) -> Iterator[Day]:
    slots = bench_slots(HOME, AREA, site, FIRST, LAST)
    for day in slots.partition_by("local_day", maintain_order=True):
        yield needed_arrays(day)


def _timed(work: Callable[[], list[float]]) -> tuple[list[float], float]:
    start = time.perf_counter()
    answer = work()
    return answer, time.perf_counter() - start


def _solve_ours(days: list[Day], site: Site, protocol: Protocol) -> list[float]:
    """Cost of each day, as `planner.replay` solves them: one program per day length, each day from scratch."""
    programs: dict[int, HomeProgram] = {}
    costs: list[float] = []
    for import_price, export_price, load, pv in days:
        value = protocol.settlement(import_price, site.battery)
        if len(load) not in programs:
            programs[len(load)] = HomeProgram(site, len(load))
        program = programs[len(load)]
        program.forget()
        program.set_prices(import_price, export_price, value)
        program.set_house(load, pv, export_price)
        program.start_at(0, protocol.start_soc_kwh)
        costs.append(program.solve().objective + value * protocol.start_soc_kwh)
    return costs


def _solve_pulp(day: Day, site: Site, protocol: Protocol) -> float:
    """The same day as a MILP, a binary a slot for the battery and one for the grid, solved with CBC."""
    import_price, export_price, load, pv = day
    battery, slots = site.battery, range(len(load))
    value = protocol.settlement(import_price, battery)
    most = {"charge": slot_limit(battery.charge_kw), "discharge": slot_limit(battery.discharge_kw)}
    problem = pulp.LpProblem("day", pulp.LpMinimize)
    charge, discharge, bought, sold = (
        [pulp.LpVariable(f"{name}_{t}", 0) for t in slots] for name in ("charge", "discharge", "import", "export")
    )
    soc = [pulp.LpVariable(f"soc_{t}", battery.min_soc_kwh, battery.max_soc_kwh) for t in slots]
    charging, buying = ([pulp.LpVariable(f"{name}_{t}", cat="Binary") for t in slots] for name in ("is_c", "is_i"))
    problem += (
        pulp.lpSum(
            import_price[t] * bought[t] - export_price[t] * sold[t] + battery.wear_cost * (charge[t] + discharge[t])
            for t in slots
        )
        - value * soc[-1]
        + value * protocol.start_soc_kwh
    )
    for t in slots:
        net = float(load[t] - pv[t])
        through = abs(net) + most["charge"] + most["discharge"]
        before = soc[t - 1] if t else protocol.start_soc_kwh
        problem += bought[t] - sold[t] - charge[t] + discharge[t] == net
        problem += (
            soc[t] == before + battery.charge_efficiency * charge[t] - discharge[t] / battery.discharge_efficiency
        )
        problem += charge[t] <= most["charge"] * charging[t]
        problem += discharge[t] <= most["discharge"] * (1 - charging[t])
        problem += bought[t] <= through * buying[t]
        problem += sold[t] <= through * (1 - buying[t])
    problem.solve(pulp.PULP_CBC_CMD(msg=False, threads=1, options=CBC_EXACT))
    return float(pulp.value(problem.objective))
