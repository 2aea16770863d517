"""The verdict: each policy's cost, its share of the possible saving, and a confidence interval against MPC.

    captured share = (cost of idle - cost of policy) / (cost of idle - cost of oracle)

Every figure of money is of days with what each adds to its month's demand charge (`planner.demand_charges`), where
power is charged: shares, differences and intervals are of the bill. The interval against MPC is a paired bootstrap over
blocks of consecutive days, since neighbouring days are alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from env.inverter import Energy
from planner.demand_charges.bills import month_days
from planner.errors import UnknownPolicyError

BLOCK_DAYS = 7
LEAST_BLOCKS = 4  # fewer blocks than this are too alike: a single one would give an interval without width
RESAMPLES = 2000
SEED = 20_261_122
LEAST_POSSIBLE = 1e-6
"""What hindsight has to save for a share of it to mean anything [money]: less is the solver's rounding."""
POWER_COLUMNS = ("power_cost", "total_cost")
"""Columns of totals that say more than `cost` only where power is charged."""


@dataclass(frozen=True)
class Evaluation:
    """The verdict.

    Attributes:
        days: a row per day and policy, as `results.daily_results`.
        totals: a row per policy: `policy, days, cost, captured_share, cost_vs_mpc, cost_vs_mpc_low, cost_vs_mpc_high,
            import_kwh, export_kwh, charge_kwh, discharge_kwh, peak_kw, breaches, writes, power_cost, total_cost`;
            shares and differences are null where a reference is missing or nothing could be saved. `cost` is of energy,
            wear and settlement; `total_cost = cost + power_cost` is what shares and differences are of.
        months: a row per month and policy shown: `month, policy, days` (that count)`, month_days` (of the calendar)`,
            cost, power_cost, total_cost`; without a demand charge there is no row.
    """

    days: pl.DataFrame
    totals: pl.DataFrame
    months: pl.DataFrame


def common_days(results: pl.DataFrame) -> pl.DataFrame:
    """The rows of days that every policy has: only those are compared."""
    return results.filter(pl.col("policy").n_unique().over("day") == results["policy"].n_unique())


def paid(results: pl.DataFrame) -> pl.Expr:
    """Return what a day costs, with what it adds to its month's demand charge where power is charged [money].

    Args:
        results: rows of `results.daily_results`, with `power_cost` (`day_charges.with_day_charges`) or without.
    """
    return pl.col("cost") + pl.col("power_cost") if "power_cost" in results.columns else pl.col("cost")


def evaluate(results: pl.DataFrame, policies: Sequence[str] | None = None) -> Evaluation:
    """Sum the days that every policy has and compare.

    Args:
        results: rows of `results.daily_results`; best with `idle`, `mpc` and `oracle` among the policies. Where power
            is charged, with `power_cost`, and of the same days for every policy.
        policies: what to show, in this order; None for all there are.

    Raises:
        UnknownPolicyError: a policy has no results.
    """
    present = results["policy"].unique().sort().to_list()
    shown = list(policies) if policies is not None else present
    if missing := [policy for policy in shown if policy not in present]:
        message = f"no results for {missing}; there are results for {present}"
        raise UnknownPolicyError(message)
    common = common_days(results)
    costs = {policy: _costs(common, policy) for policy in present}
    rows = [_total(common, policy, costs) for policy in shown]
    order = {policy: i for i, policy in enumerate(shown)}
    days = results.filter(pl.col("policy").is_in(shown)).sort(
        "day", pl.col("policy").replace_strict(order, default=len(order), return_dtype=pl.Int32)
    )
    return Evaluation(days, pl.DataFrame(rows, schema=_TOTALS), _months(common, shown))


def _months(common: pl.DataFrame, shown: Sequence[str]) -> pl.DataFrame:
    """Return the cost of each policy month by month, in the order shown."""
    if "power_cost" not in common.columns:
        return pl.DataFrame(schema=_MONTHS)
    by_month = common.group_by("policy", pl.col("day").dt.month_start().alias("month")).agg(
        pl.len().cast(pl.Int64).alias("days"),
        *(pl.col(name).sort_by("day").sum() for name in ("cost", "power_cost")),
    )
    chosen = pl.DataFrame({"policy": shown}).with_row_index("order")
    rows = by_month.join(chosen, on="policy").sort("month", "order")
    return rows.with_columns(
        month_days=pl.col("month").map_elements(month_days, return_dtype=pl.Int64),
        total_cost=pl.col("cost") + pl.col("power_cost"),
    ).select(list(_MONTHS))


