"""Perfect hindsight, day by day: what the battery should have done, and what that would have cost."""

import dagster as dg
import polars as pl

from assets.description import days_of, describe_left_out, describe_range, markdown_table, picture_metadata
from assets.home import Check, Home, Result, daily_asset
from assets.pictures import last_day
from assets.replays import policy_result_rows, policy_schedule_rows
from assets.usable_days import left_out, whole_days
from assets.verification import SCHEDULES_VERIFIED, rejection_reasons, verified_check, verify_schedules
from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.datasets.month_prices import with_month_prices
from darkstar_pipeline.datasets.replay_inputs import home_has_pv
from darkstar_pipeline.evaluation.range_verdict import ORACLE
from darkstar_pipeline.warehouse.schemas import ORACLE_DAILY_RESULTS, ORACLE_SCHEDULES, SLOT_FORECASTS

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
        has_pv = home_has_pv(home.context.lake, home.name, home.settings.has_pv)
        prices = with_month_prices(spot_prices, home.context.lake, home.site)
        slots = whole_days(slot_observations, prices, data_quality_daily, home.site, has_pv=has_pv)
        no_forecasts = pl.DataFrame(schema=SLOT_FORECASTS.schema)
        days = verify_schedules(home, policy_schedule_rows(home, STAGE, (ORACLE,), slots, no_forecasts))
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
        rows = policy_result_rows(home, STAGE, schedules, data_quality_daily).drop("policy")
        breaches = int(rows["breaches"].sum())
        total = float(rows["cost"].sum())
        describe_range(context, rows, "day", **{"cost": total, "last days": markdown_table(rows.select(SHOWN).tail(7))})
        return dg.MaterializeResult(
            value=rows, check_results=[NO_BREACHES.result(passed=breaches == 0, breaches=breaches)]
        )

    return oracle_daily_results
