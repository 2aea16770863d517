"""Reads what policies are trained on from the lake."""

from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.month_prices import with_month_prices
from darkstar_pipeline.datasets.replay_inputs import home_has_pv
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    POLICY_SCHEDULES,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
)
from planner.training.antares_slots import antares_slots, check_version


def get_antares_slots(
    context: Context, first: date | None = None, last: date | None = None, *, dataset_version: str = "v1"
) -> pl.DataFrame:
    """Return the slots of the graded days of a site, to train on.

    Args:
        context: the site.
        first: first local day; None is the first there is.
        last: last local day, included; None is the last there is.
        dataset_version: `v1`: clean days whole, `mask_battery` days without the battery's own readings.

    Returns:
        `site` and the columns of `planner.training.antares_slots.antares_slots`; no rows where nothing is materialised.
        MPC's commands are those of the present configuration.

    Raises:
        DatasetVersionError: no such version.
    """
    check_version(dataset_version)
    lake, name = context.lake, context.site_name
    before = None if first is None else first - timedelta(days=1)
    version = config_version(context.site_settings, "policies")
    slots = antares_slots(
        lake.read(SLOT_OBSERVATIONS, name, first, last),
        with_month_prices(lake.read(SPOT_PRICES, name, first, last), lake, context.site),
        lake.read(DATA_QUALITY_DAILY, name, first, last),
        lake.read(SLOT_FORECASTS, name, before, last),
        lake.read(POLICY_SCHEDULES, name, first, last).filter(pl.col("config_version") == version),
        context.site,
        has_pv=home_has_pv(context.lake, context.site_name, context.site_settings.has_pv),
    )
    return slots.select(pl.lit(name).alias("site"), pl.all())
