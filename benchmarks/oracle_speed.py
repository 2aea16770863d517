"""The oracle beside other optimisers on the same days: difference of the cost, ratio of the speed.

All get the same arrays and are timed day by day from arrays to answer, each in one process that does nothing else.

*PuLP and CBC*: the day as a MILP under the daily protocol (settled at its end). Timed: stating the problem and CBC's
run, which PuLP starts as a process of its own each time. *EMHASS*: its own optimiser in its own environment
(`emhass_days` says what is timed). EMHASS fixes the stored energy at the end, so for that comparison both sides
*return* to where the day started. It is run twice: with its solver's gap closed, so that costs can be compared, and as
shipped, where it may stop 1 % above the optimum. Its cost is recomputed here from the powers that it returned. The
short form leaves EMHASS out, which would have to be installed.

*Ours* is timed three times, each day from scratch, and the median counts. Other work on the machine moves wall times;
`..._cpu` rows are the same ratios in processor time, threads and child processes included.
"""

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pulp

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import BenchHomes, default_site
from benchmarks.peers.emhass_environment import EmhassDay, EmhassMissingError, environment, solve_with_emhass
from env.battery import Battery
from env.inverter import Energy, slot_limit
from env.site import Site
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.slot_arrays import needed_arrays
from planner.value.protocol import Protocol

AREA = "SE4"
FIRST, LAST = date(2025, 10, 2), date(2025, 12, 10)  # 70 days, the 100-slot day among them
SHORT_FIRST, SHORT_LAST = date(2025, 10, 16), date(2025, 11, 4)
# By default CBC takes a binary of 1e-6 for 0, which moves a cheap day by 1e-6 of its cost.
CBC_EXACT = ["integerTolerance 1e-9", "primalTolerance 1e-9", "dualTolerance 1e-9"]
EMHASS_EXACT = 1e-9
LEAST_RATIO, MOST_DIFFERENCE = 40, 1e-6
Day = tuple[Energy, Energy, Energy, Energy]


@dataclass(frozen=True)
class Solved:
    """Days that one optimiser solved.

    Attributes:
        costs: cost of each day, `(n_days,)` [money].
        seconds: wall time of each day, `(n_days,)` [s].
        cpu_seconds: processor time of all days [s].
    """

    costs: Energy
    seconds: Energy
    cpu_seconds: float

    @property
    def days_per_second(self) -> float:
        """Days solved per second of wall time."""
        return len(self.seconds) / float(self.seconds.sum())

    def worst_difference(self, other: "Solved") -> float:
        """Return the largest difference of a day's cost, relative to the other's cost or to 1 where that is less."""
        return float((np.abs(self.costs - other.costs) / np.maximum(np.abs(other.costs), 1.0)).max())


def run(scope: Scope) -> list[Row]:
    """Solve the same days each way."""
    site = default_site()
    days = list(_days(scope.homes, site, scope.of((FIRST, LAST), (SHORT_FIRST, SHORT_LAST))))
    protocol = Protocol(start_soc_kwh=site.battery.soc_kwh(50.0))

    def ours(*, returning: bool) -> Solved:
        passes = [_timed(our_solver(site, protocol, returning=returning), days) for _ in range(3)]
        return sorted(passes, key=lambda solved: float(solved.seconds.sum()))[1]

    settled = ours(returning=False)
    cbc = _timed(lambda day: _solve_pulp(day, site, protocol), days)
    ratio, worst = settled.days_per_second / cbc.days_per_second, settled.worst_difference(cbc)
    return [
        *_speed("", settled),
        *_speed("pulp_cbc_", cbc),
        Row("ratio_to_pulp_cbc", ratio, "x", target=f">= {LEAST_RATIO}", met=ratio >= LEAST_RATIO),
        Row("ratio_to_pulp_cbc_cpu", cbc.cpu_seconds / settled.cpu_seconds, "x"),
        Row("worst_relative_difference", worst, "", target=f"<= {MOST_DIFFERENCE}", met=worst <= MOST_DIFFERENCE),
        *([] if scope.short else emhass_rows(days, site, protocol, ours(returning=True))),
    ]


