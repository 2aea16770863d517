"""What a trained policy pays on days of a site, beside those it is measured against."""

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
_LOGGED = ("captured_share", "cost", "cost_vs_mpc", "cost_vs_mpc_low", "cost_vs_mpc_high", "breaches")


def trained_results(context: Context, trained: TrainedPolicy, days: Sequence[date]) -> pl.DataFrame:
    """Daily results of a trained policy, verified; as `planner.evaluation.daily_results.daily_results`."""
    schedule = only_verified(
        replay_trained(context, trained, days), context.site, protocol_of(context.site_settings, context.site.battery)
    )
    return daily_results(schedule, protocol_of(context.site_settings, context.site.battery), context.site)


def score_on_days(context: Context, trained: Sequence[TrainedPolicy], days: Sequence[date]) -> Evaluation:
    """The verdict on trained policies on some days, with the references beside them.

    Raises:
        UnverifiedScheduleError: a schedule breaks a rule of the home.
    """
    results = [policy_results(context, policy, days) for policy in REFERENCES]
    results += [trained_results(context, policy, days) for policy in trained]
    return evaluate(pl.concat(results, how="diagonal"))


def policy_metrics(verdict: Evaluation, policy: str) -> dict[str, float]:
    """A policy's figures by plain name, and what it pays against MPC and `value` in percent."""
    rows = {row["policy"]: row for row in verdict.totals.to_dicts()}
    own = rows[policy]
    found = {name: float(own[name]) for name in _LOGGED if own[name] is not None}
    for other in ("mpc", "value"):
        if rows[other]["cost"]:
            difference = own["cost"] - rows[other]["cost"]
            found[f"cost_vs_{other}_pct"] = 100 * difference / abs(rows[other]["cost"])
    return found


def daily_costs(verdict: Evaluation, policy: str) -> pl.DataFrame:
    """`day, cost, breaches` of a policy, in order of days."""
    return verdict.days.filter(pl.col("policy") == policy).sort("day").select("day", "cost", "breaches")
