"""Checks of a fleet's lake: strays, damaged objects, and rows of another bucket or day.

Names are those of the newest days. Rows cost reading objects whole: of each table's newest day so many as are read in
some seconds, wherever the lake is.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.doctor.finding import CheckResult, failed, found_by, passed, warned
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.object_names import day_prefix, name_of
from darkstar_pipeline.warehouse.day_names import day_of
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import TABLES, Table

NEWEST_DAYS, OBJECTS_A_TABLE = 7, 64
_EXAMPLES = 3


def check_fleet_lake(fleet: FleetSettings, home: Path) -> list[CheckResult]:
    """Check the lake of a fleet."""
    lake = fleet_lake(fleet, home)
    return [
        found_by("fleet's lake", lambda: _strays(lake)),
        found_by("fleet's rows", lambda: _rows(lake)),
        found_by("fleet's writers", lambda: _writers(lake)),
    ]


def _writers(lake: BucketLake) -> CheckResult:
    if lake.store.has_conditional_writes():
        return passed("fleet's writers", "two that meet lose nothing")
    detail = f"the server of {lake.store.place} ignores If-Match and If-None-Match: writers that meet lose rows"
    return failed("fleet's writers", detail, "update the server, or use one that has conditional writes")


def _strays(lake: BucketLake) -> CheckResult:
    found = [each for table in TABLES.values() for each in _strays_of(lake, table)]
    if not found:
        return passed("fleet's lake", f"{lake.store.place}: nothing lies beside the newest {NEWEST_DAYS} days")
    examples = ", ".join(found[:_EXAMPLES])
    return warned("fleet's lake", f"{len(found)} names are not read: {examples}", "look at them, and remove them")


def _strays_of(lake: BucketLake, table: Table) -> Iterator[str]:
    """Return what lies in a table without belonging to it."""
    for folder in lake.store.folders(table.name):
        if day_of(folder) is None:
            yield lake.name(f"{table.name}/{folder} (not the folder of a day)")
    for day in lake.table_days(table)[-NEWEST_DAYS:]:
        for each in lake.store.listed(day_prefix(table, day)):
            name = name_of(each.key)
            if name is None:
                yield lake.name(f"{each.key} (not the object of a bucket)")
            elif name.bucket >= lake.buckets:
                yield lake.name(f"{each.key} (the fleet has {lake.buckets} buckets)")


def _rows(lake: BucketLake) -> CheckResult:
    """Read objects of each table's newest day, and count rows that do not belong there."""
    chosen = [each for table in TABLES.values() for each in _newest(lake, table)]

    def wrong(each: tuple[Table, date, int]) -> str:
        table, day, bucket = each
        try:
            return lake.wrong_rows(table, bucket, day)
        except LakeUnreadableError as error:
            return error.message

    found = [told for told in lake.store.at_once(wrong, chosen) if told]
    detail = f"{len(chosen)} objects of the newest day of each table"
    if not found:
        return passed("fleet's rows", f"{detail} hold rows of their bucket and day alone")
    remedy = "backfill those days again; imported tables have to be imported again"
    return failed("fleet's rows", f"{len(found)} of {detail} are wrong: {'; '.join(found[:_EXAMPLES])}", remedy)


def _newest(lake: BucketLake, table: Table) -> list[tuple[Table, date, int]]:
    return [
        (table, day, bucket)
        for day in lake.table_days(table)[-1:]
        for bucket in sorted(lake.objects(table, day))[:OBJECTS_A_TABLE]
    ]
