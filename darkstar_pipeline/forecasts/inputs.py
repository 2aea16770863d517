"""A home as Aurora sees it: believed readings from a fixed day on, and what others said about the slots ahead.

Everything that is learned or forecast of a model reads from the same first day, so that a day's forecast is the same
to the byte however a backfill was cut into ranges.
"""

from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.past_readings import past_readings
from darkstar_pipeline.datasets.replay_inputs import home_has_pv
from darkstar_pipeline.warehouse.schemas import RAW_WEATHER
from env.time_grid import grid
from planner.forecasts.clear_sky import PvSystem
from planner.forecasts.features import AuroraHome
from planner.forecasts.slot_series import EXTERNAL_FORECASTS, slot_series

_OUTLOOK_NAMES = {"cloud_percent": "cloud", "irradiance_w_m2": "irradiance"}


def panels_of(context: Context) -> PvSystem | None:
    """Where the panels stand, as configured; None when that is not known."""
    told = context.site_settings.forecast
    if told.latitude is None or told.longitude is None:
        return None
    return PvSystem(latitude=told.latitude, longitude=told.longitude, tilt=told.tilt, azimuth=told.azimuth)


def believed_readings(context: Context, first: date, last: date) -> pl.DataFrame:
    """Readings of the days `first` to `last` that can be believed: `slot_start, load_kwh, pv_kwh`."""
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
    """The home with its readings from `first` to `last`, null where nothing is believed.

    Args:
        context: the site.
        first: first local day; the series begins at its midnight whether it was read or not.
        last: last local day, to whose end it can be asked (and some days further).
        panels: where they stand; None when that is not known.
        country: whose public holidays count; None for none.
    """
    read = believed_readings(context, first, last)
    whole = grid(first, last, context.timezone).select("slot_start")
    history = whole.join(read, on="slot_start", how="left", maintain_order="left")
    told = outlook(context, first, last)
    return AuroraHome(slot_series(history, context.timezone, external=told, country=country), panels)


def outlook(context: Context, first: date, last: date) -> pl.DataFrame | None:
    """What was said about the slots of the days `first` to `last` and the week after them, as `slot_series` takes it.

    Returns:
        `slot_start, known_at` and those of `planner.forecasts.slot_series.OUTLOOK` that were said; None where nothing
        was.
    """
    rows = context.lake.read(RAW_WEATHER, context.site_name, first, last + timedelta(days=8)).rename(_OUTLOOK_NAMES)
    said = [name for name in EXTERNAL_FORECASTS if rows[name].count()]
    return rows.select("slot_start", "known_at", *said) if said else None
