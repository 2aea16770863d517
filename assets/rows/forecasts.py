"""Rows of `slot_forecasts`."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.forecasts.site_forecasts import site_forecasts


def forecast_rows(context: Context, days: Sequence[date]) -> pl.DataFrame:
    """Rows of `slot_forecasts` that are made at the start of each day; a day without any history has none."""
    return site_forecasts(context, days).with_columns(pl.lit(context.site_name).alias("site"))
