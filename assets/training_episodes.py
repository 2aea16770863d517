"""Training days of policies: their grades, settlements and costs."""

import dagster as dg
import polars as pl

from assets.description import describe_range
from assets.home import Home, Result, daily_asset
from assets.rows.training_episodes import episode_rows
from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.warehouse.schemas import TRAINING_EPISODES
from planner.training.antares_slots import DATASET_VERSIONS


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
        rows = episode_rows(home.context, policy_daily_results, oracle_daily_results, data_quality_daily)
        masked = int(rows["battery_masked"].sum())
        describe_range(context, rows, "day", **{"days whose battery is masked": masked})
        return dg.MaterializeResult(value=rows)

    return training_episodes
