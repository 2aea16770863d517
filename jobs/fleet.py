"""The fleet's graph for Dagster: its assets, their jobs, and the schedules of the last days and the canaries."""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg

from assets.fleet.graph.canaries import CANARIES, canaries_asset
from assets.fleet.graph.daily_results import DAILY_RESULTS, daily_results_asset, imported_specs
from assets.fleet.graph.partitions import Partition, first_day, fleet_partitions, group_keys
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.fleet.homes_file import fleet_of
from darkstar_pipeline.orchestration.dagster_internals import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    UnresolvedAssetJobDefinition,
)
from jobs.refresh import LATE_DAYS

FLEET_REFRESH = "fleet_refresh"
FLEET_CANARIES = "fleet_canaries"
AFTER_REFRESH = "10 8 * * *"  # when the days of the morning's refresh are there; a day that is not counts tomorrow
MORNING = "10 3 * * *"  # after midnight everywhere in Europe, and after the readings of the day before


def fleet_definitions(settings: Settings, home: Path) -> dg.Definitions:
    """Return the graph of a fleet; none of its rows is read.

    Args:
        settings: the configuration, with a fleet.
        home: the state folder.
    """
    fleet = fleet_of(settings)
    partitions = fleet_partitions(fleet, datetime.now(ZoneInfo(fleet.defaults.timezone)).date())
    return dg.Definitions(
        assets=[
            *imported_specs(settings, partitions),
            daily_results_asset(settings, home, partitions),
            canaries_asset(settings, home),
        ],
        jobs=[fleet_job(), canaries_job()],
        schedules=[fleet_schedule(fleet), canaries_schedule(fleet)],
    )


def fleet_job() -> UnresolvedAssetJobDefinition:
    """Return the job over the fleet's days."""
    return dg.define_asset_job(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
        FLEET_REFRESH,
        selection=dg.AssetSelection.assets(DAILY_RESULTS),
        description=f"Every daily table of every home of the fleet; by its schedule, of the last {LATE_DAYS} days.",
    )


def canaries_job() -> UnresolvedAssetJobDefinition:
    """Return the job that judges the fleet's canaries."""
    return dg.define_asset_job(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
        FLEET_CANARIES,
        selection=dg.AssetSelection.assets(CANARIES),
        description="Every canary of the fleet: taken back where worse, for all homes where its days are enough.",
    )


def canaries_schedule(fleet: FleetSettings) -> dg.ScheduleDefinition:
    """Return the schedule of the canaries' job, once a day, stopped until it is turned on."""
    return dg.ScheduleDefinition(
        name=f"{FLEET_CANARIES}_schedule",
        job_name=FLEET_CANARIES,
        cron_schedule=AFTER_REFRESH,
        execution_timezone=fleet.defaults.timezone,
    )


def fleet_schedule(fleet: FleetSettings) -> dg.ScheduleDefinition:
    """Return the schedule of the job, in the time zone of the fleet's defaults, stopped until it is turned on."""

    @dg.schedule(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
        name=f"{FLEET_REFRESH}_schedule",
        job_name=FLEET_REFRESH,
        cron_schedule=MORNING,
        execution_timezone=fleet.defaults.timezone,
    )
    def fire(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
        today = context.scheduled_execution_time.astimezone(ZoneInfo(fleet.defaults.timezone)).date()
        days = [today - timedelta(days=back) for back in range(LATE_DAYS, 0, -1)]
        return [
            dg.RunRequest(run_key=f"{FLEET_REFRESH} {today} {day}", tags=day_tags(fleet, day))
            for day in days
            if day >= first_day(fleet, today)
        ]

    return fire


def day_tags(fleet: FleetSettings, day: date) -> dict[str, str]:
    """Return the tags that make a run cover every bucket on a day."""
    groups = group_keys(fleet.buckets)
    return range_tags(Partition(groups[0], day), Partition(groups[-1], day))


def range_tags(first: Partition, last: Partition) -> dict[str, str]:
    """Return the tags that make a run cover every partition whose group and day are between those of two."""
    return {ASSET_PARTITION_RANGE_START_TAG: first.key, ASSET_PARTITION_RANGE_END_TAG: last.key}