def _costs(results: pl.DataFrame, policy: str) -> Energy:
    return results.filter(pl.col("policy") == policy).sort("day").select(paid(results)).to_series().to_numpy()


def _total(results: pl.DataFrame, policy: str, costs: dict[str, Energy]) -> dict[str, object]:
    """One row of the totals."""
    own = results.filter(pl.col("policy") == policy).sort("day")  # sums round by their order
    low, high = (None, None)
    difference = None
    if "mpc" in costs:
        paired = costs[policy] - costs["mpc"]
        difference = float(paired.sum())
        low, high = total_interval(paired)
    power_cost = float(own["power_cost"].sum()) if "power_cost" in own.columns else 0.0
    return {
        "policy": policy,
        "days": own.height,
        "cost": float(own["cost"].sum()),
        "captured_share": captured_share(costs, policy),
        "cost_vs_mpc": difference,
        "cost_vs_mpc_low": low,
        "cost_vs_mpc_high": high,
        **{name: float(own[name].sum()) for name in ("import_kwh", "export_kwh", "charge_kwh", "discharge_kwh")},
        "peak_kw": own["peak_kw"].max(),
        "breaches": int(own["breaches"].sum()),
        "writes": _writes(own),
        "power_cost": power_cost,
        "total_cost": float(own["cost"].sum()) + power_cost,
    }


def _writes(results: pl.DataFrame) -> int | None:
    """Changes of command in all days; None where some day's were not counted."""
    if "writes" not in results.columns or results["writes"].null_count():
        return None
    return int(results["writes"].sum())


def captured_share(costs: dict[str, Energy], policy: str) -> float | None:
    """Share of what hindsight could have saved; None where a reference is missing or nothing could be saved.

    Args:
        costs: of the days, by policy `(n_days,)` [money].
        policy: whose share.
    """
    if "idle" not in costs or "oracle" not in costs:
        return None
    total = {name: float(days.sum()) for name, days in costs.items()}
    possible = total["idle"] - total["oracle"]
    if possible <= LEAST_POSSIBLE:
        return None
    return (total["idle"] - total[policy]) / possible


def total_interval(daily: Energy, *, confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Interval of the total of daily differences `(n_days,)`, by a circular block bootstrap [money].

    Blocks of a week keep weekdays and weather together; the seed is fixed, so that the same days give the same answer.
    Politis & Romano (1992), "A circular block-resampling procedure for stationary data".
    """
    n = len(daily)
    if n == 0:
        return None, None
    block = max(1, min(BLOCK_DAYS, n // LEAST_BLOCKS))
    rng = np.random.default_rng(SEED)
    starts = rng.integers(0, n, size=(RESAMPLES, -(-n // block)))
    index = (starts[:, :, None] + np.arange(block)).reshape(RESAMPLES, -1)[:, :n] % n
    totals = daily[index].sum(axis=1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(totals, [tail, 1 - tail])
    return float(low), float(high)


_TOTALS = {
    "policy": pl.String,
    "days": pl.Int64,
    "cost": pl.Float64,
    "captured_share": pl.Float64,
    "cost_vs_mpc": pl.Float64,
    "cost_vs_mpc_low": pl.Float64,
    "cost_vs_mpc_high": pl.Float64,
    "import_kwh": pl.Float64,
    "export_kwh": pl.Float64,
    "charge_kwh": pl.Float64,
    "discharge_kwh": pl.Float64,
    "peak_kw": pl.Float64,
    "breaches": pl.Int64,
    "writes": pl.Int64,
    "power_cost": pl.Float64,
    "total_cost": pl.Float64,
}
_MONTHS = {
    "month": pl.Date,
    "policy": pl.String,
    "days": pl.Int64,
    "month_days": pl.Int64,
    "cost": pl.Float64,
    "power_cost": pl.Float64,
    "total_cost": pl.Float64,
}
