"""Rows of `training_episodes`."""

import polars as pl

from assets.rows.replays import with_oracle
from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.context import Context
from planner.training.antares_slots import training_episodes as episodes_of_days


def episode_rows(context: Context, policies: pl.DataFrame, oracle: pl.DataFrame, quality: pl.DataFrame) -> pl.DataFrame:
    """Rows of `training_episodes`, of daily results of policies and of the oracle."""
    results = with_oracle(of_configuration(context, policies), of_configuration(context, oracle))
    return episodes_of_days(results, quality, context.site).with_columns(
        pl.lit(context.site_name).alias("site"),
        pl.lit(config_version(context.site_settings, "policies")).alias("config_version"),
    )


def of_configuration(context: Context, results: pl.DataFrame) -> pl.DataFrame:
    """The results that hold for the present configuration: sums over two batteries or tariffs would be of none."""
    return results.filter(pl.col("config_version").is_in(config_versions(context)))


def config_versions(context: Context) -> tuple[str, str]:
    """Return the fingerprints of the present configuration, of policies and of the oracle."""
    settings = context.site_settings
    return config_version(settings, "policies"), config_version(settings, "oracle")
