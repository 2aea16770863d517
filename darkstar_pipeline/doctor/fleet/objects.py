"""The objects of a fleet's lake that a check looks at, and what is wrong with them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.object_names import day_prefix, name_of, object_key
from darkstar_pipeline.warehouse.day_names import day_of
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import TABLES, Table

NEWEST_DAYS, OBJECTS_A_TABLE = 92, 64
Progress = Callable[[str, int, int], None]
"""Takes the name of a part of the work, how much of it is done, and of how much."""


@dataclass(frozen=True)
class LakeStray:
    """An object that no reader reads: its key, and why."""

    key: str
    reason: str


@dataclass(frozen=True)
class ObjectFault:
    """A fault of an object: damage, or rows of another bucket or day, or doubled ones; in words."""

    table: Table
    day: date
    bucket: int
    words: str

    @property
    def key(self) -> str:
        """Return the key of the object."""
        return object_key(self.table, self.bucket, self.day)


@dataclass(frozen=True)
class ObjectFaults:
    """Faults of the objects that were looked at.

    Attributes:
        faults: of the objects.
        objects: number of objects that were looked at.
        days_left: days of tables with objects that were not.
    """

    faults: list[ObjectFault]
    objects: int
    days_left: int


def lake_strays(lake: BucketLake, *, every: bool, progress: Progress | None = None) -> Iterator[LakeStray]:
    """Yield what lies in the tables without belonging to them; hidden files are left alone, ours among them.

    Args:
        lake: the lake.
        every: look at all days; else at the newest `NEWEST_DAYS` of each table.
        progress: told after every table.
    """
    for number, table in enumerate(TABLES.values(), start=1):
        for folder in lake.store.folders(table.name):
            if day_of(folder) is None:
                for each in lake.store.listed(f"{table.name}/{folder}"):
                    yield LakeStray(each.key, "not in the folder of a day")
        days = lake.table_days(table)[0 if every else -NEWEST_DAYS :]
        for found in lake.store.at_once(lambda day, table=table: lake.store.listed(day_prefix(table, day)), days):
            yield from (LakeStray(each.key, why) for each in found if (why := _why_stray(lake, each.key)))
        if progress is not None:
            progress("tables listed", number, len(TABLES))


def _why_stray(lake: BucketLake, key: str) -> str:
    """Return why nobody reads an object of a day; empty where somebody does, or it is hidden."""
    name = name_of(key)
    if name is None:
        return "" if key.rpartition("/")[2].startswith(".") else "not the object of a bucket"
    return "" if name.bucket < lake.buckets else f"the fleet has {lake.buckets} buckets"


def object_faults(lake: BucketLake, *, every: bool, progress: Progress | None = None) -> ObjectFaults:
    """Return what is wrong with objects, each read whole.

    Args:
        lake: the lake.
        every: read all objects; else of each table the newest `OBJECTS_A_TABLE`.
        progress: told after every day of a table.

    Raises:
        OutsideServiceError: the store failed.
    """
    days = {table: lake.table_days(table)[::-1] for table in TABLES.values()}
    total, done, objects, days_left = sum(len(each) for each in days.values()), 0, 0, 0
    faults: list[ObjectFault] = []
    for table, own in days.items():
        room = OBJECTS_A_TABLE
        for day in own:
            done += 1
            if not every and room <= 0:
                days_left += 1
                continue
            buckets = sorted(bucket for bucket in lake.objects(table, day) if bucket < lake.buckets)
            days_left += not every and len(buckets) > room
            chosen = buckets if every else buckets[:room]
            room, objects = room - len(chosen), objects + len(chosen)
            found = lake.store.at_once(lambda bucket, table=table, day=day: fault_of(lake, table, day, bucket), chosen)
            faults += [each for each in found if each is not None]
            if progress is not None:
                progress("days of tables read", done, total)
    return ObjectFaults(faults, objects, days_left)


def fault_of(lake: BucketLake, table: Table, day: date, bucket: int) -> ObjectFault | None:
    """Return what is wrong with an object; None where nothing is."""
    found = lake.store.get(object_key(table, bucket, day))
    if found is None:
        return None
    try:
        words = lake.sorted_out(table, bucket, day, found.data)[1]
    except LakeUnreadableError as error:
        words = error.message
    return ObjectFault(table, day, bucket, words) if words else None