def emhass_rows(days: Sequence[Day], site: Site, protocol: Protocol, returned: Solved) -> list[Row]:
    """Return the rows of the comparison with EMHASS; where it cannot be had, the figure is missing and says why."""
    try:
        python = environment()
        exact, shipped = (
            solve_with_emhass(python, days, site.battery, soc_kwh=protocol.start_soc_kwh, relative_gap=gap)
            for gap in (EMHASS_EXACT, None)
        )
    except EmhassMissingError as error:
        return [Row("ratio_to_emhass", f"missing: {error}", "x", target=f">= {LEAST_RATIO}", met=False)]
    theirs, loose = _as_solved(days, exact, site.battery), _as_solved(days, shipped, site.battery)
    broken = max(worst_violation(day, answer, site.battery, protocol) for day, answer in zip(days, exact, strict=True))
    ratio, worst = returned.days_per_second / theirs.days_per_second, returned.worst_difference(theirs)
    return [
        *_speed("returning_", returned),
        *_speed("emhass_", theirs),
        Row("ratio_to_emhass", ratio, "x", target=f">= {LEAST_RATIO}", met=ratio >= LEAST_RATIO),
        Row("ratio_to_emhass_cpu", theirs.cpu_seconds / returned.cpu_seconds, "x"),
        Row(
            "emhass_worst_relative_difference", worst, "", target=f"<= {MOST_DIFFERENCE}", met=worst <= MOST_DIFFERENCE
        ),
        Row("emhass_worst_violation", broken, "kWh"),
        Row("emhass_as_shipped_days_per_second", loose.days_per_second, "days/s"),
        Row("ratio_to_emhass_as_shipped", returned.days_per_second / loose.days_per_second, "x"),
        Row("emhass_as_shipped_worst_relative_difference", returned.worst_difference(loose)),
    ]


def _speed(whose: str, solved: Solved) -> list[Row]:
    half, most = np.percentile(1000 * solved.seconds, [50, 95])
    return [
        Row(f"{whose}days_per_second", solved.days_per_second, "days/s"),
        Row(f"{whose}p50_ms_per_day", float(half), "ms"),
        Row(f"{whose}p95_ms_per_day", float(most), "ms"),
    ]


def _days(homes: BenchHomes, site: Site, span: tuple[date, date]) -> Iterator[Day]:
    slots = homes.slots((homes.villa, AREA), site, *span)
    for day in slots.partition_by("local_day", maintain_order=True):
        yield needed_arrays(day)


def _timed(solve: Callable[[Day], float], days: Sequence[Day]) -> Solved:
    costs: list[float] = []
    begin, moments = _cpu_seconds(), [time.perf_counter()]
    for day in days:
        costs.append(solve(day))
        moments.append(time.perf_counter())
    return Solved(np.array(costs), np.diff(moments), _cpu_seconds() - begin)


