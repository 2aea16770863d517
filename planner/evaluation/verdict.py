"""The verdict: each policy's cost, its share of the possible saving, and a confidence interval against MPC.

    captured share = (cost of idle - cost of policy) / (cost of idle - cost of oracle)

With a demand charge, that cost is the days' and the months' charges together; the other figures are as they are.
The interval against MPC is a paired bootstrap over blocks of consecutive days, since neighbouring days are alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from env.inverter import Energy
from planner.errors import UnknownPolicyError

BLOCK_DAYS = 7
LEAST_BLOCKS = 4  # fewer blocks than this are too alike: a single one would give an interval without width
RESAMPLES = 2000
SEED = 20_261_122


@dataclass(frozen=True)
class Evaluation:
    """The verdict.

    Attributes:
        days: a row per day and policy, as `results.daily_results`.
        totals: a row per policy: `policy, days, cost, captured_share, cost_vs_mpc, cost_vs_mpc_low, cost_vs_mpc_high,
            import_kwh, export_kwh, charge_kwh, discharge_kwh, peak_kw, breaches, writes, power_cost, total_cost`;
            shares and differences are null where a reference is missing or nothing could be saved. `cost` is the days'
            cost and what is compared with MPC; `total_cost = cost + power_cost` is what the share is of.
        months: a row per month and policy shown: `month, policy, days` (that count)`, month_days` (of the calendar)`,
            cost, power_cost, total_cost`; without bills there is no row.
    """

    days: pl.DataFrame
    totals: pl.DataFrame
    months: pl.DataFrame


def common_days(results: pl.DataFrame) -> pl.DataFrame:
    """The rows of days that every policy has: only those are compared."""
    return results.filter(pl.col("policy").n_unique().over("day") == results["policy"].n_unique())


def evaluate(
    results: pl.DataFrame, policies: Sequence[str] | None = None, *, bills: pl.DataFrame | None = None
) -> Evaluation:
    """Sum the days that every policy has and compare.

    Args:
        results: rows of `results.daily_results`; best with `idle`, `mpc` and `oracle` among the policies.
        policies: what to show, in this order; None for all there are.
        bills: `demand_charge_bills` of every policy over the `common_days`; None without a demand charge.

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
    power = {policy: _power(bills, policy) for policy in present}
    rows = [_total(common, policy, costs, power) for policy in shown]
    order = {policy: i for i, policy in enumerate(shown)}
    days = results.filter(pl.col("policy").is_in(shown)).sort(
        "day", pl.col("policy").replace_strict(order, default=len(order), return_dtype=pl.Int32)
    )
    return Evaluation(days, pl.DataFrame(rows, schema=_TOTALS), _months(common, shown, bills))


def _power(bills: pl.DataFrame | None, policy: str) -> float:
    """Return the demand charges of a policy in all months [money]."""
    return 0.0 if bills is None else float(bills.filter(pl.col("policy") == policy)["power_cost"].sum())


def _months(common: pl.DataFrame, shown: Sequence[str], bills: pl.DataFrame | None) -> pl.DataFrame:
    """Return the cost of each policy month by month, in the order shown."""
    if bills is None:
        return pl.DataFrame(schema=_MONTHS)
    by_month = common.group_by("policy", pl.col("day").dt.month_start().alias("month")).agg(
        pl.col("cost").sort_by("day").sum()
    )
    chosen = pl.DataFrame({"policy": shown}).with_row_index("order")
    rows = bills.join(by_month, on=["policy", "month"]).join(chosen, on="policy").sort("month", "order")
    return rows.with_columns(total_cost=pl.col("cost") + pl.col("power_cost")).select(list(_MONTHS))


def _costs(results: pl.DataFrame, policy: str) -> Energy:
    return results.filter(pl.col("policy") == policy).sort("day")["cost"].to_numpy()


def _total(results: pl.DataFrame, policy: str, costs: dict[str, Energy], power: dict[str, float]) -> dict[str, object]:
    """One row of the totals."""
    own = results.filter(pl.col("policy") == policy).sort("day")  # sums round by their order
    low, high = (None, None)
    difference = None
    if "mpc" in costs:
        paired = costs[policy] - costs["mpc"]
        difference = float(paired.sum())
        low, high = total_interval(paired)
    return {
        "policy": policy,
        "days": own.height,
        "cost": float(own["cost"].sum()),
        "captured_share": captured_share(costs, policy, power),
        "cost_vs_mpc": difference,
        "cost_vs_mpc_low": low,
        "cost_vs_mpc_high": high,
        **{name: float(own[name].sum()) for name in ("import_kwh", "export_kwh", "charge_kwh", "discharge_kwh")},
        "peak_kw": own["peak_kw"].max(),
        "breaches": int(own["breaches"].sum()),
        "writes": _writes(own),
        "power_cost": power[policy],
        "total_cost": float(own["cost"].sum()) + power[policy],
    }


def _writes(results: pl.DataFrame) -> int | None:
    """Changes of command in all days; None where some day's were not counted."""
    if "writes" not in results.columns or results["writes"].null_count():
        return None
    return int(results["writes"].sum())


def captured_share(costs: dict[str, Energy], policy: str, power: dict[str, float] | None = None) -> float | None:
    """Share of what hindsight could have saved; None where a reference is missing or nothing could be saved.

    Args:
        costs: of the days, by policy `(n_days,)` [money].
        policy: whose share.
        power: what the months cost on top, by policy [money]; None for nothing.
    """
    if "idle" not in costs or "oracle" not in costs:
        return None
    paid = {name: float(days.sum()) + (0.0 if power is None else power[name]) for name, days in costs.items()}
    possible = paid["idle"] - paid["oracle"]
    if possible <= 0:
        return None
    return (paid["idle"] - paid[policy]) / possible


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
