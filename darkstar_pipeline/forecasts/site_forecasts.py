"""A site's forecasts of some midnights: Aurora's where a promoted model may forecast, naive ones for other days."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.past_readings import past_readings
from darkstar_pipeline.datasets.replay_inputs import home_has_pv
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.forecasts.inputs import aurora_home
from darkstar_pipeline.forecasts.promoted import PromotedAurora, promoted_versions
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from env.time_grid import day_start, days_between
from planner.forecasts.aurora import aurora_forecasts
from planner.forecasts.aurora_model import LEAST_DAYS
from planner.forecasts.bias_correction import bias_corrected
from planner.forecasts.features import AuroraHome
from planner.forecasts.naive import naive_forecasts


def site_forecasts(context: Context, days: Sequence[date]) -> pl.DataFrame:
    """Return forecasts made at the start of each day: rows of `slot_forecasts` without `site`.

    Args:
        context: the site; its `forecast.model` selects the model.
        days: local days of the vintages.

    Returns:
        Aurora's p10, p50 and p90 from each midnight on; of days that no promoted model may forecast, and of days
        without recent readings, the naive central forecast alone; a day without any history has no rows.

    Raises:
        DataMissingError: `forecast.model` is Aurora and none is promoted.
        ConfigurationError: the promoted model is damaged.
    """
    made: list[pl.DataFrame] = []
    open_days, unread = list(days), list[date]()
    for promoted in usable_versions(context):
        own_days = [day for day in open_days if promoted.may_forecast(day)]
        open_days = [day for day in open_days if not promoted.may_forecast(day)]
        if own_days:
            made.append(_aurora_forecasts(context, promoted, own_days))
            done = set(made[-1]["local_day"].unique().to_list())
            unread += [day for day in own_days if day not in done]
        if not open_days:
            break
    if rest := [*open_days, *unread]:
        made.append(naive_site_forecasts(context, rest))
    return pl.concat(made).sort("vintage", "slot_start", "quantile")


def usable_versions(context: Context) -> Iterator[PromotedAurora]:
    """Return the promoted versions that the configuration allows, the one in use first; none for `naive`.

    Raises:
        DataMissingError: `forecast.model` is Aurora and none is promoted.
        ConfigurationError: the promoted model is damaged.
    """
    wanted, any_found = context.site_settings.forecast.model, False
    if wanted == "naive":
        return
    for promoted in promoted_versions(context):
        any_found = True
        yield promoted
    if wanted == "aurora" and not any_found:
        message = f"forecast.model is aurora and site {context.site_name} has no promoted one"
        raise DataMissingError(message, "run `darkstar train aurora`, or set forecast.model to auto")


def naive_site_forecasts(context: Context, days: Sequence[date]) -> pl.DataFrame:
    """Return naive forecasts of some days; a new home's are corrected by their mean error if so configured."""
    settings = context.site_settings.forecast
    read = averaged_readings(context, min(days), max(days))
    made = naive_forecasts(read, days, context.timezone, load_days=settings.load_days, pv_days=settings.pv_days)
    return _bias_corrected(context, made, days) if settings.correct_bias else made


def _bias_corrected(context: Context, made: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """Return the forecasts with those days corrected that come before a model could have been fitted."""
    imported, settings = context.lake.days(METER_READINGS, context.site_name), context.site_settings.forecast
    young = [day for day in days if imported and 0 < (day - imported[0]).days < LEAST_DAYS]
    if not young:
        return made
    since = list(days_between(imported[0] + timedelta(days=1), max(young)))
    read = averaged_readings(context, imported[0], max(young))
    every = naive_forecasts(read, since, context.timezone, load_days=settings.load_days, pv_days=settings.pv_days)
    corrected = bias_corrected(every, read, context.timezone)
    chosen = pl.col("local_day").is_in(young)
    return pl.concat([made.filter(~chosen), corrected.filter(chosen)]).sort("vintage", "slot_start")


def averaged_readings(context: Context, first: date, last: date) -> pl.DataFrame:
    """Return accepted readings from as many days before `first` as are averaged: `slot_start, load_kwh, pv_kwh`."""
    settings = context.site_settings.forecast
    lookback_days = max(settings.load_days, settings.pv_days)
    return past_readings(
        context.lake,
        context.site,
        first,
        last,
        lookback_days=lookback_days,
        has_pv=home_has_pv(context.lake, context.site_name, context.site_settings.has_pv),
    )


def site_aurora_home(context: Context, promoted: PromotedAurora, last: date) -> AuroraHome:
    """Return the inputs of a promoted model, up to a day."""
    learned, loaded = promoted.loaded.summary, promoted.loaded
    return aurora_home(context, learned.first_day, last, panels=loaded.panels, country=learned.country)


def _aurora_forecasts(context: Context, promoted: PromotedAurora, days: Sequence[date]) -> pl.DataFrame:
    """Return Aurora's forecasts of the days whose recent readings allow one."""
    home = site_aurora_home(context, promoted, max(days))
    ahead = timedelta(days=1 + context.site_settings.forecast.days_ahead)
    vintages = [day_start(day, context.timezone) for day in days]
    ends = [day_start(day + ahead, context.timezone) for day in days]
    made = aurora_forecasts(promoted.loaded.model, home, vintages, ends, context.timezone)
    whole = pl.all_horizontal(pl.col("load_kwh", "pv_kwh").is_not_null()).all().over("vintage")
    return made.filter(whole).with_columns(pl.lit(promoted.name).alias("model_version"))
