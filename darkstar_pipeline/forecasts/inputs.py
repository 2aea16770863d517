"""Inputs of Aurora: accepted readings of a home from a fixed day on, and external forecasts.

Everything that is learned or forecast of a model reads from the same first day, so that a day's forecast is the same
to the byte however a backfill was cut into ranges.
"""

from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.past_readings import past_readings
from darkstar_pipeline.datasets.replay_inputs import home_has_pv
from darkstar_pipeline.forecasts.available_pv import with_available_pv
from darkstar_pipeline.forecasts.panels import panel_system
from darkstar_pipeline.warehouse.schemas import RAW_WEATHER
from env.time_grid import grid
from planner.forecasts.clear_sky import PvSystem
from planner.forecasts.features import AuroraHome
from planner.forecasts.slot_series import EXTERNAL_FORECASTS, slot_series

_EXTERNAL_NAMES = {"cloud_percent": "cloud", "irradiance_w_m2": "irradiance"}


def panels_of(context: Context) -> PvSystem | None:
    """Return location and orientation of the panels, as configured; None if unknown."""
    settings = context.site_settings.forecast
    if settings.latitude is None or settings.longitude is None:
        return None
    return panel_system(settings, (settings.latitude, settings.longitude))


def readings_between(context: Context, first: date, last: date) -> pl.DataFrame:
    """Return accepted readings of the days `first` to `last`: `slot_start, load_kwh, pv_kwh`."""
    return past_readings(
        context.lake,
        context.site,
        first,
        last,
        lookback_days=0,
        has_pv=home_has_pv(context.lake, context.site_name, context.site_settings.has_pv),
    )


def aurora_home(
    context: Context,
    first: date,
    last: date,
    *,
    panels: PvSystem | None,
    country: str | None,
) -> AuroraHome:
    """Return the home with its readings from `first` to `last`, null where none was accepted.

    Args:
        context: the site.
        first: first local day; the series begins at its midnight whether it was read or not.
        last: last local day; forecasts reach to its end and some days further.
        panels: location and orientation of the panels; None if unknown.
        country: country whose public holidays count; None without holidays.
    """
    external = external_forecasts(context, first, last)
    series = slot_series(history_between(context, first, last), context.timezone, external=external, country=country)
    return AuroraHome(series, panels)


def history_between(context: Context, first: date, last: date) -> pl.DataFrame:
    """Return every slot of the days `first` to `last` with its readings, null where none was accepted.

    PV is what was available: null where the panels were held back.
    """
    read = readings_between(context, first, last)
    whole = grid(first, last, context.timezone).select("slot_start")
    joined = whole.join(read, on="slot_start", how="left", maintain_order="left")
    return with_available_pv(context, joined, first, last)


def external_forecasts(context: Context, first: date, last: date) -> pl.DataFrame | None:
    """Return external forecasts of the days `first` to `last` and the week after them, as `slot_series` takes them.

    Returns:
        `slot_start, known_at` and those of `planner.forecasts.slot_series.OUTLOOK` that were said; None where nothing
        was.
    """
    rows = context.lake.read(RAW_WEATHER, context.site_name, first, last + timedelta(days=8)).rename(_EXTERNAL_NAMES)
    said = [name for name in EXTERNAL_FORECASTS if rows[name].count()]
    return rows.select("slot_start", "known_at", *said) if said else None
