"""Random sites and horizons: each a verified optimum or an infeasibility with a reason, without a crash and in time.

Drawn, from a seed per case: battery (none to huge, leaky, lossy, without power), import, export and inverter limits,
export bans, curtailment, loads and PV up to extreme ones, prices from -5 to 50 (ordinary, flat, spiky, negative, wild,
with export above import), start, settlement or a demanded end. One horizon in sixteen is a whole day of 92, 96 or
100 slots, the rest are shorter.

An optimum is verified when its flows satisfy every limit (recomputed here) and have the stated cost, exceed the fuse
by no more than necessary, and a second solver finds nothing cheaper (`second_statement`). An infeasibility is verified
when the second solver finds no schedule either. `DARKSTAR_RANDOM_SITES` sets the number of cases (10 000, in the short
form 200); failures go to standard error with their seed, for
`python -c "from benchmarks.robustness.random_sites import check_seed; print(check_seed(SEED))"`.
"""

import math
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context

import numpy as np
import polars as pl
from rich.console import Console
from rich.progress import track

from benchmarks.harness.results import Row, Scope
from benchmarks.peers.second_statement import (
    OVER,
    Horizon,
    Statement,
    UndecidedError,
    exact_cost,
    least_pv_used,
    relaxed_cost,
    room_kwh,
    stated,
)
from env.battery import Battery
from env.inverter import Energy
from env.site import Limits, Site
from env.tariff import Tariff, TariffVersion
from planner.errors import NoFeasibleScheduleError
from planner.optimizer.home_program import OVER_FUSE
from planner.oracle import OptimalSchedule, solve_optimal_schedule

CASES, SHORT_CASES = 10_000, 200
FIRST_SEED = 20_260_000
CHUNK = 50
SLOWEST, MOST_DIFFERENCE = 10.0, 1e-6
CBC_SECONDS = 20.0
FEASIBLE_KWH = 1e-6
VERIFIED, INFEASIBLE, UNDECIDED = "verified optimum", "named infeasibility", "undecided"
TARIFF = Tariff((TariffVersion(valid_from=date(2000, 1, 1), vat=0.25, transfer_fee=0.2456, energy_tax=0.439),))


@dataclass(frozen=True)
class Verdict:
    """Result of a case.

    Attributes:
        seed: random seed of the case.
        verdict: VERIFIED, INFEASIBLE, UNDECIDED (the second solver did not say), or what is wrong.
        seconds: wall time of our solve, all included [s].
        difference: difference of the cost to the second solver's, relative to that or to 1 where it is less.
    """

    seed: int
    verdict: str
    seconds: float
    difference: float = 0.0

    @property
    def failed(self) -> bool:
        """Return whether the answer is wrong or late."""
        return self.verdict not in {VERIFIED, INFEASIBLE, UNDECIDED} or self.seconds > SLOWEST


def run(scope: Scope) -> list[Row]:
    """Solve and verify every case."""
    verdicts: list[Verdict] = []
    n_cases = int(os.environ.get("DARKSTAR_RANDOM_SITES", scope.of(CASES, SHORT_CASES)))
    for verdict in _checked_in_chunks(range(FIRST_SEED, FIRST_SEED + n_cases)):
        verdicts.append(verdict)
        if verdict.failed or verdict.verdict == UNDECIDED:
            sys.stderr.write(f"{verdict}\n")
    counts = Counter(verdict.verdict for verdict in verdicts)
    failures = sum(verdict.failed for verdict in verdicts)
    slowest, worst = (max(getattr(verdict, name) for verdict in verdicts) for name in ("seconds", "difference"))
    return [
        Row("cases", len(verdicts)),
        Row("verified_optima", counts[VERIFIED]),
        Row("named_infeasible", counts[INFEASIBLE]),
        Row("undecided_by_the_second_solver", counts[UNDECIDED]),
        Row("failures", failures, "", target="0", met=failures == 0),
        Row("slowest_seconds", slowest, "s", target=f"<= {SLOWEST:g}", met=slowest <= SLOWEST),
        Row("worst_relative_difference", worst, "", target=f"<= {MOST_DIFFERENCE}", met=worst <= MOST_DIFFERENCE),
    ]


