"""The forecast of load and PV that a plan of a day rests on: stored, made from readings, or an old one."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.config.planning import ForecastSettings
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.planning.site_tables import SiteTables
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY, METER_READINGS, SLOT_FORECASTS
from env.time_grid import day_start, grid, local_clock
from planner.forecasts.naive import naive_forecasts
from planner.replay.usable_slots import USABLE
from planner.wording.messages import phrase


@dataclass(frozen=True)
class DayForecast:
    """The forecast of a day and the next.

    Attributes:
        rows: a row a slot and quantile, as `planner.forecasts.naive.naive_forecasts` returns them.
        note: why it is not the day's own forecast; empty where it is.
    """

    rows: pl.DataFrame
    note: str = ""


def day_forecast(
    tables: SiteTables, settings: ForecastSettings, today: date, timezone: str, *, lenient: bool
) -> DayForecast:
    """Return the forecast of today's vintage: the stored one, or the naive forecast from readings before midnight.

    Args:
        tables: the site's tables.
        settings: number of days that the naive forecast averages.
        today: local day of the vintage.
        timezone: of the site.
        lenient: take an old forecast, or older readings, rather than none.

    Raises:
        DataMissingError: nothing was read before today.
    """
    stored = tables.read(SLOT_FORECASTS, today, today)
    if stored.height:
        return DayForecast(stored)
    naive = _naive_forecast(tables, settings, today, today, timezone)
    if naive.height:
        return DayForecast(naive)
    old = _old_forecast(tables, settings, today, timezone) if lenient else None
    if old is not None and old.rows.height:
        return old
    n_days = max(settings.load_days, settings.pv_days)
    raise DataMissingError(
        phrase(
            "site {site} has no readings of the {n} days before {day} to forecast from",
            site=tables.site,
            n=n_days,
            day=str(today),
        ),
        phrase("run `darkstar import observations FILE`, or name a moment with --at"),
        subject="load",
    )


def _naive_forecast(
    tables: SiteTables, settings: ForecastSettings, read_until: date, today: date, timezone: str
) -> pl.DataFrame:
    """Return the naive forecast of today from the days before `read_until`, as if they were the last ones."""
    history, shift = _usable_readings(tables, settings, read_until, timezone), today - read_until
    if shift:  # by the wall clock, which a change of it in between would shift
        local = pl.col("slot_start").dt.convert_time_zone(timezone).dt.replace_time_zone(None) + shift
        shifted = local.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
        history = history.with_columns(shifted.dt.convert_time_zone("UTC").alias("slot_start")).drop_nulls("slot_start")
    return naive_forecasts(history, [today], timezone, load_days=settings.load_days, pv_days=settings.pv_days)


def _usable_readings(tables: SiteTables, settings: ForecastSettings, until: date, timezone: str) -> pl.DataFrame:
    """Return readings of the days before `until`, without days that were graded as not to be used."""
    first, last = until - timedelta(days=max(settings.load_days, settings.pv_days)), until - timedelta(days=1)
    refused = tables.read(DATA_QUALITY_DAILY, first, last).filter(~pl.col("status").is_in(USABLE))
    return (
        tables.read(METER_READINGS, first, last)
        .join(refused.select(local_day=pl.col("day")), on="local_day", how="anti")
        .filter(pl.col("slot_start") < day_start(until, timezone))
        .select("slot_start", "load_kwh", "pv_kwh")
    )


def _old_forecast(tables: SiteTables, settings: ForecastSettings, today: date, timezone: str) -> DayForecast | None:
    """Return yesterday's forecast of today, or one from the last days that were read; None where none ever were."""
    yesterday = today - timedelta(days=1)
    stored = tables.read(SLOT_FORECASTS, yesterday, yesterday)
    if stored.filter(pl.col("slot_start") >= day_start(today, timezone)).height:
        return DayForecast(
            _repeated_tomorrow(stored, today, timezone), phrase("the forecast is {day}'s", day=str(yesterday))
        )
    days = [day for day in tables.days(METER_READINGS) if day < today]
    if not days:
        return None
    naive = _naive_forecast(tables, settings, days[-1] + timedelta(days=1), today, timezone)
    return DayForecast(naive, phrase("nothing was read since {day}; the days before it stand in", day=str(days[-1])))


def _repeated_tomorrow(stored: pl.DataFrame, today: date, timezone: str) -> pl.DataFrame:
    """Return a forecast that ends with today, repeated for tomorrow by the wall clock."""
    timed = stored.filter(pl.col("slot_start") >= day_start(today, timezone)).with_columns(local_clock(timezone))
    slots = grid(today, today + timedelta(days=1), timezone).select("slot_start").with_columns(local_clock(timezone))
    by_clock = timed.drop("slot_start").unique(["local_clock", "quantile"], keep="first")
    return slots.join(by_clock, on="local_clock", how="inner").drop("local_clock").select(stored.columns)
