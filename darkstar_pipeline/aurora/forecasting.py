"""A site's forecasts of some midnights: Aurora's where a promoted model may speak, naive ones for the other days."""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.aurora.inputs import aurora_home
from darkstar_pipeline.aurora.promoted import PromotedAurora, promoted_aurora
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.evaluating import home_has_pv
from darkstar_pipeline.past_readings import past_readings
from env.time_grid import day_start
from planner.aurora import aurora_forecasts
from planner.aurora_features import AuroraHome
from planner.forecasts import naive_forecasts


def site_forecasts(context: Context, days: Sequence[date]) -> pl.DataFrame:
    """Forecasts made at the start of each day: rows of `slot_forecasts` without `site`.

    Args:
        context: the site; its `forecast.model` says what forecasts.
        days: local days of the vintages.

    Returns:
        Aurora's p10, p50 and p90 from each midnight on; of days that no promoted model may forecast, and of days
        without recent readings, the naive central forecast alone; a day without any history has no rows.

    Raises:
        DataMissingError: Aurora is asked for by name and none is promoted.
        ConfigurationError: the promoted model is damaged.
    """
    promoted = promoted_model(context)
    asked = [] if promoted is None else [day for day in days if promoted.may_forecast(day)]
    made = _aurora(context, promoted, asked) if promoted is not None and asked else None
    if made is None:
        return naive(context, days)
    done = set(made["local_day"].unique().to_list())
    rest = [day for day in days if day not in done]
    return pl.concat([made, naive(context, rest)]).sort("vintage", "slot_start", "quantile") if rest else made


def promoted_model(context: Context) -> PromotedAurora | None:
    """The model that the configuration lets forecast; None where the naive forecasts do.

    Raises:
        DataMissingError: Aurora is asked for by name and none is promoted.
        ConfigurationError: the promoted model is damaged.
    """
    wanted = context.site_settings.forecast.model
    if wanted == "naive":
        return None
    promoted = promoted_aurora(context)
    if promoted is None and wanted == "aurora":
        message = f"forecast.model is aurora and site {context.site_name} has no promoted one"
        raise DataMissingError(message, "run `darkstar train aurora`, or set forecast.model to auto")
    return promoted


def naive(context: Context, days: Sequence[date]) -> pl.DataFrame:
    """The naive forecasts of some days."""
    settings = context.site_settings.forecast
    read = averaged_readings(context, min(days), max(days))
    return naive_forecasts(read, days, context.timezone, load_days=settings.load_days, pv_days=settings.pv_days)


def averaged_readings(context: Context, first: date, last: date) -> pl.DataFrame:
    """Believed readings from as many days before `first` as are averaged: `slot_start, load_kwh, pv_kwh`."""
    settings = context.site_settings.forecast
    reach = max(settings.load_days, settings.pv_days)
    return past_readings(context, first, last, reach=reach, has_pv=home_has_pv(context))


def site_aurora_home(context: Context, promoted: PromotedAurora, last: date) -> AuroraHome:
    """The home as a promoted model is asked on, up to a day."""
    learned, loaded = promoted.loaded.learned, promoted.loaded
    return aurora_home(context, learned.first_day, last, panels=loaded.panels, country=learned.country)


def _aurora(context: Context, promoted: PromotedAurora, days: Sequence[date]) -> pl.DataFrame | None:
    """Aurora's forecasts of the days whose recent readings allow one; None where none do."""
    home = site_aurora_home(context, promoted, max(days))
    ahead = timedelta(days=1 + context.site_settings.forecast.days_ahead)
    vintages = [day_start(day, context.timezone) for day in days]
    ends = [day_start(day + ahead, context.timezone) for day in days]
    made = aurora_forecasts(promoted.loaded.model, home, vintages, ends, context.timezone)
    whole = pl.all_horizontal(pl.col("load_kwh", "pv_kwh").is_not_null()).all().over("vintage")
    sound = made.filter(whole).with_columns(pl.lit(promoted.name).alias("model_version"))
    return sound if sound.height else None
