"""The continuous protocol beside the daily one: stored energy carried through the whole window of the bench homes.

`oracle_published` is what a planner with perfect forecasts of the home could reach on prices as they were published.
The window holds training and test weeks, since stored energy cannot jump over the weeks between.
"""

from functools import partial

import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import BenchHomes, Pair, default_protocol, default_site
from planner.parallel import map_shards
from planner.policies.window import window_settlement
from planner.policy_names import CONTINUOUS_POLICIES
from planner.replay.continuous import replay_window

SHOWN = ("self_consumption", "mpc", "value", "oracle_published")
TOLERANCE = 1e-4  # money over a window of 31 000 slots
SHORT_DAYS = 5


def run(scope: Scope) -> list[Row]:
    """Replay every pair once, on all cores."""
    pairs = scope.of(scope.homes.pairs, scope.homes.pairs[:1])
    costs_of = partial(_costs, scope.homes, scope.of(None, SHORT_DAYS))
    costs = dict(zip(pairs, map_shards(costs_of, pairs), strict=True))
    rows: list[Row] = []
    for policy in SHOWN:
        shares = {pair: _share(costs[pair], policy) for pair in pairs}
        rows.append(Row(f"continuous_{policy}_mean", sum(shares.values()) / len(shares), "captured share"))
        rows += [Row(f"continuous_{policy}_{home}_{area}", share) for (home, area), share in shares.items()]
    excess = max(cost["oracle"] - min(cost.values()) for cost in costs.values())
    return [*rows, Row("oracle_excess", excess, "money", target=f"<= {TOLERANCE}", met=excess <= TOLERANCE)]


def _costs(homes: BenchHomes, n_days: int | None, pair: Pair) -> dict[str, float]:
    """Return what each policy pays over the window, settled at its end [money]."""
    site = default_site()
    protocol, slots = default_protocol(site), homes.window(pair, site, n_days=n_days)
    forecasts, history = homes.forecasts(pair[0], slots, site), homes.history(pair[0])
    value = window_settlement(slots, site, protocol)
    costs: dict[str, float] = {}
    for policy in CONTINUOUS_POLICIES:
        schedule = replay_window(policy, slots, forecasts, history, site, protocol)
        kept = float(schedule["soc_end_kwh"][-1] - schedule["soc_start_kwh"][0])
        costs[policy] = float(schedule.select(pl.col("cost").sum()).item()) - value * kept
    return costs


def _share(costs: dict[str, float], policy: str) -> float:
    """Return the captured share of the window."""
    return (costs["idle"] - costs[policy]) / (costs["idle"] - costs["oracle"])
