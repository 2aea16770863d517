"""Trondheim 2022, the published table of arXiv 2307.07580: rule policies, MPC and the prescient bound, part by part.

MPC has the information of the paper's: the loads up to the hour at hand, that hour's included, and the prices published
by then. Its forecasts are fitted on 2020 and 2021; its parameters were chosen on these years, not on 2022. One core, a
few minutes; progress on standard error. The short form has January alone. Without the measured readings a seeded home
takes the place of the published one, and the published figures are no targets.
"""

import math
import sys
import time
from collections.abc import Callable

from benchmarks.harness.results import Row, Scope
from benchmarks.trondheim_2022.bound import prescient
from benchmarks.trondheim_2022.home import Cost, Hours, cost, read_home, seeded_home
from benchmarks.trondheim_2022.planner import Tuning, follow_planner
from benchmarks.trondheim_2022.rules import arbitrage, capped_arbitrage, follow, no_storage, peak_shaving

YEAR = 2022
SHORT_HOURS = 31 * 24
RULES = {
    "no_storage": (no_storage, 25051.67),
    "peak_shaving": (peak_shaving, 24233.76),
    "arbitrage": (arbitrage, 26968.17),
    "capped_arbitrage": (capped_arbitrage, 23802.51),
}
PUBLISHED_MPC = 21567.69
AIMED_MPC = 21400.0
PUBLISHED_PRESCIENT = 21203.53
A_CENT, RULE_SHARE, PRESCIENT_SHARE = 0.005, 1e-3, 1e-4
MONEY = "NOK"


def run(scope: Scope) -> list[Row]:
    """Follow every policy over 2022.

    Raises:
        DataMissingError: the measured homes were chosen and their data is not there.
    """
    home = read_home() if scope.homes.measured else seeded_home()
    year = home.year(YEAR)
    hours = scope.of(year, slice(year.start, year.start + SHORT_HOURS))
    rows: list[Row] = []
    for name, (rule, published) in RULES.items():
        share = None if name == "no_storage" else RULE_SHARE
        rows += _near(name, cost(home, hours, follow(rule, home, hours)), published, share)
    mpc, mpc_s = _timed("mpc", lambda: follow_planner(home, hours, Tuning()))
    bound, bound_s = _timed("prescient", lambda: prescient(home, hours))
    rows += _mpc(cost(home, hours, mpc), cost(home, hours, bound).total)
    rows += _near("prescient", cost(home, hours, bound), PUBLISHED_PRESCIENT, PRESCIENT_SHARE)
    return [*rows, Row("mpc_seconds", round(mpc_s, 1), "s"), Row("prescient_seconds", round(bound_s, 1), "s")]


def _timed(name: str, work: Callable[[], Hours]) -> tuple[Hours, float]:
    """Return the result of the work, and its wall time [s]."""
    sys.stderr.write(f"{name}: begins\n")
    start = time.perf_counter()
    done = work()
    took = time.perf_counter() - start
    sys.stderr.write(f"{name}: {took:.0f} s\n")
    return done, took


def _parts(name: str, bill: Cost) -> list[Row]:
    return [Row(f"{name}_{part}", round(getattr(bill, part), 2), MONEY) for part in ("tou", "spot", "peak")]


def _near(name: str, bill: Cost, published: float, share: float | None) -> list[Row]:
    """Return a total beside the published one: within a share of it, or to the cent."""
    allowed = A_CENT if share is None else share * published
    target = f"{published} to the cent" if share is None else f"{published} within {share:.2%}"
    met = math.isclose(bill.total, published, rel_tol=0.0, abs_tol=allowed)
    total = Row(f"{name}_total", round(bill.total, 2), MONEY, target, met, applies="measured")
    return [total, *_parts(name, bill)]


def _mpc(bill: Cost, bound: float) -> list[Row]:
    """Return MPC's total beside the paper's, the aim, and the bound that nothing can beat."""
    total = round(bill.total, 2)
    paper, aim = bill.total <= PUBLISHED_MPC, bill.total <= AIMED_MPC
    return [
        Row("mpc_total", total, MONEY, f"<= {PUBLISHED_MPC}", paper, applies="measured"),
        Row("mpc_total_against_the_aim", total, MONEY, f"<= {AIMED_MPC}", aim, applies="measured"),
        Row("mpc_above_prescient", round(bill.total - bound, 2), MONEY, target=">= 0", met=bill.total >= bound - 0.1),
        *_parts("mpc", bill),
    ]
