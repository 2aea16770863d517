"""Perfect hindsight, day by day: what the battery should have done, and what that would have cost."""

import dagster as dg
import polars as pl

from assets.description import days_of, describe_left_out, describe_range, markdown_table, picture_metadata
from assets.home import Check, Home, Result, daily_asset
from assets.pictures import last_day
from assets.rows.replays import oracle_rows, policy_result_rows, usable_rows
from assets.rows.usable_days import left_out
from assets.verification import SCHEDULES_VERIFIED, rejection_reasons, verified_check
from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.evaluation.range_verdict import ORACLE
from darkstar_pipeline.warehouse.schemas import ORACLE_DAILY_RESULTS, ORACLE_SCHEDULES

GROUP = "oracle"
STAGE = "oracle"
NO_BREACHES = Check(name="no_breaches", description="No slot breaks a limit of the connection or the battery.")
SHOWN = ("day", "cost", "import_kwh", "export_kwh", "charge_kwh", "discharge_kwh", "quality")


def oracle_schedules_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `oracle_schedules` of a home."""
    version = config_version(home.settings, STAGE)

    @daily_asset(
        home,
        ORACLE_SCHEDULES,
        group=GROUP,
        kinds=("polars", "parquet"),
        inputs=("slot_observations", "spot_prices", "data_quality_daily"),
        checks=(SCHEDULES_VERIFIED,),
        code_version=version,
    )
    def oracle_schedules(
        context: dg.AssetExecutionContext,
        slot_observations: pl.DataFrame,
        spot_prices: pl.DataFrame,
        data_quality_daily: pl.DataFrame,
    ) -> Result:
        """Schedules of perfect hindsight, slot by slot, in daily episodes."""
        slots = usable_rows(home.context, slot_observations, spot_prices, data_quality_daily)
        days = oracle_rows(home.context, slots)
        rows = days.schedules
        describe_range(context, rows, "local_day", config_version=version, **picture_metadata(last_day(rows, home)))
        describe_left_out(context, {**left_out(days_of(context), data_quality_daily, slots), **rejection_reasons(days)})
        return dg.MaterializeResult(value=rows.drop("policy"), check_results=[verified_check(days)])

    return oracle_schedules


def oracle_daily_results_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `oracle_daily_results` of a home."""

    @daily_asset(
        home,
        ORACLE_DAILY_RESULTS,
        group=GROUP,
        kinds=("polars", "parquet"),
        inputs=("oracle_schedules", "data_quality_daily"),
        checks=(NO_BREACHES,),
        code_version=config_version(home.settings, STAGE),
    )
    def oracle_daily_results(
        context: dg.AssetExecutionContext, oracle_schedules: pl.DataFrame, data_quality_daily: pl.DataFrame
    ) -> Result:
        """Costs of perfect hindsight, day by day: a lower bound for every policy."""
        schedules = oracle_schedules.with_columns(pl.lit(ORACLE).alias("policy"))
        rows = policy_result_rows(home.context, STAGE, schedules, data_quality_daily).drop("policy")
        breaches = int(rows["breaches"].sum())
        total = float(rows["cost"].sum())
        describe_range(context, rows, "day", **{"cost": total, "last days": markdown_table(rows.select(SHOWN).tail(7))})
        return dg.MaterializeResult(
            value=rows, check_results=[NO_BREACHES.result(passed=breaches == 0, breaches=breaches)]
        )

    return oracle_daily_results
