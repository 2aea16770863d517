"""Captured share of `value` and MPC on the test weeks of homes and batteries, in the daily protocol.

Both decide at each slot's start on readings up to then. Nothing is fitted or tuned on these weeks. The figures without
a battery's name are those of 34.2 kWh and 8 kW on the six pairs that targets were set for; the others (`_10kwh`) are of
every home. `known_*` is what `value` would gain, were the sun, the load or both known.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.harness.results import Row, Scope
from benchmarks.harness.shares import Costs, gain_rows, share
from benchmarks.homes.batteries import BATTERIES, LARGE, USUAL, BenchBattery
from benchmarks.homes.bench_homes import BenchHomes, Pair, default_protocol
from planner.evaluation.daily_results import daily_results
from planner.parallel import map_shards
from planner.replay.daily import replay_days
from planner.replay.known_home import DAILY_KNOWLEDGE, replay_known_days

TARGETS = {"value": 0.98, "mpc": 0.975}  # with the large battery
POLICIES = ("idle", "self_consumption", *TARGETS, "oracle")
BOUND_TOLERANCE = 1e-6  # money; the solver's own
SHORT_DAYS = 7


@dataclass(frozen=True)
class _Days:
    """Costs and breaches of the test days of a pair with a battery."""

    costs: Costs
    breaches: dict[str, int]


def run(scope: Scope) -> list[Row]:
    """Replay the test weeks of every home with every battery, on all cores."""
    homes, n_days = scope.homes, scope.of(None, SHORT_DAYS)
    rows: list[Row] = []
    for battery in scope.of(BATTERIES, (USUAL, LARGE)):
        pairs = scope.of(homes.pairs if battery == LARGE else homes.every_pair, homes.pairs[:1])
        days = dict(zip(pairs, map_shards(partial(_test_days, homes, battery, n_days), pairs), strict=True))
        rows += _battery_rows(battery, days)
    return rows


def _battery_rows(battery: BenchBattery, days: dict[Pair, _Days]) -> list[Row]:
    rows: list[Row] = []
    costs = {pair: own.costs for pair, own in days.items()}
    for policy in ("value", "mpc", "self_consumption"):
        figure = f"captured_share_{policy}{battery.suffix}"
        shares = {pair: share(own, policy) for pair, own in costs.items()}
        mean = sum(shares.values()) / len(shares)
        least = TARGETS.get(policy) if battery == LARGE else None
        target, met = (None, None) if least is None else (f">= {least}", mean >= least)
        rows.append(Row(f"{figure}_mean", mean, target=target, met=met, applies="measured"))
        rows += [Row(f"{figure}_{home}_{area}", own) for (home, area), own in shares.items()]
        breaches = sum(own.breaches[policy] for own in days.values())
        rows.append(Row(f"breaches_{policy}{battery.suffix}", breaches, target="0", met=breaches == 0))
    rows += gain_rows(f"value_above_mpc{battery.suffix}", costs, "value", "mpc")
    for known in DAILY_KNOWLEDGE:
        rows += gain_rows(f"known_{known}{battery.suffix}", costs, known, "value")
    below = sum(int((cost < own["oracle"] - BOUND_TOLERANCE).sum()) for own in costs.values() for cost in own.values())
    rows.append(Row(f"days_below_oracle{battery.suffix}", below, "days", target="0", met=below == 0))
    n_days = sum(len(own["oracle"]) for own in costs.values())
    return [*rows, Row(f"test_days{battery.suffix}", n_days, "days")]


def _test_days(homes: BenchHomes, battery: BenchBattery, n_days: int | None, pair: Pair) -> _Days:
    """Replay the first test days of a pair under every policy, and `value` with parts of the future known."""
    site = battery.site()
    protocol, slots = default_protocol(site), homes.window(pair, site, split="test", n_days=n_days)
    forecasts, history = homes.forecasts(pair[0], slots, site), homes.history(pair[0])
    schedules = {
        policy: replay_days(policy, slots, forecasts, site, protocol, history=history, workers=1) for policy in POLICIES
    } | {
        name: replay_known_days(known, slots, forecasts, site, protocol, history=history)
        for name, known in DAILY_KNOWLEDGE.items()
    }
    costs: dict[str, np.ndarray] = {}
    breaches: dict[str, int] = {}
    for name, schedule in schedules.items():
        results = daily_results(schedule, protocol, site).sort("day")
        costs[name] = results["cost"].to_numpy()
        breaches[name] = int(results["breaches"].sum())
    return _Days(costs, breaches)
