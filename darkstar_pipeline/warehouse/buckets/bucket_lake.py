"""The lake of a fleet: rows of many homes in one object a table, bucket and day, sorted by home.

An object also names the homes whose day is done, with or without rows: "done, nothing there" differs from "not done",
as in a lake of single homes. Rows are checked and read by the rules of that lake. What does not belong here: requests
(`object_store`), names (`object_names`).
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date

import polars as pl

from darkstar_pipeline.errors import ConfigurationError, OutsideServiceError
from darkstar_pipeline.warehouse.buckets.bucket_count import is_counted, keep_count
from darkstar_pipeline.warehouse.buckets.day_objects import encoded, rows_of, sites_done
from darkstar_pipeline.warehouse.buckets.object_names import bucket_of, day_prefix, name_of, object_key
from darkstar_pipeline.warehouse.buckets.object_store import ObjectStore
from darkstar_pipeline.warehouse.buckets.repeated_requests import CHANGE_ATTEMPTS, attempts_on
from darkstar_pipeline.warehouse.buckets.stored_objects import ListedObject
from darkstar_pipeline.warehouse.day_names import day_of
from darkstar_pipeline.warehouse.lake import FEW_DAYS, SchemaMismatchError, conform
from darkstar_pipeline.warehouse.schemas import Table
from env.time_grid import days_between
from planner.deadline import check_deadline

_log = logging.getLogger(__name__)


class RowsChangedError(Exception):
    """Rows of a home changed since they were read."""


class BucketLake:
    """The lake of a fleet.

    Args:
        store: where the objects are.
        buckets: number of buckets; with another number the same homes are elsewhere.
    """

    def __init__(self, store: ObjectStore, buckets: int) -> None:
        self.store, self.buckets = store, buckets
        self._is_checked = self._is_counted = False

    def bucket(self, site: str) -> int:
        """Return the bucket of a home."""
        return bucket_of(site, self.buckets)

    def site(self, name: str) -> "HomeTables":
        """Return the tables of one home, which work as a lake of single homes does."""
        return HomeTables(self, name)

    def read(
        self,
        table: Table,
        bucket: int,
        first: date | None = None,
        last: date | None = None,
        *,
        sites: Collection[str] | None = None,
    ) -> pl.DataFrame:
        """Return rows of a table's bucket for a range of local days, both ends included, by home and in table order.

        Args:
            table: the table.
            bucket: the bucket.
            first: first day; None for the first there is.
            last: last day; None for the last there is.
            sites: homes to read; None for all.

        Raises:
            LakeUnreadableError: an object is damaged, or holds what its table does not.
            OutsideServiceError: the store failed.
            SolverTimeoutError: the time for the whole plan is over; reading its inputs counts into it.
        """
        if first is not None and last is not None and (last - first).days < FEW_DAYS:
            return self.read_days(table, bucket, days_between(first, last), sites=sites)
        return self.read_days(table, bucket, self.table_days(table, first, last), sites=sites)

    def read_days(
        self, table: Table, bucket: int, days: Iterable[date], *, sites: Collection[str] | None = None
    ) -> pl.DataFrame:
        """Return rows of a table's bucket of some local days; see `read`."""
        check_deadline()
        self.check_count()

        def rows(day: date) -> pl.DataFrame | None:
            found = self.store.get(object_key(table, bucket, day))
            return None if found is None else self._own_rows(table, bucket, day, found.data, sites)

        frames = [each for each in self.store.at_once(rows, sorted(set(days))) if each is not None]
        if not frames:
            return pl.DataFrame(schema=table.schema)
        return pl.concat(frames, how="diagonal").sort("site", table.day_column, *table.key)

    def write_days(
        self,
        table: Table,
        bucket: int,
        days: Iterable[date],
        frame: pl.DataFrame,
        *,
        sites: Collection[str] | None = None,
    ) -> dict[date, int]:
        """Replace whole days of a bucket by their rows of `frame`, whatever they held.

        Args:
            table: the table.
            bucket: the bucket.
            days: the days; one without rows is done, with nothing there.
            frame: rows of any homes of the bucket.
            sites: homes whose days are done; None for those of `frame`.

        Returns:
            Rows written per day.

        Raises:
            SchemaMismatchError: see `conform`; also where a row belongs to another bucket or day. Nothing is written.
            OutsideServiceError: the store failed.
        """
        wanted, ordered = sorted(set(days)), conform(table, frame)
        named: list[str] = ordered["site"].unique().to_list()
        self._refuse_foreign_rows(table, bucket, wanted, named, ordered)
        self._keep_count()
        done = sorted({*named, *(() if sites is None else sites)})
        groups = _by_day(table, ordered)

        def write(day: date) -> int:
            rows = groups.get(day, ordered.clear())
            self.store.put(object_key(table, bucket, day), encoded(rows, done))
            return rows.height

        return dict(zip(wanted, self.store.at_once(write, wanted), strict=True))

    def replace_sites(
        self,
        table: Table,
        bucket: int,
        days: Iterable[date],
        frame: pl.DataFrame,
        sites: Collection[str],
        *,
        expected: pl.DataFrame | None = None,
    ) -> dict[date, int]:
        """Replace days of some homes and leave the other homes of the bucket as they are; no writer's rows are lost.

        Args:
            table: the table.
            bucket: the bucket.
            days: the days.
            frame: rows of those homes and days.
            sites: the homes, those without rows too.
            expected: rows of the homes that `frame` was made in the light of; None for whatever there is.

        Returns:
            Rows written per day, of those homes.

        Raises:
            SchemaMismatchError: see `conform`; also where a row is of another home or day. Nothing is written.
            RowsChangedError: rows of the homes differ from those expected.
            OutsideServiceError: the store failed, or other writers never ceased.
        """
        wanted, ordered, homes = sorted(set(days)), conform(table, frame), sorted(set(sites))
        self._refuse_foreign_rows(table, bucket, wanted, homes, ordered)
        self._keep_count()
        groups = _by_day(table, ordered)
        before = None if expected is None else _by_day(table, expected)

        def write(day: date) -> int:
            key, rows = object_key(table, bucket, day), groups.get(day, ordered.clear())

            def changed(data: bytes | None) -> bytes:
                stored = pl.DataFrame(schema=table.schema) if data is None else self._own_rows(table, bucket, day, data)
                own = pl.col("site").is_in(homes)
                if before is not None and not _same(before.get(day), stored.filter(own)):
                    raise RowsChangedError(key)
                kept = pl.concat([stored.filter(~own), rows], how="diagonal").sort("site", *table.key)
                return encoded(kept, sorted({*homes, *sites_done(self.name(key), lambda _: data)}))

            self.store.update(key, changed)
            return rows.height

        return dict(zip(wanted, self.store.at_once(write, wanted), strict=True))

    def days(self, table: Table, bucket: int) -> list[date]:
        """Return the days that a table's bucket has an object of, ascending.

        It takes a request per thousand days of the table, and one more per day; `objects` tells of a day in fewer.
        """
        return [day for day, _ in self.versions(table, bucket, self.table_days(table))]

    def days_done(self, table: Table, site: str) -> list[date]:
        """Return the days that were written for a home, with or without rows, ascending, a request per day."""
        bucket, days = self.bucket(site), self.table_days(table)

        def done(day: date) -> bool:
            key = object_key(table, bucket, day)
            names = sites_done(self.name(key), lambda size: self.store.tail(key, size))
            return site in names

        return [day for day, found in zip(days, self.store.at_once(done, days), strict=True) if found]

    def table_days(self, table: Table, first: date | None = None, last: date | None = None) -> list[date]:
        """Return the days that any bucket of a table has an object of, ascending: a request per thousand days."""
        self.check_count()
        found = [day for name in self.store.folders(table.name) if (day := day_of(name)) is not None]
        return [day for day in found if (first is None or day >= first) and (last is None or day <= last)]

    def objects(self, table: Table, day: date) -> dict[int, ListedObject]:
        """Return the buckets that have an object of a table's day: a request per thousand buckets."""
        named = ((name_of(each.key), each) for each in self.store.listed(day_prefix(table, day)))
        return {name.bucket: each for name, each in named if name is not None and name.day == day}

    def versions(self, table: Table, bucket: int, days: Iterable[date]) -> list[tuple[date, str]]:
        """Return those of some days that a table's bucket has an object of, with its version, a request per day."""
        self.check_count()
        keys = {object_key(table, bucket, day): day for day in sorted(set(days))}
        return [(keys[key], found.version) for key, found in self.store.heads(keys).items()]

    def name(self, key: str) -> str:
        """Return an object's name for people."""
        return f"{self.store.place}/{key}"

    def check_count(self) -> None:
        """Refuse a lake of another number of buckets, which is asked once."""
        if not self._is_checked:
            self._is_counted = is_counted(self.store, self.buckets)
            self._is_checked = True

    def _keep_count(self) -> None:
        """Refuse a lake of another number of buckets, and say in a new one how many it has."""
        self.check_count()
        if not self._is_counted:
            keep_count(self.store, self.buckets)
            self._is_counted = True

    def _own_rows(
        self, table: Table, bucket: int, day: date, data: bytes, sites: Collection[str] | None = None
    ) -> pl.DataFrame:
        """Return the rows of an object that are rightfully there: of its bucket and day, each key once.

        Raises:
            LakeUnreadableError: the object is damaged, or does not fit its table.
        """
        own, wrong = self.sorted_out(table, bucket, day, data, sites)
        if wrong:
            _log.warning("%s, which are left out; `darkstar doctor` finds them", wrong)
        return own

    def sorted_out(
        self, table: Table, bucket: int, day: date, data: bytes, sites: Collection[str] | None = None
    ) -> tuple[pl.DataFrame, str]:
        """Return the rows of an object that belong there, and what is wrong with the others, in words.

        Raises:
            LakeUnreadableError: the object is damaged, or does not fit its table.
        """
        name = self.name(object_key(table, bucket, day))
        rows = rows_of(table, name, data, sites)
        named: list[str] = rows["site"].drop_nulls().unique().to_list()
        ours = [site for site in named if self.bucket(site) == bucket]
        own = rows.filter(pl.col("site").is_in(ours) & pl.col(table.day_column).eq_missing(pl.lit(day)))
        once = own.unique(sorted({"site", table.day_column, *table.key}), keep="last", maintain_order=True)
        if once.height == rows.height:
            return once, ""
        foreign, doubled = rows.height - own.height, own.height - once.height
        return once, f"{name} has {foreign} rows of another bucket or day and {doubled} doubled ones"

    def _refuse_foreign_rows(
        self, table: Table, bucket: int, days: Sequence[date], sites: Sequence[str], ordered: pl.DataFrame
    ) -> None:
        """Refuse rows of another bucket, home or day than those to be written.

        Raises:
            SchemaMismatchError: naming some of them.
        """
        ours = [site for site in sites if self.bucket(site) == bucket]
        foreign = ordered.filter(~pl.col("site").is_in(ours) | ~pl.col(table.day_column).is_in(list(days)))
        if foreign.height or len(ours) < len(sites):
            owners = foreign.select("site", table.day_column).unique().sort("site", table.day_column).rows()
            named = ", ".join(f"{owner} {day}" for owner, day in owners[:5]) or ", ".join(
                site for site in sites if site not in ours
            )
            message = f"{table.name}: rows of {named} are not of the homes and days of bucket {bucket} to be written"
            raise SchemaMismatchError(message, "split by bucket and day")


