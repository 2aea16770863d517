"""Reserves for outages that fetched forecasts of gusts and thunder ask for."""

from datetime import datetime, timedelta

from darkstar_pipeline.context import Context
from darkstar_pipeline.forecasts.storms import StormForecast, kept_storms
from darkstar_pipeline.planning.battery_care import TimedReserve
from env.time_grid import zone
from planner.care.storms import Storm, storms_in
from planner.wording.messages import phrase

STALE = timedelta(hours=24)
"""Age at which a forecast says nothing any more: it is fetched every three hours."""
AHEAD = timedelta(hours=48)
"""Storms that begin later are none of a plan's, which ends with tomorrow's prices."""


def weather_reserves(context: Context, now: datetime) -> list[TimedReserve]:
    """Return the reserves that forecasts of storms ask for, those that have not passed; none without the setting."""
    settings = context.site_settings.household.care.weather_warning
    forecast = usable_forecast(context, now)
    if settings is None or forecast is None:
        return []
    before = timedelta(hours=settings.hours_before)
    storms = storms_in(forecast.hours, gusts_above=settings.gusts_above, thunder=settings.thunder, apart=before)
    return [
        TimedReserve(
            percent=settings.percent,
            cause=_cause(storm, forecast, context.timezone),
            since=storm.begins - before,
            until=storm.ends,
        )
        for storm in storms
        if storm.ends > now and storm.begins - before < now + AHEAD
    ]


def usable_forecast(context: Context, now: datetime) -> StormForecast | None:
    """Return the last forecast of gusts and thunder that was known by now and is not stale; None for none."""
    forecast = kept_storms(context.home, context.site_name)
    return None if forecast is None or not timedelta(0) <= now - forecast.known_at < STALE else forecast


def missing_forecast(context: Context, now: datetime) -> str:
    """Return why no forecast warns, with what to do; empty where one does its work."""
    if usable_forecast(context, now) is not None:
        return ""
    site = context.site_settings
    if site.forecast.latitude is None:
        return phrase("weather_warning needs the home's place: set forecast.latitude and forecast.longitude")
    if "open_meteo" not in site.sources.weather.order:
        return phrase("weather_warning needs gusts, which Open-Meteo gives: put open_meteo into sources.weather.order")
    forecast = kept_storms(context.home, context.site_name)
    if forecast is None:
        return phrase("no forecast of gusts and thunder was fetched yet (darkstar fetch weather)")
    known = forecast.known_at.astimezone(zone(context.timezone))
    return phrase(
        "the last forecast of gusts and thunder is of {known} and warns no more (darkstar fetch weather)",
        known=f"{known:%Y-%m-%d %H:%M}",
    )


def _cause(storm: Storm, forecast: StormForecast, timezone: str) -> str:
    """Return what is forecast, when, and by whom, in words."""
    local = zone(timezone)
    begins, ends, known = (each.astimezone(local) for each in (storm.begins, storm.ends, forecast.known_at))
    values = {
        "gust": storm.gust_ms,
        "begins": f"{begins:%Y-%m-%d %H:%M}",
        "ends": f"{ends:%H:%M}" if ends.date() == begins.date() else f"{ends:%Y-%m-%d %H:%M}",
        "source": forecast.source,
        "known": f"{known:%H:%M}",
    }
    if storm.gust_ms is None:
        return phrase("thunder forecast for {begins} to {ends}, {source} of {known}", **values)
    if storm.thunder:
        return phrase(
            "gusts of {gust:.0f} m/s and thunder forecast for {begins} to {ends}, {source} of {known}", **values
        )
    return phrase("gusts of {gust:.0f} m/s forecast for {begins} to {ends}, {source} of {known}", **values)
