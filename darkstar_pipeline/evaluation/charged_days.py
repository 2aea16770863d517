"""Stored daily results with what each day adds to its month's demand charge, beside the oracle of whole months."""

from dataclasses import replace

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.month_before import month_before
from darkstar_pipeline.datasets.replay_inputs import protocol_of, replay_inputs
from darkstar_pipeline.evaluation.range_verdict import ORACLE, stored_rows
from darkstar_pipeline.warehouse.schemas import POLICY_SCHEDULES
from planner.demand_charges.bills import has_demand_charge
from planner.demand_charges.day_charges import with_day_charges
from planner.evaluation.charged_results import charged_results, with_bound
from planner.evaluation.verdict import common_days


def charged_days(context: Context, results: pl.DataFrame, *, bound: bool = True) -> pl.DataFrame:
    """Return stored daily results as a verdict takes them.

    Without a demand charge they stay as they are. With one, only days that every policy has are kept, since a month is
    billed on the same days for all, and the oracle is that of the months: days on their own do not see the charge.
    Peaks of the month's days before the first one stand.

    Args:
        context: the site.
        results: `day, policy, …` of the present configuration, the oracle among the policies.
        bound: whether the months' oracle is calculated, which takes seconds a month; else it is left out.
    """
    if results.is_empty() or not has_demand_charge(context.site):
        return results
    common = common_days(results).filter(pl.col("policy") != ORACLE)
    days = common["day"].unique().sort().to_list()
    policies = common["policy"].unique().sort().to_list()
    if not days:
        return common.with_columns(power_cost=pl.lit(None, pl.Float64))
    schedules = pl.concat([stored_rows(context, POLICY_SCHEDULES, policy, days) for policy in policies])
    before = month_before(context.lake, context.site, days[0])
    charged = with_day_charges(common, schedules, context.site, before)
    if not bound:
        return charged
    from planner.replay.monthly_oracle import months_oracle

    protocol = replace(protocol_of(context.site_settings, context.site.battery), month_before=before)
    slots = replay_inputs(context.lake, context.site, days, has_pv=context.site_settings.has_pv).slots
    best = months_oracle(slots, context.site, protocol)
    oracle = charged_results(best.schedules, protocol, context.site)
    return with_bound(pl.concat([charged, oracle], how="diagonal"), best.bounds)