class HomeTables:
    """Tables of one home of a fleet, as `warehouse.lake.Lake` has them: what works on that works on these.

    Another home's rows are out of reach, which keeps one tenant's commands from another's homes.

    Args:
        lake: the fleet's lake.
        name: the home.
    """

    def __init__(self, lake: BucketLake, name: str) -> None:
        self._lake, self._name, self._bucket = lake, name, lake.bucket(name)

    def read(self, table: Table, site: str, first: date | None = None, last: date | None = None) -> pl.DataFrame:
        """Return rows of a range of local days, both ends included, in the table's order."""
        self._refuse_other(site)
        return self._lake.read(table, self._bucket, first, last, sites=[site])

    def read_days(self, table: Table, site: str, days: Iterable[date]) -> pl.DataFrame:
        """Return rows of some local days, in the table's order; days that are not there have none."""
        self._refuse_other(site)
        return self._lake.read_days(table, self._bucket, days, sites=[site])

    def write_day(self, table: Table, site: str, day: date, frame: pl.DataFrame) -> dict[date, int]:
        """Replace one day; zero rows is a valid day."""
        return self.write_days(table, site, [day], frame)

    def write_days(self, table: Table, site: str, days: Iterable[date], frame: pl.DataFrame) -> dict[date, int]:
        """Replace each of `days` by its rows of `frame`; return the rows written per day.

        Raises:
            SchemaMismatchError: see `conform`; also where a row belongs to another home or day. Nothing is written.
        """
        self._refuse_other(site)
        return self._lake.replace_sites(table, self._bucket, days, frame, [site])

    def merge_days(
        self,
        table: Table,
        site: str,
        days: tuple[date, date],
        merge: Callable[[pl.DataFrame], pl.DataFrame],
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[date, int]:
        """Read days, merge rows into them and write those that change; nobody's rows are lost.

        Args:
            table: the table.
            site: the home.
            days: first and last day to read.
            merge: given the stored rows, returns all rows of every day that changes, and of no other. It is called
                again where another writer changed the home's rows meanwhile, also with what it merged itself.
            progress: called at the end with the number of days written, twice.

        Returns:
            Rows written per day.
        """
        self._refuse_other(site)
        written: dict[date, int] = {}
        try:
            for attempt in attempts_on(RowsChangedError):
                with attempt:
                    written |= self._merge_once(table, days, merge)
        except RowsChangedError as error:
            message = f"{table.name} of {site}: other writers changed its rows {CHANGE_ATTEMPTS} times meanwhile"
            raise OutsideServiceError(message, "run it again, with one writer of a home at a time") from error
        if progress is not None:
            progress(len(written), len(written))
        return written

    def _merge_once(
        self, table: Table, days: tuple[date, date], merge: Callable[[pl.DataFrame], pl.DataFrame]
    ) -> dict[date, int]:
        before = self.read(table, self._name, *days)
        ordered = conform(table, merge(before))
        changed: list[date] = ordered[table.day_column].unique().sort().to_list()
        return self._lake.replace_sites(table, self._bucket, changed, ordered, [self._name], expected=before)

    def days(self, table: Table, site: str) -> list[date]:
        """Return the days that were written for the home, with or without rows, ascending."""
        self._refuse_other(site)
        return self._lake.days_done(table, self._name)

    def identity(self, table: Table, site: str, first: date, last: date) -> tuple[object, ...]:
        """Return what changes whenever a day from `first` to `last` of the home's bucket is replaced, comes or goes."""
        self._refuse_other(site)
        return tuple(self._lake.versions(table, self._bucket, days_between(first, last)))

    def _refuse_other(self, site: str) -> None:
        if site != self._name:
            raise ConfigurationError(f"the tables of {self._name} hold no home {site}", "open that home by its name")


def _by_day(table: Table, rows: pl.DataFrame) -> dict[object, pl.DataFrame]:
    return {key[0]: group for key, group in rows.partition_by(table.day_column, as_dict=True).items()}


def _same(expected: pl.DataFrame | None, stored: pl.DataFrame) -> bool:
    """Return whether rows are those that were expected, optional columns without a value left aside."""
    if expected is None:
        return stored.is_empty()
    if expected.height != stored.height:
        return False
    both = pl.concat([expected, stored], how="diagonal")
    return both.head(expected.height).equals(both.tail(stored.height))
