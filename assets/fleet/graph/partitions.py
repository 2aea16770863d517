"""The partitions of a fleet: a local day and a group of buckets, never a home.

Dagster advises at most 25 000 partitions an asset: sixteen groups of the last four calendar years' days are 23 408. The
lake keeps older days, and `darkstar fleet backfill` works on them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache

import dagster as dg

from assets.partitions import AHEAD
from darkstar_pipeline.config.fleet.settings import FleetSettings

BUCKET, DAY = "bucket", "day"
GROUPS = 16
YEARS = 4
RUN_PARTITIONS = 31
"""Most partitions of a run of a backfill: a month of a group. Dagster's time grows with their square: 31 take 0.2 s,
5 840 take 370 s."""


@dataclass(frozen=True, order=True)
class Partition:
    """A day of a group of buckets.

    Attributes:
        group: key of the group.
        day: the local day of every home.
    """

    group: str
    day: date

    @property
    def key(self) -> dg.MultiPartitionKey:
        """The key in Dagster."""
        return dg.MultiPartitionKey({BUCKET: self.group, DAY: self.day.isoformat()})


def partition_of(key: str) -> Partition:
    """Return the partition of a key."""
    group, day = key.split("|")
    return Partition(group, date.fromisoformat(day))


def group_keys(buckets: int) -> list[str]:
    """Return the keys of the groups of so many buckets; with sixteen or fewer, a group is a bucket.

    A key names the number of groups: what was done with another number is of other homes, and not taken for done.
    """
    count = min(GROUPS, buckets)
    return [f"{number:02}of{count}" for number in range(count)]


def group_of(bucket: int, buckets: int) -> str:
    """Return the key of a bucket's group."""
    count = min(GROUPS, buckets)
    return f"{bucket % count:02}of{count}"


def first_day(fleet: FleetSettings, today: date) -> date:
    """Return the first day that is a partition; it moves once a year."""
    return max(fleet.defaults.first_day, date(today.year - YEARS + 1, 1, 1))


def fleet_partitions(fleet: FleetSettings, today: date) -> dg.MultiPartitionsDefinition:
    """Return the partitions of every asset of a fleet, days in the time zone of its defaults."""
    return _partitions(fleet.buckets, first_day(fleet, today), fleet.defaults.timezone)


@cache  # one object for all assets: Dagster compares them often, and keeps the keys of each
def _partitions(buckets: int, first: date, timezone: str) -> dg.MultiPartitionsDefinition:
    days = dg.DailyPartitionsDefinition(start_date=first.isoformat(), timezone=timezone, end_offset=AHEAD)
    groups = dg.StaticPartitionsDefinition(group_keys(buckets))
    return dg.MultiPartitionsDefinition({BUCKET: groups, DAY: days})


def days_in(partitions: Iterable[Partition]) -> tuple[date, date]:
    """Return the first and the last day of some partitions."""
    days = [partition.day for partition in partitions]
    return min(days), max(days)
