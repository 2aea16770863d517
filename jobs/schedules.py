"""A schedule of a home's job: in the home's own time zone, stopped until it is turned on."""

from collections.abc import Callable
from datetime import date
from zoneinfo import ZoneInfo

import dagster as dg

from assets.home import Home
from jobs.names import job_name


def home_schedule(
    home: Home, job: str, cron: str, request: Callable[[str, date], dg.RunRequest]
) -> dg.ScheduleDefinition:
    """Return a schedule that starts one of the home's jobs.

    Args:
        home: whose job it is.
        job: plain name of the job.
        cron: when it fires, in the home's local time.
        request: the run to start, from its key and the local day it fires on.
    """
    name = job_name(home, job)

    @dg.schedule(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
        name=f"{name}_schedule",
        job_name=name,
        cron_schedule=cron,
        execution_timezone=home.timezone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def fire(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        today = context.scheduled_execution_time.astimezone(ZoneInfo(home.timezone)).date()
        return request(f"{name} {today}", today)

    return fire
