"""What the load and PV of a day were expected to be at its start: the naive forecasts that MPC plans on."""

from datetime import date

import dagster as dg
import polars as pl

from assets.description import days_of, describe_range
from assets.home import Check, Home, daily_asset, days_before
from darkstar_pipeline.evaluating import home_has_pv
from darkstar_pipeline.past_readings import past_readings
from darkstar_pipeline.warehouse.schemas import SLOT_FORECASTS
from planner.forecasts import naive_forecasts

HAS_HISTORY = Check(name="has_history", description="Every day of the range has a forecast.")


def slot_forecasts_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `slot_forecasts` of a home."""

    @daily_asset(
        home,
        SLOT_FORECASTS,
        group="forecasts",
        kinds=("polars", "parquet"),
        deps=days_before(home, ("raw_meter_readings", "meter_statistics"), _reach(home)),
        checks=(HAS_HISTORY,),
    )
    def slot_forecasts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """Forecasts made at the start of each day for that day and the next: the mean of the same slot over last days.

        Only days whose readings can be believed are averaged. They are read from what was imported, not from
        `slot_observations`, so that the forecasts of a day are the same however a backfill was cut into ranges.
        """
        days = days_of(context)
        settings = home.settings.forecast
        forecasts = naive_forecasts(
            history(home, days[0], days[-1]),
            days,
            home.timezone,
            load_days=settings.load_days,
            pv_days=settings.pv_days,
        )
        rows = forecasts.with_columns(pl.lit(home.name).alias("site"))
        without = len(days) - rows["local_day"].n_unique()
        describe_range(context, rows, "local_day", **{"days without history": without})
        return dg.MaterializeResult(
            value=rows, check_results=[HAS_HISTORY.result(passed=without == 0, days_without_history=without)]
        )

    return slot_forecasts


def history(home: Home, first: date, last: date) -> pl.DataFrame:
    """Believed readings from as many days before `first` as are averaged: `slot_start, load_kwh, pv_kwh`."""
    return past_readings(home.context, first, last, reach=_reach(home), has_pv=home_has_pv(home.context))


def _reach(home: Home) -> int:
    """How many days back a forecast looks."""
    return max(home.settings.forecast.load_days, home.settings.forecast.pv_days)
