"""The policies that could have been run: what each did on every day, and what that cost."""

import dagster as dg
import polars as pl

from assets.description import days_of, describe_left_out, describe_range, markdown_table, picture_metadata
from assets.home import Check, Home, Result, daily_asset, days_before
from assets.oracle import NO_BREACHES
from assets.pictures import last_day, verdict
from assets.rows.bounds import below_bound
from assets.rows.replays import (
    policy_result_rows,
    policy_rows,
    replayed_policies,
    shown_totals,
    usable_rows,
    with_oracle,
)
from assets.rows.usable_days import left_out
from assets.verification import SCHEDULES_VERIFIED, rejection_reasons, verified_check
from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.evaluation.charged_days import charged_days
from darkstar_pipeline.warehouse.schemas import POLICY_DAILY_RESULTS, POLICY_SCHEDULES
from planner.evaluation.verdict import evaluate
from planner.value.scenario_source import SCENARIO_DAYS

GROUP = "policies"
STAGE = "policies"
BOUND_HOLDS = Check(
    name="oracle_bounds",
    description="On no day does a policy pay less than perfect hindsight; energy and wear, without a demand charge.",
)


def policy_schedules_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `policy_schedules` of a home."""
    version = config_version(home.settings, STAGE)
    policies = replayed_policies(home.context)

    @daily_asset(
        home,
        POLICY_SCHEDULES,
        group=GROUP,
        kinds=("polars", "parquet"),
        inputs=("slot_observations", "spot_prices", "slot_forecasts", "data_quality_daily"),
        deps=days_before(home, ("raw_meter_readings", "meter_statistics"), SCENARIO_DAYS),
        checks=(SCHEDULES_VERIFIED,),
        code_version=f"{version} {' '.join(policies)}",
    )
    def policy_schedules(
        context: dg.AssetExecutionContext,
        slot_observations: pl.DataFrame,
        spot_prices: pl.DataFrame,
        slot_forecasts: pl.DataFrame,
        data_quality_daily: pl.DataFrame,
    ) -> Result:
        """Schedules of each policy, slot by slot, in daily episodes, on what was known at each slot's start."""
        slots = usable_rows(home.context, slot_observations, spot_prices, data_quality_daily)
        days = days_of(context)
        verified = policy_rows(home.context, policies, days[0], days[-1], slots=slots, forecasts=slot_forecasts)
        rows = verified.schedules
        pictures = picture_metadata(last_day(rows, home))
        describe_range(context, rows, "local_day", config_version=version, policies=policies, **pictures)
        describe_left_out(context, {**left_out(days, data_quality_daily, slots), **rejection_reasons(verified)})
        return dg.MaterializeResult(value=rows, check_results=[verified_check(verified)])

    return policy_schedules


def policy_daily_results_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `policy_daily_results` of a home."""

    @daily_asset(
        home,
        POLICY_DAILY_RESULTS,
        group=GROUP,
        kinds=("polars", "parquet"),
        inputs=("policy_schedules", "oracle_daily_results", "data_quality_daily"),
        checks=(BOUND_HOLDS, NO_BREACHES),
        code_version=config_version(home.settings, STAGE),
    )
    def policy_daily_results(
        context: dg.AssetExecutionContext,
        policy_schedules: pl.DataFrame,
        oracle_daily_results: pl.DataFrame,
        data_quality_daily: pl.DataFrame,
    ) -> Result:
        """Costs of each policy, day by day, settlement of the energy left in the battery included.

        Where power is charged, the totals include the months' charge; the rows are of days, without it.
        """
        rows = policy_result_rows(home.context, STAGE, policy_schedules, data_quality_daily)
        below, breaches = below_bound(rows, oracle_daily_results).drop("site"), int(rows["breaches"].sum())
        judged = charged_days(home.context, with_oracle(rows, oracle_daily_results), bound=False)
        evaluation = evaluate(judged)
        totals = markdown_table(shown_totals(evaluation), digits=3)
        describe_range(context, rows, "day", totals=totals, **picture_metadata(verdict(evaluation, home)))
        return dg.MaterializeResult(
            value=rows,
            check_results=[
                BOUND_HOLDS.result(passed=below.is_empty(), days_below=below.height, which=markdown_table(below, 6)),
                NO_BREACHES.result(passed=breaches == 0, breaches=breaches),
            ],
        )

    return policy_daily_results
