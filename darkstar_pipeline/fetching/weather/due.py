"""When a site's forecasts of weather are to be fetched, by the log that all who fetch share."""

from datetime import datetime, timedelta

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.fetching.log import FetchLog, SourceState
from darkstar_pipeline.fetching.weather.services import PAST

EVERY = timedelta(hours=3, minutes=10)
"""A little more than Dagster's schedule, which goes first where it runs."""
AGAIN, LONGEST_AGAIN = timedelta(minutes=15), timedelta(hours=1)
"""Wait after a failure; it grows with their number."""


def fetches_weather(site: SiteSettings) -> bool:
    """Return whether a site fetches weather: its place is known, and a source is named."""
    weather = site.sources.weather
    return site.forecast.latitude is not None and bool(weather.order or weather.panels)


def forecast_states(log: FetchLog, site: str, now: datetime) -> list[SourceState]:
    """Return the state of every source of forecasts that was asked for a site until now."""
    return [state for state in log.states(site, "weather", until=now) if state.last.source != PAST]


def weather_is_due(context: Context, now: datetime) -> bool:
    """Return whether a site's forecasts of weather are to be fetched now."""
    if not fetches_weather(context.site_settings):
        return False
    states = forecast_states(FetchLog(context.home), context.site_name, now)
    succeeded = [state.succeeded_at for state in states if state.succeeded_at is not None]
    if succeeded and now - max(succeeded) < EVERY:
        return False
    failures = min((state.failures for state in states), default=0)
    asked = max((state.last.asked_at for state in states), default=None)
    return asked is None or now - asked >= min(failures * AGAIN, LONGEST_AGAIN)
