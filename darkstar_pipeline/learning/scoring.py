"""Scores of trained policies on days of a site, beside reference policies."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.evaluation.range_verdict import results_of
from darkstar_pipeline.policies.trained import TrainedPolicy
from planner.evaluation.verdict import POWER_COLUMNS, Evaluation, evaluate, paid

REFERENCES = ("idle", "mpc", "value", "oracle")
_METRICS = ("captured_share", "cost", "cost_vs_mpc", "cost_vs_mpc_low", "cost_vs_mpc_high", "breaches")


def score_on_days(context: Context, trained: Sequence[TrainedPolicy], days: Sequence[date]) -> Evaluation:
    """Return the verdict on trained policies and the reference policies on some days.

    Raises:
        UnverifiedScheduleError: a schedule breaks a rule of the home.
    """
    return evaluate(results_of(context, REFERENCES, days, trained=trained))


def policy_metrics(verdict: Evaluation, policy: str) -> dict[str, float]:
    """Return a policy's metrics by plain name, and its cost against MPC and `value` in percent."""
    rows = {row["policy"]: row for row in verdict.totals.to_dicts()}
    own = rows[policy]
    found = {name: float(own[name]) for name in _METRICS if own[name] is not None}
    if verdict.months.height:
        found |= {name: float(own[name]) for name in POWER_COLUMNS}
    for other in ("mpc", "value"):
        if rows[other]["total_cost"]:
            difference = own["total_cost"] - rows[other]["total_cost"]
            found[f"cost_vs_{other}_pct"] = 100 * difference / abs(rows[other]["total_cost"])
    return found


def daily_costs(verdict: Evaluation, policy: str) -> pl.DataFrame:
    """Return `day, cost, breaches` of a policy, in order of days; `cost` has what a day adds to its month's charge."""
    own = verdict.days.filter(pl.col("policy") == policy).sort("day")
    return own.select("day", paid(own).alias("cost"), "breaches")
