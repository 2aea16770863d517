"""Captured share of `value` and MPC on the test weeks of the bench homes, in the daily protocol.

Both decide at each slot's start on readings up to then. Nothing is fitted or tuned on these weeks.
"""

import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import BenchHomes, Pair, default_protocol, default_site
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verdict import Evaluation, evaluate
from planner.replay.daily import replay_days

TARGETS = {"value": 0.98, "mpc": 0.975}
POLICIES = ("idle", *TARGETS, "oracle")
BOUND_TOLERANCE = 1e-6  # money; the solver's own
SHORT_DAYS = 7


def run(scope: Scope) -> list[Row]:
    """Replay the test weeks of every pair."""
    homes, n_days = scope.homes, scope.of(None, SHORT_DAYS)
    evaluations = {pair: _evaluation(homes, pair, n_days) for pair in scope.of(homes.pairs, homes.pairs[:1])}
    rows: list[Row] = []
    for policy, target in TARGETS.items():
        shares = {pair: _total(evaluation, policy, "captured_share") for pair, evaluation in evaluations.items()}
        mean = sum(shares.values()) / len(shares)
        figure = f"captured_share_{policy}"
        rows.append(Row(f"{figure}_mean", mean, target=f">= {target}", met=mean >= target, applies="measured"))
        rows += [Row(f"{figure}_{home}_{area}", share) for (home, area), share in shares.items()]
        breaches = int(sum(_total(evaluation, policy, "breaches") for evaluation in evaluations.values()))
        rows.append(Row(f"breaches_{policy}", breaches, target="0", met=breaches == 0))
    below = sum(_days_below_bound(evaluation) for evaluation in evaluations.values())
    rows.append(Row("days_below_oracle", below, "days", target="0", met=below == 0))
    days = sum(int(_total(evaluation, "oracle", "days")) for evaluation in evaluations.values())
    return [*rows, Row("test_days", days, "days")]


def _evaluation(homes: BenchHomes, pair: Pair, n_days: int | None) -> Evaluation:
    """Replay the first test days of a pair under every policy and evaluate them."""
    site = default_site()
    protocol, slots = default_protocol(site), homes.window(pair, site, split="test", n_days=n_days)
    forecasts, history = homes.forecasts(pair[0], slots, site), homes.history(pair[0])
    replayed = [replay_days(policy, slots, forecasts, site, protocol, history=history) for policy in POLICIES]
    return evaluate(daily_results(pl.concat(replayed, how="diagonal"), protocol, site), POLICIES)


def _total(evaluation: Evaluation, policy: str, column: str) -> float:
    return float(evaluation.totals.filter(pl.col("policy") == policy)[column][0])


def _days_below_bound(evaluation: Evaluation) -> int:
    """Count the days and policies cheaper than perfect hindsight, which is impossible."""
    bound = evaluation.days.filter(pl.col("policy") == "oracle").select("day", bound="cost")
    return evaluation.days.join(bound, on="day").filter(pl.col("cost") < pl.col("bound") - BOUND_TOLERANCE).height
