"""Past readings and forecasts of many homes."""

from datetime import timedelta

import polars as pl

from assets.fleet.homes import Homes
from assets.fleet.readings import graded_homes
from assets.rows.forecasts import forecast_rows
from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.past_readings import usable_readings
from darkstar_pipeline.forecasts.promoted import pointer_of
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS, SLOT_FORECASTS
from env.time_grid import days_between
from planner.forecasts.naive import naive_forecasts


def is_plain(home: Context) -> bool:
    """Return whether a home's forecasts are means of the days before: no Aurora, and no correction of a new home."""
    settings = home.site_settings.forecast
    if settings.correct_bias or settings.model == "aurora":
        return False
    return settings.model == "naive" or pointer_of(home) is None


def known_before(homes: Homes, lookback_days: int) -> pl.DataFrame:
    """Return the usable readings of the homes from some days before the range on: `site, slot_start, …`."""
    start = homes.first - timedelta(days=lookback_days)
    readings, statistics = homes.read(METER_READINGS, start), homes.read(METER_STATISTICS, start)
    rows = [
        usable_readings(
            alike.own(readings), alike.own(statistics), start, homes.last, alike.one.timezone, homes=graded_homes(alike)
        )
        for alike in homes.alike(lambda home: home.timezone)
    ]
    return pl.concat(rows)


def forecast(homes: Homes, past: dict[int, pl.DataFrame]) -> pl.DataFrame:
    """Return rows of `slot_forecasts`.

    Args:
        homes: the homes.
        past: of `known_before` by its lookback days; what is missing is added.
    """
    days, rows = list(days_between(homes.first, homes.last)), [pl.DataFrame(schema=SLOT_FORECASTS.schema)]
    names = SLOT_FORECASTS.schema.names()
    for alike in homes.alike(_form):
        settings = alike.one.site_settings.forecast
        if is_plain(alike.one):
            history = past_of(homes, alike, max(settings.load_days, settings.pv_days), past)
            made = naive_forecasts(
                history, days, alike.one.timezone, load_days=settings.load_days, pv_days=settings.pv_days
            )
            rows.append(made.select(names))
        else:
            rows += [forecast_rows(home, days).select(names) for home in alike]
    return pl.concat(rows)


def past_of(homes: Homes, wanted: Homes, lookback_days: int, past: dict[int, pl.DataFrame]) -> pl.DataFrame:
    """Return the past readings of some of the homes, worked out once for all of them."""
    if lookback_days not in past:
        past[lookback_days] = known_before(homes, lookback_days)
    return wanted.own(past[lookback_days])


def _form(home: Context) -> tuple[object, ...]:
    settings = home.site_settings.forecast
    return is_plain(home), home.timezone, settings.load_days, settings.pv_days
