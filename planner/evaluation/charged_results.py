"""Daily results with what each day adds to its month's demand charge, for policies and the oracle alike."""

import polars as pl

from env.site import Site
from planner.demand_charges.bills import has_demand_charge
from planner.demand_charges.day_charges import with_day_charges
from planner.evaluation.daily_results import daily_results
from planner.value.protocol import Protocol

ORACLE = "oracle"


def charged_results(schedules: pl.DataFrame, protocol: Protocol, site: Site) -> pl.DataFrame:
    """Return daily results, with `power_cost` where the site's tariff has a demand charge.

    Args:
        schedules: as `planner.replay.daily.replay_days` gives them, of the same days for every policy.
        protocol: start, settlement, and the peaks of the first month's days before.
        site: limits, battery and tariff.
    """
    results = daily_results(schedules, protocol, site)
    return with_day_charges(results, schedules, site, protocol.month_before) if has_demand_charge(site) else results


def with_bound(results: pl.DataFrame, bounds: pl.DataFrame | None) -> pl.DataFrame:
    """Return charged results whose months of the oracle cost no more than their bound.

    Steps of a tariff may put the bound below the oracle's schedules.

    Args:
        results: of `charged_results`, of all policies.
        bounds: `month, bound` of `planner.replay.monthly_oracle.MonthsOracle`; None without the oracle.
    """
    if bounds is None:
        return results
    months = results.with_columns(month=pl.col("day").dt.month_start())
    oracle = months.filter(pl.col("policy") == ORACLE).join(bounds, on="month")
    above = oracle.group_by("month", "policy").agg(
        excess=(pl.col("cost").sum() + pl.col("power_cost").sum() - pl.col("bound").first()).clip(lower_bound=0),
        n_days=pl.len(),
    )
    lowered = pl.col("power_cost") - (pl.col("excess") / pl.col("n_days")).fill_null(0.0)
    joined = months.join(above, on=["month", "policy"], how="left", maintain_order="left")
    return joined.with_columns(power_cost=lowered).select(results.columns)
