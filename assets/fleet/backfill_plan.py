"""The size of a backfill before it begins: runs, partitions, processor time, files and bytes."""

from dataclasses import dataclass
from datetime import date

from assets.fleet.graph.partitions import RUN_PARTITIONS, group_keys


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a home-day takes, and where that was measured.

    Attributes:
        seconds: processor time [s].
        size: stored tables [B].
        where: in words.
    """

    seconds: float
    size: float
    where: str


@dataclass(frozen=True, kw_only=True)
class BackfillPlan:
    """The size of a backfill.

    Attributes:
        home_days: days of homes.
        partitions: days of groups of buckets.
        runs: runs that Dagster makes of it.
        core_hours: expected processor time [h].
        files: files of the lake that it writes.
        size: expected size of them [B].
        measured: what these rest on.
    """

    first: date
    last: date
    homes: int
    home_days: int
    partitions: int
    runs: int
    core_hours: float
    files: int
    size: int
    measured: str


def planned(first: date, last: date, *, homes: int, buckets: int, tables: int, measured: Measured) -> BackfillPlan:
    """Return the plan of a backfill of all homes.

    Args:
        first: first local day.
        last: last local day, included.
        homes: number of homes.
        buckets: number of buckets of the lake.
        tables: tables that a bucket's day has.
        measured: what a home-day takes.
    """
    days, groups = (last - first).days + 1, len(group_keys(buckets))
    return BackfillPlan(
        first=first,
        last=last,
        homes=homes,
        home_days=homes * days,
        partitions=days * groups,
        runs=runs_of(days, groups),
        core_hours=homes * days * measured.seconds / 3600,
        files=tables * buckets * days,
        size=round(homes * days * measured.size),
        measured=measured.where,
    )


def runs_of(days: int, groups: int) -> int:
    """Return the runs that Dagster makes of a range of days of all groups.

    It holds the dimension that has fewer keys, and cuts the range along the other into parts of `RUN_PARTITIONS`.
    """
    held, along = (days, groups) if days <= groups else (groups, days)
    return held * -(-along // RUN_PARTITIONS)
