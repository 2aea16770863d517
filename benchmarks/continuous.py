"""The continuous protocol beside the daily one: stored energy carried through the whole window of the bench homes.

`oracle_published` is what a planner with perfect forecasts of the home could reach on prices as they were published.
The window holds training and test weeks, since stored energy cannot jump over the weeks between.
"""

import polars as pl

from benchmarks.harness.results import Row
from benchmarks.homes.bench_homes import (
    PAIRS,
    bench_forecasts,
    bench_history,
    bench_protocol,
    bench_window,
    default_site,
)
from planner.parallel import map_shards
from planner.policies.window import window_settlement
from planner.policy_names import CONTINUOUS_POLICIES
from planner.replay.continuous import replay_window

SHOWN = ("self_consumption", "mpc", "value", "oracle_published")
TOLERANCE = 1e-4  # money over a window of 31 000 slots


def run() -> list[Row]:
    """Every pair once, on all cores."""
    costs = dict(zip(PAIRS, map_shards(_costs, PAIRS), strict=True))
    rows: list[Row] = []
    for policy in SHOWN:
        shares = {pair: _share(costs[pair], policy) for pair in PAIRS}
        rows.append(Row(f"continuous_{policy}_mean", sum(shares.values()) / len(shares), "captured share"))
        rows += [Row(f"continuous_{policy}_{home}_{area}", share) for (home, area), share in shares.items()]
    excess = max(cost["oracle"] - min(cost.values()) for cost in costs.values())
    return [*rows, Row("oracle_excess", excess, "money", target=f"<= {TOLERANCE}", met=excess <= TOLERANCE)]


def _costs(pair: tuple[str, str]) -> dict[str, float]:
    """What each policy pays over the window, settled at its end [money]."""
    home, area = pair
    site = default_site()
    protocol, slots = bench_protocol(site), bench_window(home, area, site)
    forecasts, history = bench_forecasts(home, slots, site), bench_history(home)
    value = window_settlement(slots, site, protocol)
    costs: dict[str, float] = {}
    for policy in CONTINUOUS_POLICIES:
        schedule = replay_window(policy, slots, forecasts, history, site, protocol)
        kept = float(schedule["soc_end_kwh"][-1] - schedule["soc_start_kwh"][0])
        costs[policy] = float(schedule.select(pl.col("cost").sum()).item()) - value * kept
    return costs


def _share(costs: dict[str, float], policy: str) -> float:
    """Captured share of the window."""
    return (costs["idle"] - costs[policy]) / (costs["idle"] - costs["oracle"])
