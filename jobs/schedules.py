"""A schedule of a home's job: in the home's own time zone, stopped until it is turned on unless it runs by itself."""

from collections.abc import Callable
from datetime import UTC, date
from zoneinfo import ZoneInfo

import dagster as dg

from assets.home import Home
from jobs.names import job_name


def home_schedule(
    home: Home,
    job: str,
    cron: str,
    request: Callable[[str, date], dg.RunRequest],
    *,
    running: bool = False,
    per_day: bool = True,
) -> dg.ScheduleDefinition:
    """Return a schedule that starts one of the home's jobs.

    Args:
        home: whose job it is.
        job: plain name of the job.
        cron: when it fires, in the home's local time.
        request: the run to start, from its key and the local day it fires on.
        running: whether it runs without being turned on.
        per_day: whether it fires once a day at most.
    """
    name = job_name(home, job)

    @dg.schedule(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
        name=f"{name}_schedule",
        job_name=name,
        cron_schedule=cron,
        execution_timezone=home.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
    )
    def fire(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        at = context.scheduled_execution_time
        today = at.astimezone(ZoneInfo(home.timezone)).date()
        return request(f"{name} {today if per_day else at.astimezone(UTC)}", today)

    return fire
