"""What `value` and MPC capture of the possible saving on the test weeks of the bench homes, daily protocol.

Both decide at each slot's start on readings up to then. Nothing is fitted or tuned on these weeks.
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
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verdict import Evaluation, evaluate
from planner.replay.daily import replay_days

TARGETS = {"value": 0.98, "mpc": 0.975}
POLICIES = ("idle", *TARGETS, "oracle")
BOUND_TOLERANCE = 1e-6  # money; the solver's own


def run() -> list[Row]:
    """Replay the test weeks of the six pairs."""
    judged = {pair: _judged(*pair) for pair in PAIRS}
    rows: list[Row] = []
    for policy, target in TARGETS.items():
        shares = {pair: _total(evaluation, policy, "captured_share") for pair, evaluation in judged.items()}
        mean = sum(shares.values()) / len(shares)
        rows.append(Row(f"captured_share_{policy}_mean", mean, target=f">= {target}", met=mean >= target))
        rows += [Row(f"captured_share_{policy}_{home}_{area}", share) for (home, area), share in shares.items()]
        breaches = int(sum(_total(evaluation, policy, "breaches") for evaluation in judged.values()))
        rows.append(Row(f"breaches_{policy}", breaches, target="0", met=breaches == 0))
    below = sum(_days_below_bound(evaluation) for evaluation in judged.values())
    rows.append(Row("days_below_oracle", below, "days", target="0", met=below == 0))
    days = sum(int(_total(evaluation, "oracle", "days")) for evaluation in judged.values())
    return [*rows, Row("test_days", days, "days")]


def _judged(home: str, area: str) -> Evaluation:
    site = default_site()
    protocol, slots = bench_protocol(site), bench_window(home, area, site, split="test")
    forecasts, history = bench_forecasts(home, slots, site), bench_history(home)
    replayed = [replay_days(policy, slots, forecasts, site, protocol, history=history) for policy in POLICIES]
    return evaluate(daily_results(pl.concat(replayed, how="diagonal"), protocol, site), POLICIES)


def _total(evaluation: Evaluation, policy: str, column: str) -> float:
    return float(evaluation.totals.filter(pl.col("policy") == policy)[column][0])


def _days_below_bound(evaluation: Evaluation) -> int:
    """Days and policies cheaper than perfect hindsight, which cannot be."""
    bound = evaluation.days.filter(pl.col("policy") == "oracle").select("day", bound="cost")
    return evaluation.days.join(bound, on="day").filter(pl.col("cost") < pl.col("bound") - BOUND_TOLERANCE).height
