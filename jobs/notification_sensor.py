"""The sensor that tells a person what is broken and what is mended, for homes that name a way to do so.

It looks at the sources and at the last run of each job that runs by itself. Jobs that only fetch are left out, and so
is one that failed for want of prices: the check of their source tells it, and one cause is one message.
A look rather than a sensor of run failures: a restart forgets nothing, and a run that goes well is what mends one.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.home import Home
from darkstar_pipeline.channels.configured import channels_of
from darkstar_pipeline.doctor.finding import CheckResult, Verdict, passed, warned
from darkstar_pipeline.notifications.causes import findings_of_sources
from darkstar_pipeline.notifications.telling import tell_changes
from jobs.names import job_name
from jobs.refresh import DAILY_REFRESH, NIGHTLY
from jobs.retrain import WEEKLY_RETRAIN

SECONDS = 600
"""Between two looks [s]."""
RECENT = timedelta(days=8)
"""Older runs tell nothing of today: a weekly job has run since."""
JOBS = (DAILY_REFRESH, NIGHTLY, WEEKLY_RETRAIN)
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def notification_sensors(home: Home) -> Sequence[dg.SensorDefinition]:
    """Return the sensor of a home; none where nobody wants to be told."""
    channels = channels_of(home.settings)
    if not channels:
        return ()
    names = ", ".join(channel.name for channel in channels)

    @dg.sensor(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
        name=job_name(home, "notification_sensor"),
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Tells what is broken at {home.name}, and what is mended: {names}.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        now = datetime.now(UTC)
        sources = findings_of_sources(home.context, now)
        runs = findings_of_runs(home, context.instance, sources, now)
        told = tell_changes(home.context, [*sources, *runs], channels, now)
        return dg.SkipReason("; ".join([*told.failed, *told.done]) or "nothing new to tell")

    return (look,)


def findings_of_runs(
    home: Home, instance: dg.DagsterInstance, sources: Iterable[CheckResult], now: datetime
) -> list[CheckResult]:
    """Return how the last run of each job that runs by itself ended; none of a job that has not run lately.

    Args:
        home: whose jobs they are.
        instance: has the runs.
        sources: findings of the sources: while prices are missing, a failed refresh is no cause of its own.
        now: the present instant.
    """
    findings: list[CheckResult] = []
    no_prices = any(found.check == f"prices, {home.name}" and found.verdict is not Verdict.OK for found in sources)
    for job in JOBS:
        name = job_name(home, job)
        wanted = dg.RunsFilter(job_name=name, statuses=_ENDED, created_after=now - RECENT)
        for record in instance.get_run_records(wanted, limit=1):
            run, check = record.dagster_run, f"job {name}, {home.name}"
            if run.status is dg.DagsterRunStatus.SUCCESS:
                findings.append(passed(check, "its last run went well"))
            elif job != DAILY_REFRESH or not no_prices:
                remedy = f"look at run {run.run_id[:8]} in `darkstar ui`, under Runs"
                findings.append(warned(check, "its last run failed", remedy))
    return findings
