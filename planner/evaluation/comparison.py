"""Two policies against each other in money, on the days that both have: in all, by month, and where they differ most.

Every cost is of days with what each adds to its month's demand charge, where power is charged. The interval is
`evaluation.total_interval`, a paired bootstrap over blocks of days. What does not belong here: the replay, and whether
one should take the other's place (`promotion_test`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from planner.errors import UnknownPolicyError
from planner.evaluation.verdict import paid, total_interval

MOST_DAYS = 5


@dataclass(frozen=True)
class Comparison:
    """The difference in cost of policy `b` against `a`; negative where `b` is cheaper.

    Attributes:
        n_days: days that both have.
        cost_a: of those days [money].
        cost_b: the same days [money].
        difference: `cost_b - cost_a` [money].
        low: lower end of its 95 % interval; None without days.
        high: upper end.
        cheaper_days: days on which `b` was cheaper by more than a rounding.
        dearer_days: days on which it was dearer.
        breaches_a: slots in which `a` exceeded a limit.
        breaches_b: the same of `b`.
        months: a row a month: `month, days, cost_a, cost_b, difference`.
        biggest: the days that differ most, the most first: `day, cost_a, cost_b, difference`.
        daily: every day in order: the same columns.
    """

    n_days: int
    cost_a: float
    cost_b: float
    difference: float
    low: float | None
    high: float | None
    cheaper_days: int
    dearer_days: int
    breaches_a: int
    breaches_b: int
    months: pl.DataFrame
    biggest: pl.DataFrame
    daily: pl.DataFrame


def compare_policies(results: pl.DataFrame, a: str, b: str, *, most_days: int = MOST_DAYS) -> Comparison:
    """Compare two policies.

    Args:
        results: rows of `results.daily_results`: `day, policy, cost` [money]`, breaches`, with `power_cost` where power
            is charged.
        a: what is compared with.
        b: what is compared.
        most_days: how many of the days that differ most are listed.

    Raises:
        UnknownPolicyError: one of them has no results.
    """
    sides = [_side(results, policy, suffix) for policy, suffix in ((a, "a"), (b, "b"))]
    pairs = sides[0].join(sides[1], on="day").sort("day")
    pairs = pairs.with_columns(difference=pl.col("cost_b") - pl.col("cost_a"))
    daily = pairs.select("day", "cost_a", "cost_b", "difference")
    differences = daily["difference"].to_numpy()
    low, high = total_interval(differences)
    rounding = 1e-9 * max(1.0, float(np.abs(daily["cost_a"].to_numpy()).max(initial=0.0)))
    return Comparison(
        n_days=daily.height,
        cost_a=float(daily["cost_a"].sum()),
        cost_b=float(daily["cost_b"].sum()),
        difference=float(differences.sum()),
        low=low,
        high=high,
        cheaper_days=int((differences < -rounding).sum()),
        dearer_days=int((differences > rounding).sum()),
        breaches_a=int(pairs["breaches_a"].sum()),
        breaches_b=int(pairs["breaches_b"].sum()),
        months=_months(daily),
        biggest=daily.sort(pl.col("difference").abs(), "day", descending=[True, False]).head(most_days),
        daily=daily,
    )


def _side(results: pl.DataFrame, policy: str, suffix: str) -> pl.DataFrame:
    """One policy's days.

    Raises:
        UnknownPolicyError: it has no results.
    """
    own = results.filter(pl.col("policy") == policy)
    if own.is_empty():
        message = f"no results for {policy}; there are results for {results['policy'].unique().sort().to_list()}"
        raise UnknownPolicyError(message)
    return own.select("day", paid(own).alias(f"cost_{suffix}"), pl.col("breaches").alias(f"breaches_{suffix}"))


def _months(daily: pl.DataFrame) -> pl.DataFrame:
    """Return the cost of each month by month."""
    return (
        daily.group_by(pl.col("day").dt.month_start().alias("month"))
        .agg(
            pl.len().cast(pl.Int64).alias("days"),
            *(pl.col(name).sort_by("day").sum() for name in ("cost_a", "cost_b", "difference")),
        )
        .sort("month")
    )
