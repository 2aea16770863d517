"""What the load and PV of a day were expected to be at its start: the naive forecasts that MPC plans on."""

from datetime import date, timedelta

import dagster as dg
import polars as pl

from assets.description import days_of, describe_range
from assets.home import Check, Home, daily_asset, days_before
from assets.observations import observed
from darkstar_pipeline.evaluating import home_has_pv
from darkstar_pipeline.quality.day_quality import grade_days
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS, SLOT_FORECASTS, SPOT_PRICES
from env.time_grid import grid
from planner.episodes import USABLE
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
    """Readings that forecasts of the days `first` to `last` may rest on.

    Days are believed on their readings alone: a price that is missing or wrong is no reason to distrust a load.

    Returns:
        `slot_start, load_kwh, pv_kwh` of believed days, from as many days before `first` as are averaged.
    """
    start, lake = first - timedelta(days=_reach(home)), home.context.lake
    observations = observed(home, lake.read(METER_READINGS, home.name, start, last), start, last)
    statistics = lake.read(METER_STATISTICS, home.name, start, last)
    grades = grade_days(
        observations.drop("site"),
        _unremarkable_prices(start, last, home.timezone),
        statistics.select("hour_start", "quantity", "energy_kwh"),
        start,
        last,
        home.timezone,
        battery=home.site.battery,
        has_pv=home_has_pv(home.context),
    )
    believed = grades.filter(pl.col("status").is_in(USABLE)).select(pl.col("day").alias("local_day"))
    return observations.join(believed, on="local_day", how="semi").select("slot_start", "load_kwh", "pv_kwh")


def _reach(home: Home) -> int:
    """How many days back a forecast looks."""
    return max(home.settings.forecast.load_days, home.settings.forecast.pv_days)


def _unremarkable_prices(first: date, last: date, timezone: str) -> pl.DataFrame:
    """A price for every slot that no grade objects to."""
    names = [name for name in SPOT_PRICES.schema.names() if name not in ("site", "area")]
    prices = grid(first, last, timezone).with_columns(
        price=pl.lit(1.0), raw_price=pl.lit(1.0), repaired=pl.lit(value=False), native_minutes=pl.lit(15, pl.Int32)
    )
    return prices.select(names)
