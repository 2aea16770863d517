"""A home-year of MPC that plans again in every slot, 1 000 home-days of oracle, and the cost of fewer writes.

The year is 365 home-days, 35 040 plans, in the daily protocol on all cores; the bench homes have 323 whole days on
record, the rest are another area's.
"""

import time

import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import BenchHomes, default_site
from darkstar_pipeline.config.planning import MpcSettings
from env.inverter import Command
from env.site import Site
from planner.evaluation.daily_results import daily_results
from planner.replay.daily import replay_days
from planner.value.protocol import Protocol, WriteBudgetRules

YEAR_DAYS, ORACLE_DAYS = 365, 1000
SHORT_YEAR_DAYS, SHORT_ORACLE_DAYS, SHORT_TEST_DAYS = 14, 60, 5
MOST_YEAR_SECONDS, MOST_ORACLE_SECONDS, MOST_COST_OF_LIMIT = 60.0, 3.0, 0.005
WRITES_PER_DAY = 24
LIMITED = f"{WRITES_PER_DAY}_a_day"
SAME_KW = 1e-3
RULES = {
    "every_slot": WriteBudgetRules(),
    "default": WriteBudgetRules(**MpcSettings().model_dump()),
    LIMITED: WriteBudgetRules(hysteresis_kwh=MpcSettings().hysteresis_kwh, writes_per_day=WRITES_PER_DAY),
}


def run(scope: Scope) -> list[Row]:
    """Time both, then count writes and the cost of fewer; the short form scales the time of fewer days up."""
    site = default_site()
    year_days = scope.of(YEAR_DAYS, SHORT_YEAR_DAYS)
    year = _seconds(scope.homes, "mpc", year_days, site)
    oracle_days = scope.of(ORACLE_DAYS, SHORT_ORACLE_DAYS)
    many = _seconds(scope.homes, "oracle", oracle_days, site) * scope.of(1.0, ORACLE_DAYS / oracle_days)
    plan_milliseconds = 2e3 * year / (year_days * 96)
    year *= scope.of(1.0, YEAR_DAYS / year_days)
    year_target, many_target = f"<= {MOST_YEAR_SECONDS:.0f}", f"<= {MOST_ORACLE_SECONDS:.0f}"
    return [
        Row("mpc_year_seconds", year, "s", year_target, year <= MOST_YEAR_SECONDS, applies="whole"),
        Row("mpc_plan_milliseconds", plan_milliseconds, "ms a plan and core"),
        Row("oracle_1000_days_seconds", many, "s", many_target, many <= MOST_ORACLE_SECONDS, applies="whole"),
        *_write_rows(scope, site),
    ]


def _protocol(site: Site, rules: WriteBudgetRules) -> Protocol:
    return Protocol(start_soc_kwh=site.battery.soc_kwh(50.0), write_budget=rules)


def _seconds(homes: BenchHomes, policy: str, n_days: int, site: Site) -> float:
    """Return the wall time of replaying so many home-days [s]."""
    protocol, left, seconds = _protocol(site, RULES["default"]), n_days, 0.0
    for pair in homes.pairs:
        slots = homes.window(pair, site, n_days=left)
        forecasts, history = homes.forecasts(pair[0], slots, site), homes.history(pair[0])
        start = time.perf_counter()
        replay_days(policy, slots, forecasts, site, protocol, history=history)
        seconds += time.perf_counter() - start
        left -= slots["local_day"].n_unique()
        if left == 0:
            break
    return seconds


def _write_rows(scope: Scope, site: Site) -> list[Row]:
    """Return writes a day and the cost of each set of rules, summed over the test days of the homes in SE4."""
    costs, writes = dict.fromkeys(RULES, 0.0), dict.fromkeys(RULES, 0.0)
    pairs = [pair for pair in scope.homes.pairs if pair[1] == "SE4"][: scope.of(None, 1)]
    for pair in pairs:
        slots = scope.homes.window(pair, site, split="test", n_days=scope.of(None, SHORT_TEST_DAYS))
        forecasts, history = scope.homes.forecasts(pair[0], slots, site), scope.homes.history(pair[0])
        for name, rules in RULES.items():
            protocol = _protocol(site, rules)
            schedule = replay_days("mpc", slots, forecasts, site, protocol, history=history)
            costs[name] += float(daily_results(schedule, protocol, site)["cost"].sum())
            writes[name] += _writes_per_day(schedule) / len(pairs)
    added = {name: cost / costs["every_slot"] - 1 for name, cost in costs.items()}
    target, met = f"<= {MOST_COST_OF_LIMIT}", added[LIMITED] <= MOST_COST_OF_LIMIT
    return [
        *(Row(f"writes_per_day_{name}", count, "writes") for name, count in writes.items()),
        Row("cost_of_hysteresis", added["default"], "share of cost"),
        Row(f"cost_of_{LIMITED}", added[LIMITED], "share of cost", target, met, applies="measured"),
    ]


def _writes_per_day(schedule: pl.DataFrame) -> float:
    """Return the changes of command from slot to slot, a day."""
    changed = pl.any_horizontal((pl.col(name).diff().over("local_day").abs() > SAME_KW) for name in Command._fields)
    return float(schedule.select(changed.sum()).item()) / schedule["local_day"].n_unique()
