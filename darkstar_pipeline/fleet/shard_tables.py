"""Tables of the homes of a bucket in memory: read once for all of them, written as whole bucket-days.

To functions of one home it is a lake (`warehouse.tables.Tables`), so that they run unchanged inside a shard. What does
not belong here: what a shard works out (`assets.fleet`), objects and requests (`warehouse.buckets`).
"""

from collections.abc import Callable, Collection, Iterable
from datetime import date

import polars as pl

from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.lake import conform
from darkstar_pipeline.warehouse.schemas import TABLES, Table
from env.time_grid import days_between


class _Rows:
    """The days of a table that were read or written, of all homes, in the table's order."""

    def __init__(self, table: Table) -> None:
        self.days: set[date] = set()
        self.frame = pl.DataFrame(schema=table.schema)
        self._by_site: dict[object, pl.DataFrame] | None = None

    def add(self, table: Table, days: Collection[date], frame: pl.DataFrame) -> None:
        """Add rows of further days, or in place of those there were."""
        self.days |= set(days)
        if frame.is_empty():
            return
        self.frame = pl.concat([self.frame, frame], how="diagonal").sort("site", table.day_column, *table.key)
        self._by_site = None

    def drop(self, table: Table, days: Collection[date], sites: Collection[str]) -> None:
        """Take the rows of some homes and days out."""
        gone = pl.col("site").is_in(list(sites)) & pl.col(table.day_column).is_in(list(days))
        self.frame, self._by_site = self.frame.filter(~gone), None

    def of(self, site: str) -> pl.DataFrame:
        """Return the rows of a home."""
        if self._by_site is None:
            parts = self.frame.partition_by("site", as_dict=True, maintain_order=True)
            self._by_site = {key[0]: part for key, part in parts.items()}
        return self._by_site.get(site, self.frame.clear())


class ShardTables:
    """The tables of a bucket's homes, read when they are asked for and kept; what is written is seen at once.

    Args:
        lake: the fleet's lake.
        bucket: the bucket.
        sites: homes to read; None for all.
    """

    def __init__(self, lake: BucketLake, bucket: int, *, sites: Collection[str] | None = None) -> None:
        self._lake, self._bucket, self._sites = lake, bucket, sites
        self._rows: dict[str, _Rows] = {}
        self._written: dict[str, set[date]] = {}
        self._days: dict[str, list[date]] = {}

    def rows(self, table: Table, first: date, last: date) -> pl.DataFrame:
        """Return the rows of all homes for a range of local days, both ends included."""
        return _between(table, self._read(table, first, last).frame, first, last)

    def read(self, table: Table, site: str, first: date | None = None, last: date | None = None) -> pl.DataFrame:
        """Return rows of a home for a range of local days, both ends included, in the table's order."""
        if first is None or last is None:
            known = self.days(table, site)
            if not known:
                return pl.DataFrame(schema=table.schema)
            first, last = first or known[0], last or known[-1]
        return _between(table, self._read(table, first, last).of(site), first, last)

    def read_days(self, table: Table, site: str, days: Iterable[date]) -> pl.DataFrame:
        """Return rows of some local days of a home; days that are not there have none."""
        wanted = sorted(days)
        if not wanted:
            return pl.DataFrame(schema=table.schema)
        return self.read(table, site, wanted[0], wanted[-1]).filter(pl.col(table.day_column).is_in(wanted))

    def days(self, table: Table, site: str) -> list[date]:
        """Return the days that the home's bucket has, ascending; the home itself may have fewer."""
        del site
        if table.name not in self._days:
            self._days[table.name] = self._lake.days(table, self._bucket)
        return sorted({*self._days[table.name], *self._written.get(table.name, ())})

    def identity(self, table: Table, site: str, first: date, last: date) -> tuple[object, ...]:
        """Return the days that were written here: nothing else changes what is read."""
        del site
        return tuple(day for day in sorted(self._written.get(table.name, ())) if first <= day <= last)

    def write_day(self, table: Table, site: str, day: date, frame: pl.DataFrame) -> dict[date, int]:
        """Replace one day of a home."""
        return self.write_days(table, site, [day], frame)

    def write_days(self, table: Table, site: str, days: Iterable[date], frame: pl.DataFrame) -> dict[date, int]:
        """Replace days of a home; return the rows written per day."""
        return self.write_rows(table, days, frame, [site])

    def write_rows(
        self, table: Table, days: Iterable[date], frame: pl.DataFrame, sites: Collection[str]
    ) -> dict[date, int]:
        """Replace days of some homes; return the rows written per day.

        Raises:
            SchemaMismatchError: see `conform`.
        """
        wanted, ordered = list(days), conform(table, frame)
        held = self._rows.setdefault(table.name, _Rows(table))
        held.drop(table, wanted, sites)
        held.add(table, wanted, ordered)
        self._written.setdefault(table.name, set()).update(wanted)
        counts = dict(ordered.group_by(table.day_column).len().iter_rows())
        return {day: counts.get(day, 0) for day in wanted}

    def merge_days(
        self,
        table: Table,
        site: str,
        days: tuple[date, date],
        merge: Callable[[pl.DataFrame], pl.DataFrame],
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[date, int]:
        """Read days of a home, merge rows into them and write those that change."""
        merged = merge(self.read(table, site, *days))
        changed: list[date] = merged[table.day_column].unique().sort().to_list()
        counts = self.write_days(table, site, changed, merged)
        if progress is not None:
            progress(len(changed), len(changed))
        return counts

    def flush(self, sites: Collection[str], *, whole: bool) -> int:
        """Write the days that were written here to the lake; return the number of rows.

        Args:
            sites: homes that this is about.
            whole: whether they are all homes of the bucket, so that objects are replaced whole.
        """
        count = 0
        for name, days in self._written.items():
            table, held = TABLES[name], self._rows[name]
            own = held.frame.filter(pl.col(table.day_column).is_in(list(days)) & pl.col("site").is_in(list(sites)))
            write = self._lake.write_days if whole else self._lake.replace_sites
            count += sum(write(table, self._bucket, sorted(days), own, sites=sites).values())
        self._written.clear()
        return count

    def _read(self, table: Table, first: date, last: date) -> _Rows:
        """Return a table with a range of days in it, read from the lake where they were not yet."""
        held = self._rows.setdefault(table.name, _Rows(table))
        if missing := [day for day in days_between(first, last) if day not in held.days]:
            held.add(table, missing, self._lake.read_days(table, self._bucket, missing, sites=self._sites))
        return held


def _between(table: Table, rows: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    return rows.filter(pl.col(table.day_column).is_between(first, last))