def _cpu_seconds() -> float:
    """Return the processor time of this process and its finished children [s]."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def our_solver(site: Site, protocol: Protocol, *, returning: bool) -> Callable[[Day], float]:
    """Return a function that solves a day as `planner.replay.daily` does and returns its cost [money].

    One program per day length, each day from scratch.

    Args:
        site: battery and limits.
        protocol: start and settlement.
        returning: end the day at the stored energy that it starts with, rather than settle it.
    """
    programs: dict[int, HomeProgram] = {}
    start = protocol.start_soc_kwh

    def solve(day: Day) -> float:
        import_price, export_price, load, pv = day
        value = 0.0 if returning else protocol.settlement(import_price, site.battery)
        if len(load) not in programs:
            programs[len(load)] = HomeProgram(site, len(load))
        program = programs[len(load)]
        program.clear_basis()
        program.set_prices(import_price, export_price, value)
        program.set_house(load, pv, export_price)
        program.start_at(0, start)
        if returning:
            program.end_at(start)
        return program.solve().objective + value * start

    return solve


def _as_solved(days: Sequence[Day], answers: Sequence[EmhassDay], battery: Battery) -> Solved:
    costs = [cost_of(day, answer, battery) for day, answer in zip(days, answers, strict=True)]
    seconds = np.array([answer.seconds for answer in answers])
    return Solved(np.array(costs), seconds, sum(answer.cpu_seconds for answer in answers))


def cost_of(day: Day, answer: EmhassDay, battery: Battery) -> float:
    """Return the cost of the returned flows at our prices, wear included [money]."""
    import_price, export_price, _, _ = day
    imported, exported = np.maximum(answer.grid_kwh, 0.0), np.maximum(-answer.grid_kwh, 0.0)
    wear = battery.wear_cost * float(np.abs(answer.battery_kwh).sum())
    return float(import_price @ imported - export_price @ exported) + wear


def worst_violation(day: Day, answer: EmhassDay, battery: Battery, protocol: Protocol) -> float:
    """Return by how much the returned flows miss the balance, a power limit or a stored energy, the end's too [kWh]."""
    _, _, load, pv = day
    flow = answer.battery_kwh
    stored = battery.charge_efficiency * np.maximum(-flow, 0.0) - np.maximum(flow, 0.0) / battery.discharge_efficiency
    soc = protocol.start_soc_kwh + np.cumsum(stored)
    violations = (
        np.abs(answer.grid_kwh + flow + pv - load),
        flow - slot_limit(battery.discharge_kw),
        -flow - slot_limit(battery.charge_kw),
        battery.min_soc_kwh - soc,
        soc - battery.max_soc_kwh,
        np.abs(soc[-1:] - protocol.start_soc_kwh),
    )
    return max(0.0, *(float(kwh.max()) for kwh in violations))


def _solve_pulp(day: Day, site: Site, protocol: Protocol) -> float:
    """Return the cost of a day as a MILP, with a binary a slot for the battery and one for the grid, solved by CBC."""
    import_price, export_price, load, pv = day
    battery, slots = site.battery, range(len(load))
    value = protocol.settlement(import_price, battery)
    limit = {"charge": slot_limit(battery.charge_kw), "discharge": slot_limit(battery.discharge_kw)}
    problem = pulp.LpProblem("day", pulp.LpMinimize)
    charge, discharge, imported, exported = (
        [pulp.LpVariable(f"{name}_{t}", 0) for t in slots] for name in ("charge", "discharge", "import", "export")
    )
    soc = [pulp.LpVariable(f"soc_{t}", battery.min_soc_kwh, battery.max_soc_kwh) for t in slots]
    charging, importing = ([pulp.LpVariable(f"{name}_{t}", cat="Binary") for t in slots] for name in ("is_c", "is_i"))
    problem += (
        pulp.lpSum(
            import_price[t] * imported[t]
            - export_price[t] * exported[t]
            + battery.wear_cost * (charge[t] + discharge[t])
            for t in slots
        )
        - value * soc[-1]
        + value * protocol.start_soc_kwh
    )
    for t in slots:
        net = float(load[t] - pv[t])
        through = abs(net) + limit["charge"] + limit["discharge"]
        before = soc[t - 1] if t else protocol.start_soc_kwh
        problem += imported[t] - exported[t] - charge[t] + discharge[t] == net
        problem += (
            soc[t] == before + battery.charge_efficiency * charge[t] - discharge[t] / battery.discharge_efficiency
        )
        problem += charge[t] <= limit["charge"] * charging[t]
        problem += discharge[t] <= limit["discharge"] * (1 - charging[t])
        problem += imported[t] <= through * importing[t]
        problem += exported[t] <= through * (1 - importing[t])
    problem.solve(pulp.PULP_CBC_CMD(msg=False, threads=1, options=CBC_EXACT))
    return float(pulp.value(problem.objective))
