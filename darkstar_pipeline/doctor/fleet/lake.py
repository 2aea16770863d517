"""Checks of a fleet's lake: strays, damaged objects, rows of another bucket or day, and how its server writes.

Rows cost reading objects whole: of each table so many of the newest as are read in some seconds, wherever the lake is;
`darkstar doctor --all` reads all.
"""

from pathlib import Path

from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.doctor.finding import CheckResult, failed, found_by, passed, warned
from darkstar_pipeline.doctor.fleet.objects import NEWEST_DAYS, Progress, lake_strays, object_faults
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake

_EXAMPLES = 3


def check_fleet_lake(
    fleet: FleetSettings, home: Path, *, every: bool = False, progress: Progress | None = None
) -> list[CheckResult]:
    """Check the lake of a fleet.

    Args:
        fleet: its settings.
        home: the state folder.
        every: look at all days, else at the newest.
        progress: told of the work.
    """
    lake = fleet_lake(fleet, home)
    return [
        found_by("fleet's lake", lambda: _strays(lake, progress, every=every)),
        found_by("fleet's rows", lambda: _rows(lake, progress, every=every)),
        found_by("fleet's writers", lambda: _writers(lake)),
    ]


def _writers(lake: BucketLake) -> CheckResult:
    if lake.store.has_conditional_writes():
        return passed("fleet's writers", "two that meet lose nothing")
    detail = f"the server of {lake.store.place} ignores If-Match and If-None-Match: writers that meet lose rows"
    return failed("fleet's writers", detail, "update the server, or use one that has conditional writes")


def _strays(lake: BucketLake, progress: Progress | None, *, every: bool) -> CheckResult:
    found = list(lake_strays(lake, every=every, progress=progress))
    days = "the days" if every else f"the newest {NEWEST_DAYS} days"
    if not found:
        return passed("fleet's lake", f"{lake.store.place}: nothing lies beside {days}")
    examples = ", ".join(f"{lake.name(each.key)} ({each.reason})" for each in found[:_EXAMPLES])
    return warned("fleet's lake", f"{len(found)} objects are not read: {examples}", _repair(every=every))


def _rows(lake: BucketLake, progress: Progress | None, *, every: bool) -> CheckResult:
    found = object_faults(lake, every=every, progress=progress)
    detail = f"{found.objects} objects"
    if found.days_left:
        detail += f" of the newest days (`darkstar doctor --all` reads the {found.days_left} other days of tables too)"
    if not found.faults:
        return passed("fleet's rows", f"{detail} hold rows of their bucket and day alone")
    examples = "; ".join(each.words for each in found.faults[:_EXAMPLES])
    remedy = f"{_repair(every=every)}; then backfill those days again, or import their readings or prices"
    return failed("fleet's rows", f"{len(found.faults)} of {detail} are wrong: {examples}", remedy)


def _repair(*, every: bool) -> str:
    return f"`darkstar doctor --repair{' --all' if every else ''}` sets them aside"
