"""Schedules by the clock: prices once tomorrow's are published, and every daily asset at night.

Both are stopped until they are turned on, since a schedule without fresh imports would only repeat itself. A home with
sources of prices has a sensor instead (`price_sensor`), which runs the same job once they are published.
"""

from collections.abc import Callable
from datetime import date, timedelta

import dagster as dg

from assets.fetched.prices import NAME, fetches_prices
from assets.home import Home
from darkstar_pipeline.orchestration.dagster_internals import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    UnresolvedAssetJobDefinition,
)
from jobs.names import job_name
from jobs.schedules import home_schedule

DAILY_REFRESH = "daily_refresh"
NIGHTLY = "nightly"
AFTER_PRICES = "15 13 * * *"  # the auction's prices are out at about 13:00 local
AFTER_MIDNIGHT = "40 0 * * *"
LATE_DAYS = 3  # readings may arrive days late
_REFRESHED = ("spot_prices", "slot_forecasts")
_VERDICT = "evaluation_report"


def refresh_jobs(home: Home, assets: list[dg.AssetsDefinition]) -> list[UnresolvedAssetJobDefinition]:
    """Return the two jobs of a home."""
    nightly = [key for asset in assets for key in asset.keys if key.path[-1] != _VERDICT]
    return [
        dg.define_asset_job(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
            job_name(home, DAILY_REFRESH),
            selection=dg.AssetSelection.assets(*(home.key(name) for name in _refreshed(home))),
            description="Prices and forecasts of today and tomorrow, once tomorrow's prices are out.",
        ),
        dg.define_asset_job(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
            job_name(home, NIGHTLY),
            selection=dg.AssetSelection.assets(*nightly),
            description=f"Every daily asset of the last {LATE_DAYS} days, for readings that came late.",
        ),
    ]


def _refreshed(home: Home) -> tuple[str, ...]:
    """Return the assets of the daily refresh: raw prices too, where they are fetched."""
    return (*((NAME,) if fetches_prices(home) else ()), *_REFRESHED)


def refresh_schedules(home: Home) -> list[dg.ScheduleDefinition]:
    """Return the two schedules of a home, in its own time zone, stopped until turned on."""
    return [
        _schedule(home, DAILY_REFRESH, AFTER_PRICES, lambda today: (today, today + timedelta(days=1))),
        _schedule(
            home, NIGHTLY, AFTER_MIDNIGHT, lambda today: (today - timedelta(days=LATE_DAYS), today - timedelta(days=1))
        ),
    ]


def range_tags(first: date, last: date) -> dict[str, str]:
    """Return the tags that make a run cover the days from `first` to `last`, both included."""
    return {ASSET_PARTITION_RANGE_START_TAG: first.isoformat(), ASSET_PARTITION_RANGE_END_TAG: last.isoformat()}


def _schedule(home: Home, job: str, cron: str, days: Callable[[date], tuple[date, date]]) -> dg.ScheduleDefinition:
    """Return a schedule that runs the home's job over some days around the day it fires on."""

    def request(run_key: str, today: date) -> dg.RunRequest:
        first, last = days(today)
        return dg.RunRequest(run_key=run_key, tags=range_tags(max(first, home.settings.first_day), last))

    return home_schedule(home, job, cron, request)
