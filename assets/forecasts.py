"""Forecasts of a day's load and PV at its start, on which MPC plans."""

import dagster as dg
import polars as pl

from assets.description import days_of, describe_range, markdown_table
from assets.forecast_models import AURORA_MODELS
from assets.home import Check, Home, Result, daily_asset, days_around, days_before
from assets.rows.forecasts import forecast_rows
from darkstar_pipeline.warehouse.schemas import SLOT_FORECASTS

HAS_HISTORY = Check(name="has_history", description="Every day of the range has a forecast.")


def slot_forecasts_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `slot_forecasts` of a home."""

    @daily_asset(
        home,
        SLOT_FORECASTS,
        group="forecasts",
        kinds=("polars", "parquet"),
        deps=[
            *days_before(home, ("raw_meter_readings", "meter_statistics"), _reach(home)),
            *days_around(home, ("raw_weather",), before=_reach(home), after=home.settings.forecast.days_ahead),
            dg.AssetDep(home.key(AURORA_MODELS)),
        ],
        checks=(HAS_HISTORY,),
    )
    def slot_forecasts(context: dg.AssetExecutionContext) -> Result:
        """Forecasts made at the start of each day for that day and the next.

        Aurora's quantiles where a promoted model learned from earlier days only, else the mean of the same slot over
        the last days; `model_version` says which. Only days with accepted readings count. They are read from
        what was imported, not from `slot_observations`, so that the forecasts of a day are the same however a backfill
        was cut into ranges.
        """
        days = days_of(context)
        rows = forecast_rows(home.context, days)
        without = len(days) - rows["local_day"].n_unique()
        made_by = rows.group_by("model_version").agg(pl.col("local_day").n_unique().alias("days")).sort("model_version")
        described = {"days without history": without, "made by": markdown_table(made_by)}
        describe_range(context, rows, "local_day", **described)
        return dg.MaterializeResult(
            value=rows, check_results=[HAS_HISTORY.result(passed=without == 0, days_without_history=without)]
        )

    return slot_forecasts


def _reach(home: Home) -> int:
    """Return the lookback days of a naive forecast; Aurora reads from its first day on, whatever the range."""
    return max(home.settings.forecast.load_days, home.settings.forecast.pv_days)
