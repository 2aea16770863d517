"""Training days of policies: their grades, settlements and costs."""

import dagster as dg
import polars as pl

from assets.description import describe_range
from assets.evaluation import of_configuration
from assets.home import Home, Result, daily_asset
from assets.replays import with_oracle
from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.warehouse.schemas import TRAINING_EPISODES
from planner.training.antares_slots import DATASET_VERSIONS
from planner.training.antares_slots import training_episodes as episodes_of_days


def training_episodes_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `training_episodes` of a home."""
    version = config_version(home.settings, "policies")

    @daily_asset(
        home,
        TRAINING_EPISODES,
        group="training",
        kinds=("polars", "parquet"),
        inputs=("policy_daily_results", "oracle_daily_results", "data_quality_daily"),
        code_version=f"{version} {DATASET_VERSIONS[-1]}",
    )
    def training_episodes(
        context: dg.AssetExecutionContext,
        policy_daily_results: pl.DataFrame,
        oracle_daily_results: pl.DataFrame,
        data_quality_daily: pl.DataFrame,
    ) -> Result:
        """Training days, one row each: grade, start, settlement, and costs of policies."""
        results = with_oracle(
            of_configuration(home, policy_daily_results), of_configuration(home, oracle_daily_results)
        )
        rows = episodes_of_days(results, data_quality_daily, home.site).with_columns(
            pl.lit(home.name).alias("site"), pl.lit(version).alias("config_version")
        )
        masked = int(rows["battery_masked"].sum())
        describe_range(context, rows, "day", **{"days whose battery is masked": masked})
        return dg.MaterializeResult(value=rows)

    return training_episodes