def _checked_in_chunks(seeds: range) -> Iterator[Verdict]:
    chunks = [seeds[i : i + CHUNK] for i in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        done = pool.map(_check_chunk, chunks)
        for chunk in track(done, "sites", total=len(chunks), console=Console(stderr=True)):
            yield from chunk


def _check_chunk(seeds: range) -> list[Verdict]:
    return [check_seed(seed) for seed in seeds]


def check_seed(seed: int) -> Verdict:
    """Draw a case, solve it, and compare the answer with the second solver's."""
    return check_case(seed, *draw_case(seed))


def check_case(seed: int, horizon: Horizon, site: Site) -> Verdict:
    """Solve a case, and compare the answer with the second solver's."""
    names = ("import_price", "export_price", "load_kwh", "pv_kwh")
    slots = pl.DataFrame({name: getattr(horizon, name) for name in names})
    begin, statement = time.perf_counter(), stated(horizon, site)
    try:
        answer = solve_optimal_schedule(
            slots,
            site,
            start_soc_kwh=horizon.start_soc_kwh,
            settlement_value=horizon.settlement_value,
            return_soc_kwh=horizon.return_soc_kwh,
        )
    except NoFeasibleScheduleError as error:
        seconds = time.perf_counter() - begin
        return Verdict(seed, _infeasible(statement, str(error)), seconds)
    except Exception as error:  # noqa: BLE001 - whatever else comes out is the finding
        return Verdict(seed, f"crash: {type(error).__name__}: {error}", time.perf_counter() - begin)
    seconds = time.perf_counter() - begin
    wrong = violation(answer, horizon, site)
    if wrong:
        return Verdict(seed, wrong, seconds)
    try:
        verdict, difference = _optimal(statement, answer, horizon, site)
    except UndecidedError:
        return Verdict(seed, UNDECIDED, seconds)
    return Verdict(seed, verdict, seconds, difference)


def _infeasible(statement: Statement, message: str) -> str:
    if not message:
        return "infeasible without a reason"
    try:
        if math.isinf(relaxed_cost(statement)) or math.isinf(exact_cost(statement, seconds=CBC_SECONDS)):
            return INFEASIBLE
    except UndecidedError:
        return UNDECIDED
    return f"called infeasible ({message}), and is not"


def _optimal(statement: Statement, answer: OptimalSchedule, horizon: Horizon, site: Site) -> tuple[str, float]:
    """Return the verdict on a feasible answer, and its difference to the second solver's cost.

    Raises:
        UndecidedError: the second solver did not say.
    """
    over = over_fuse(answer, site)
    if site.limits.import_kw is not None:
        least = relaxed_cost(statement.counting(OVER))
        if over > least + FEASIBLE_KWH * max(1.0, least):
            least = exact_cost(statement.counting(OVER), seconds=CBC_SECONDS)
        if over > least + FEASIBLE_KWH * max(1.0, least):
            return f"{over} kWh above the fuse where {least} is enough", 0.0
        statement = statement.with_over_fuse(over)
    bound = relaxed_cost(statement)
    if _difference(answer.cost, bound, horizon, over) > MOST_DIFFERENCE:
        bound = exact_cost(statement, seconds=CBC_SECONDS)
    difference = _difference(answer.cost, bound, horizon, over)
    if difference > MOST_DIFFERENCE:
        which = "more expensive" if answer.cost > bound else "cheaper"
        return f"costs {answer.cost}, {which} than the second solver's {bound}", difference
    return VERIFIED, difference


def _difference(ours: float, theirs: float, horizon: Horizon, over_kwh: float) -> float:
    """Return the difference relative to the cost, or to 1 where that is less.

    Where the fuse must be exceeded, the second solver gets `room_kwh` to exceed it more; its value at the optimiser's
    price (1000 times the highest) is no difference.
    """
    dearest = max(1.0, float(np.abs(horizon.import_price).max()), float(np.abs(horizon.export_price).max()))
    free = OVER_FUSE * dearest * room_kwh(over_kwh)
    return max(0.0, abs(ours - theirs) - free) / max(1.0, abs(theirs))


def over_fuse(answer: OptimalSchedule, site: Site) -> float:
    """Return the total import above the fuse [kWh]."""
    if site.limits.import_kw is None:
        return 0.0
    return float((answer.slots["import_kwh"] - site.limits.import_kw / 4).clip(0.0, None).sum())


def violation(answer: OptimalSchedule, horizon: Horizon, site: Site) -> str:
    """Return the worst violation of a limit or of the stated cost, in words; empty without one."""
    kwh = {name: answer.slots[name].to_numpy() for name in answer.slots.columns}
    imported, exported, charge, discharge = (kwh[f"{name}_kwh"] for name in ("import", "export", "charge", "discharge"))
    curtailed, soc, battery = kwh["curtailed_kwh"], kwh["soc_end_kwh"], site.battery
    kept = battery.retention_per_hour**0.25
    before = np.concatenate([[horizon.start_soc_kwh], soc[:-1]])
    into = battery.charge_efficiency * charge - discharge / battery.discharge_efficiency
    least = min(battery.min_soc_kwh, horizon.start_soc_kwh * kept**horizon.n_slots)
    missed = {
        "balance": np.abs(imported - exported - charge + discharge - curtailed - (horizon.load_kwh - horizon.pv_kwh)),
        "storage": np.abs(soc - kept * before - into),
        "full": soc - max(battery.max_soc_kwh, horizon.start_soc_kwh),
        "empty": least - soc,
        "charge": charge - battery.charge_kw / 4,
        "discharge": discharge - battery.discharge_kw / 4,
        "curtailment": curtailed - (horizon.pv_kwh - least_pv_used(horizon, site)),
        "negative": -np.minimum.reduce([imported, exported, charge, discharge, curtailed]),
        "charges and discharges": np.minimum(charge, discharge),
        "imports and exports": np.minimum(imported, exported),
        **_limits_missed(site, exported=exported, through=horizon.pv_kwh - curtailed + discharge - charge),
    }
    if horizon.return_soc_kwh is not None:
        missed["end"] = np.abs(soc[-1:] - horizon.return_soc_kwh)
    worst = max(missed, key=lambda name: float(missed[name].max()))
    by = float(missed[worst].max())
    return f"{worst} missed by {by} kWh in slot {int(missed[worst].argmax())}" if not by <= FEASIBLE_KWH else ""


def _limits_missed(site: Site, *, exported: Energy, through: Energy) -> dict[str, Energy]:
    limits = site.limits
    missed = {}
    if limits.export_kw is not None:
        missed["export"] = exported - limits.export_kw / 4
    if limits.inverter_kw is not None:
        missed["inverter"] = np.abs(through) - limits.inverter_kw / 4
    return missed


def draw_case(seed: int, *, n_slots: int | None = None) -> tuple[Horizon, Site]:
    """Draw the horizon and the site of a seed, optionally with that many slots."""
    rng = np.random.default_rng(seed)
    site = Site(
        name="random",
        timezone="Europe/Stockholm",
        currency="SEK",
        battery=_battery(rng),
        tariff=TARIFF,
        limits=_limits(rng),
    )
    drawn_slots = _slots(rng)
    n = drawn_slots if n_slots is None else n_slots
    import_price, export_price = _prices(rng, n)
    battery = site.battery
    low, high = battery.min_soc_kwh, battery.max_soc_kwh
    start, end = low + (high - low) * rng.choice([0.0, 1.0, rng.random(), rng.random()], 2)
    horizon = Horizon(
        import_price=import_price,
        export_price=export_price,
        load_kwh=_energy(rng, n),
        pv_kwh=_energy(rng, n),
        start_soc_kwh=float(start),
        settlement_value=float(rng.choice([0.0, 1.0, rng.uniform(0, 50)])),
        return_soc_kwh=float(rng.choice([start, end])) if rng.random() < 0.3 else None,  # noqa: PLR2004 - three in ten
    )
    return horizon, site


def _slots(rng: np.random.Generator) -> int:
    return int(
        rng.choice(
            [int(rng.integers(1, 9)), int(rng.integers(1, 25)), 24, int(rng.choice([92, 96, 100]))],
            p=[10 / 16, 4 / 16, 1 / 16, 1 / 16],
        )
    )


def _battery(rng: np.random.Generator) -> Battery:
    capacity = float(rng.choice([0.0, 0.1, 10 ** rng.uniform(0, 2), 1000.0], p=[0.03, 0.02, 0.9, 0.05]))
    low, high = np.sort(rng.choice([0.0, 1.0, rng.random(), rng.random()], 2))
    charge_kw, discharge_kw = rng.choice([0.0, 1.0, rng.uniform(0, 20), 100.0], 2, p=[0.05, 0.2, 0.7, 0.05])
    into, out = rng.choice([1.0, rng.uniform(0.8, 1), rng.uniform(0.05, 1)], 2, p=[0.3, 0.5, 0.2])
    return Battery(
        capacity_kwh=capacity,
        min_soc_kwh=float(low) * capacity,
        max_soc_kwh=float(high) * capacity,
        charge_kw=float(charge_kw),
        discharge_kw=float(discharge_kw),
        charge_efficiency=float(into),
        discharge_efficiency=float(out),
        wear_cost=float(rng.choice([0.0, 0.2, rng.uniform(0, 5)])),
        cycle_cost=float(rng.choice([0.0, rng.uniform(0, 20)], p=[0.8, 0.2])),
        retention_per_hour=float(rng.choice([1.0, rng.uniform(0.9, 1)], p=[0.8, 0.2])),
    )


def _limits(rng: np.random.Generator) -> Limits:
    def maybe(*some: float) -> float | None:
        return None if rng.random() < 0.5 else float(rng.choice([*some, rng.uniform(0, 30)]))  # noqa: PLR2004 - a half

    return Limits(
        import_kw=maybe(0.0, 11.0, 17.0),
        export_kw=maybe(0.0, 0.0, 5.0),
        inverter_kw=maybe(0.0, 3.0, 10.0),
        curtailable=bool(rng.random() < 0.5),  # noqa: PLR2004 - a half
    )


def _energy(rng: np.random.Generator, n_slots: int) -> Energy:
    """Draw load or PV of each slot: small, ordinary or extreme, with zeros among them [kWh]."""
    most = rng.choice([0.01, 0.5, 3.0, 25.0, 500.0], p=[0.1, 0.4, 0.35, 0.1, 0.05])
    return rng.uniform(0, most, n_slots) * (rng.random(n_slots) < rng.choice([0.0, 0.5, 1.0], p=[0.1, 0.4, 0.5]))


def _prices(rng: np.random.Generator, n_slots: int) -> tuple[Energy, Energy]:
    """Draw import and export price of each slot [money/kWh]."""
    kind = rng.choice(["ordinary", "flat", "spiky", "negative", "wild", "upside down", "zero"])
    spot = {
        "ordinary": rng.uniform(0, 3, n_slots),
        "flat": np.full(n_slots, rng.uniform(-5, 50)),
        "spiky": np.where(rng.random(n_slots) < 0.2, 50.0, rng.uniform(-0.5, 0.5, n_slots)),  # noqa: PLR2004 - one in five
        "negative": rng.uniform(-5, 0.2, n_slots),
        "wild": rng.uniform(-5, 50, n_slots),
        "upside down": rng.uniform(-5, 50, n_slots),
        "zero": np.zeros(n_slots),
    }[str(kind)]
    if kind == "wild":
        return spot, rng.uniform(-5, 50, n_slots)
    if kind == "upside down":
        return spot, np.minimum(spot + rng.uniform(0, 2, n_slots), 50.0)
    if kind == "zero":
        return spot, np.round(rng.uniform(-1, 1, n_slots))
    return spot + float(rng.choice([0.0, 0.9])), spot
