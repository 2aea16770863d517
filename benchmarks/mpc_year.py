"""A home-year of MPC that plans again in every slot, 1 000 home-days of oracle, and what steady commands cost.

The year is 365 home-days, 35 040 plans, in the daily protocol on all cores; the bench homes have 323 whole days on
record, the rest are another area's.
"""

import time
from datetime import timedelta

import polars as pl

from benchmarks.harness.results import Row
from benchmarks.homes.bench_homes import (
    FIRST_DAY,
    LAST_DAY,
    PAIRS,
    bench_days,
    bench_history,
    bench_slots,
    default_site,
)
from darkstar_pipeline.config.planning import ForecastSettings, MpcSettings
from env.inverter import Command
from env.site import Site
from planner.evaluation.daily_results import daily_results
from planner.forecasts.naive import naive_forecasts
from planner.replay.daily import replay_days
from planner.value.protocol import Protocol, WriteBudgetRules

YEAR_DAYS, ORACLE_DAYS = 365, 1000
MOST_YEAR_SECONDS, MOST_ORACLE_SECONDS, MOST_COST_OF_LIMIT = 60.0, 3.0, 0.005
WRITES_PER_DAY = 24
SAME_KW = 1e-3
RULES = {
    "every_slot": WriteBudgetRules(),
    "default": WriteBudgetRules(**MpcSettings().model_dump()),
    f"{WRITES_PER_DAY}_a_day": WriteBudgetRules(
        hysteresis_kwh=MpcSettings().hysteresis_kwh, writes_per_day=WRITES_PER_DAY
    ),
}


def run() -> list[Row]:
    """Time both, then count writes and what fewer of them cost, on the test weeks of three homes."""
    site = default_site()
    year = _seconds("mpc", YEAR_DAYS, site)
    many = _seconds("oracle", ORACLE_DAYS, site)
    return [
        Row("mpc_year_seconds", year, "s", target=f"<= {MOST_YEAR_SECONDS:.0f}", met=year <= MOST_YEAR_SECONDS),
        Row("mpc_plan_milliseconds", 2e3 * year / (YEAR_DAYS * 96), "ms a plan and core"),
        Row(
            "oracle_1000_days_seconds",
            many,
            "s",
            target=f"<= {MOST_ORACLE_SECONDS:.0f}",
            met=many <= MOST_ORACLE_SECONDS,
        ),
        *_steady_rows(site),
    ]


def _protocol(site: Site, rules: WriteBudgetRules) -> Protocol:
    return Protocol(start_soc_kwh=site.battery.soc_kwh(50.0), write_budget=rules)


def _slots(home: str, area: str, site: Site) -> pl.DataFrame:
    return bench_slots(home, area, site, FIRST_DAY + timedelta(days=1), LAST_DAY - timedelta(days=1))


def _forecasts(home: str, slots: pl.DataFrame, site: Site) -> pl.DataFrame:
    averaged = ForecastSettings()
    days = slots["local_day"].unique().sort().to_list()
    return naive_forecasts(
        bench_history(home), days, site.timezone, load_days=averaged.load_days, pv_days=averaged.pv_days
    )


def _seconds(policy: str, n_days: int, site: Site) -> float:
    """Wall time of replaying so many home-days [s]."""
    protocol, left, seconds = _protocol(site, RULES["default"]), n_days, 0.0
    for home, area in PAIRS:
        slots = _slots(home, area, site)
        days = slots["local_day"].unique().sort().head(left)
        wanted = slots.filter(pl.col("local_day").is_in(days.implode()))
        forecasts, history = _forecasts(home, wanted, site), bench_history(home)
        start = time.perf_counter()
        replay_days(policy, wanted, forecasts, site, protocol, history=history)
        seconds += time.perf_counter() - start
        left -= len(days)
        if left == 0:
            break
    return seconds


def _steady_rows(site: Site) -> list[Row]:
    """Writes a day and cost of each set of rules, summed over three homes in SE4."""
    costs, writes = dict.fromkeys(RULES, 0.0), dict.fromkeys(RULES, 0.0)
    homes = [home for home, area in PAIRS if area == "SE4"]
    for home in homes:
        slots = _slots(home, "SE4", site)
        test = pl.Series(bench_days(home, "test", site.timezone), dtype=pl.Date)
        slots = slots.filter(pl.col("local_day").is_in(test.implode()))
        forecasts = _forecasts(home, slots, site)
        for name, rules in RULES.items():
            protocol = _protocol(site, rules)
            schedule = replay_days("mpc", slots, forecasts, site, protocol, history=bench_history(home))
            costs[name] += float(daily_results(schedule, protocol, site)["cost"].sum())
            writes[name] += _writes_per_day(schedule) / len(homes)
    free = costs["every_slot"]
    dearer = {name: cost / free - 1 for name, cost in costs.items()}
    limited = f"{WRITES_PER_DAY}_a_day"
    return [
        *(Row(f"writes_per_day_{name}", count, "writes") for name, count in writes.items()),
        Row("cost_of_hysteresis", dearer["default"], "share of cost"),
        Row(
            f"cost_of_{limited}",
            dearer[limited],
            "share of cost",
            target=f"<= {MOST_COST_OF_LIMIT}",
            met=dearer[limited] <= MOST_COST_OF_LIMIT,
        ),
    ]


def _writes_per_day(schedule: pl.DataFrame) -> float:
    """Changes of command from slot to slot, a day."""
    changed = pl.any_horizontal((pl.col(name).diff().over("local_day").abs() > SAME_KW) for name in Command._fields)
    return float(schedule.select(changed.sum()).item()) / schedule["local_day"].n_unique()
