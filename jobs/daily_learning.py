"""The daily step of the learning engine, at night after the readings that came late; a running service takes it, too.

The schedule is stopped until it is turned on. What does not belong here: what a step does
(`darkstar_pipeline.learning.tuning`).
"""

from datetime import date

import dagster as dg

from assets.home import Home
from assets.learning import LEARNED_VALUES
from darkstar_pipeline.orchestration.dagster_internals import UnresolvedAssetJobDefinition
from jobs.names import job_name
from jobs.schedules import home_schedule

DAILY_LEARNING = "daily_learning"
AT_NIGHT = "50 1 * * *"  # after the nightly run of late readings, before clocks change


def learning_job(home: Home) -> UnresolvedAssetJobDefinition:
    """Return the job that takes a home's step of the day."""
    return dg.define_asset_job(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
        job_name(home, DAILY_LEARNING),
        selection=dg.AssetSelection.assets(home.key(LEARNED_VALUES)),
        description="What drifts in the home, a small step towards what its readings show.",
    )


def learning_schedule(home: Home) -> dg.ScheduleDefinition:
    """Return the schedule, in the home's own time zone, stopped until turned on."""

    def request(run_key: str, today: date) -> dg.RunRequest:
        step = "__".join((*home.prefix, LEARNED_VALUES)).replace("-", "_")
        return dg.RunRequest(run_key=run_key, run_config={"ops": {step: {"config": {"at": today.isoformat()}}}})

    return home_schedule(home, DAILY_LEARNING, AT_NIGHT, request)
