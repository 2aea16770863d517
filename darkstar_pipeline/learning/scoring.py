"""Scores of trained policies on days of a site, beside reference policies."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import protocol_of
from darkstar_pipeline.evaluation.range_verdict import policy_results
from darkstar_pipeline.policies.replay import replay_trained
from darkstar_pipeline.policies.trained import TrainedPolicy
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verdict import Evaluation, evaluate
from planner.evaluation.verified_days import only_verified

REFERENCES = ("idle", "mpc", "value", "oracle")
_METRICS = ("captured_share", "cost", "cost_vs_mpc", "cost_vs_mpc_low", "cost_vs_mpc_high", "breaches")


def trained_results(context: Context, trained: TrainedPolicy, days: Sequence[date]) -> pl.DataFrame:
    """Return verified daily results of a trained policy, as `planner.evaluation.daily_results.daily_results`."""
    schedule = only_verified(
        replay_trained(context, trained, days), context.site, protocol_of(context.site_settings, context.site.battery)
    )
    return daily_results(schedule, protocol_of(context.site_settings, context.site.battery), context.site)


def score_on_days(context: Context, trained: Sequence[TrainedPolicy], days: Sequence[date]) -> Evaluation:
    """Return the verdict on trained policies and the reference policies on some days.

    Raises:
        UnverifiedScheduleError: a schedule breaks a rule of the home.
    """
    results = [policy_results(context, policy, days) for policy in REFERENCES]
    results += [trained_results(context, policy, days) for policy in trained]
    return evaluate(pl.concat(results, how="diagonal"))


def policy_metrics(verdict: Evaluation, policy: str) -> dict[str, float]:
    """Return a policy's metrics by plain name, and its cost against MPC and `value` in percent."""
    rows = {row["policy"]: row for row in verdict.totals.to_dicts()}
    own = rows[policy]
    found = {name: float(own[name]) for name in _METRICS if own[name] is not None}
    for other in ("mpc", "value"):
        if rows[other]["cost"]:
            difference = own["cost"] - rows[other]["cost"]
            found[f"cost_vs_{other}_pct"] = 100 * difference / abs(rows[other]["cost"])
    return found


def daily_costs(verdict: Evaluation, policy: str) -> pl.DataFrame:
    """Return `day, cost, breaches` of a policy, in order of days."""
    return verdict.days.filter(pl.col("policy") == policy).sort("day").select("day", "cost", "breaches")
