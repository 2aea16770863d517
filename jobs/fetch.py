"""The jobs that fetch weather and readings, and their schedules, which run by themselves where sources are known."""

import zlib
from datetime import date

import dagster as dg

from assets.fetched.readings import FETCHED_READINGS
from assets.fetched.weather import FETCHED_WEATHER
from assets.home import Home
from darkstar_pipeline.fetching.weather.due import fetches_weather
from darkstar_pipeline.orchestration.dagster_internals import UnresolvedAssetJobDefinition
from jobs.names import job_name
from jobs.schedules import home_schedule

WEATHER, READINGS = "weather_fetch", "readings_fetch"
MINUTES, SPREAD_MINUTES = 60, 15


def weather_job(home: Home) -> UnresolvedAssetJobDefinition:
    """Return the job that fetches the weather of a home."""
    return dg.define_asset_job(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
        job_name(home, WEATHER),
        selection=dg.AssetSelection.assets(home.key(FETCHED_WEATHER)),
        description="Forecasts of weather and of the panels as they are now.",
    )


def weather_schedule(home: Home) -> dg.ScheduleDefinition:
    """Return the schedule: every three hours, the last an hour before midnight's forecasts at most.

    The minute is the home's own, so that not all homes ask at once.
    """
    minute = zlib.crc32(f"{home.name} {home.settings.forecast.latitude}".encode()) % MINUTES

    def request(run_key: str, _today: date) -> dg.RunRequest:
        return dg.RunRequest(run_key=run_key)

    cron = f"{minute} 2-23/3 * * *"
    return home_schedule(home, WEATHER, cron, request, running=fetches_weather(home.settings), per_day=False)


def readings_job(home: Home) -> UnresolvedAssetJobDefinition:
    """Return the job that fetches the readings of a home from its Home Assistant."""
    return dg.define_asset_job(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
        job_name(home, READINGS),
        selection=dg.AssetSelection.assets(home.key(FETCHED_READINGS)),
        description="Readings of the last days from Home Assistant.",
    )


def readings_schedule(home: Home) -> dg.ScheduleDefinition:
    """Return the schedule: every six hours, the first soon after midnight, before the night's run needs yesterday."""
    minute = 13 + zlib.crc32(home.name.encode()) % SPREAD_MINUTES

    def request(run_key: str, _today: date) -> dg.RunRequest:
        return dg.RunRequest(run_key=run_key)

    return home_schedule(home, READINGS, f"{minute} 0-18/6 * * *", request, running=True, per_day=False)
