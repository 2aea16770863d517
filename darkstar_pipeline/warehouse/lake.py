"""The lake: `<root>/<table>/site=<site>/day=<date>/part.parquet`, one file a day, replaced whole or not at all.

Writers of one table of one site wait for each other (`merge_days`); readers wait for nobody and never see half a file;
a kill at any moment leaves the old day. Read as bytes (`day_files`): a Polars scan trusts file sizes it listed before a
replacement (failed 529 times of 532 measured). What does not belong here: column meanings (`schemas`), user SQL
(`query`).
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.state.atomic_files import FileIdentity, file_identity
from darkstar_pipeline.state.file_lock import hold_lock
from darkstar_pipeline.warehouse.checksums import parquet_bytes
from darkstar_pipeline.warehouse.day_files import UnreadableFileError, read_day_files
from darkstar_pipeline.warehouse.day_names import PART, days_in, owner_of
from darkstar_pipeline.warehouse.schemas import Table
from env.time_grid import days_between
from planner.artifacts.atomic_files import atomic_file, make_folder, sweep_leftovers
from planner.deadline import check_deadline

WRITER_LOCK = ".write.lock"
"""In the folder of a site of a table: held by whoever writes there, over reading, merging and writing."""
FEW_DAYS = 70
"""So few are looked for one by one; to list a year of them takes 10 ms."""
_log = logging.getLogger(__name__)
_told: set[tuple[Path, FileIdentity]] = set()  # files whose wrong rows were logged: a service reads them every 5 s


REPAIR = "darkstar doctor --repair --all"
"""The command that sets aside what is damaged, before anything writes it anew."""


class LakeUnreadableError(DarkstarError):
    """A file of the lake is damaged.

    Args:
        message: what is wrong, and in which file.
        hint: what to do about it.
        table: name of the file's table; empty where a statement read several.
    """

    code = "lake_unreadable"

    def __init__(self, message: str, hint: str = "", *, table: str = "") -> None:
        super().__init__(message, hint)
        self.table = table


class SchemaMismatchError(DarkstarError):
    """A frame does not fit its table's declaration."""

    code = "schema_mismatch"


def conform(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in declared columns, types and row order.

    Raises:
        SchemaMismatchError: a column is missing or surplus, has nulls that are not allowed, or a key repeats in a day.
    """
    schema = table.schema_with(frame.columns)
    wanted, got = set(schema), set(frame.columns)
    if wanted != got:
        message = f"{table.name}: missing columns {sorted(wanted - got)}, unknown columns {sorted(got - wanted)}"
        raise SchemaMismatchError(message, "declare the columns in darkstar_pipeline/warehouse/schemas.py")
    ordered = frame.select(schema.names()).cast(dict(schema)).sort("site", *table.key)  # pyright: ignore[reportArgumentType]
    for column in table.columns:
        if not column.nullable and ordered[column.name].null_count():
            raise SchemaMismatchError(
                f"{table.name}.{column.name}: null where a value is required", "fill or refuse it"
            )
    if ordered.select(sorted({"site", table.day_column, *table.key})).is_duplicated().any():
        raise SchemaMismatchError(f"{table.name}: rows repeat the key {('site', *table.key)}", "drop the duplicates")
    return ordered


class Lake:
    """The lake under one folder.

    Args:
        root: folder of the tables; made on the first write.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, table: Table, site: str, day: date) -> Path:
        """Return the path of a day's file, whether or not it exists."""
        return self.root / table.name / f"site={site}" / f"day={day.isoformat()}" / PART

    def write_day(self, table: Table, site: str, day: date, frame: pl.DataFrame) -> Path:
        """Replace one day; zero rows is a valid day ("done, nothing there").

        Raises:
            SchemaMismatchError: see `conform`; also where a row belongs to another site or day.
        """
        self.write_days(table, site, [day], frame)
        return self.path(table, site, day)

    def write_days(self, table: Table, site: str, days: Iterable[date], frame: pl.DataFrame) -> dict[date, int]:
        """Replace each of `days` by its rows of `frame`; days without rows get an empty file.

        The rows are checked as a whole (half a year takes 0.42 s, day by day 0.60 s); each day is replaced by itself.

        Returns:
            Rows written per day.

        Raises:
            SchemaMismatchError: see `conform`; also where a row belongs to another site or day. Nothing is written.
        """
        wanted, ordered = list(days), conform(table, frame)
        _refuse_foreign_rows(table, site, wanted, ordered)
        with hold_lock(self._writer_lock(table, site)):
            return self._replace_days(table, site, wanted, ordered)

    def merge_days(
        self,
        table: Table,
        site: str,
        days: tuple[date, date],
        merge: Callable[[pl.DataFrame], pl.DataFrame],
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[date, int]:
        """Read days, merge rows into them and write those that change, while no other process writes there.

        The one way to change rows in the light of those that are there: two writers that read, merge and write without
        it lose each other's rows (six rounds of six, 1 344 to 4 634 of 7 030 slots). `merge` must take no lock: who
        holds this one waits for nobody, so that no two wait for each other.

        Args:
            table: the table.
            site: the home.
            days: first and last day to read.
            merge: given the stored rows, returns all rows of every day that changes, and of no other.
            progress: called with the number of days written so far and the number of days to write.

        Returns:
            Rows written per day.

        Raises:
            SchemaMismatchError: see `write_days`. Nothing is written.
        """
        with hold_lock(self._writer_lock(table, site)):
            ordered = conform(table, merge(self.read(table, site, *days)))
            changed: list[date] = ordered[table.day_column].unique().sort().to_list()
            _refuse_foreign_rows(table, site, changed, ordered)
            return self._replace_days(table, site, changed, ordered, progress)

    def _writer_lock(self, table: Table, site: str) -> Path:
        return self.root / table.name / f"site={site}" / WRITER_LOCK

    def _replace_days(
        self,
        table: Table,
        site: str,
        days: Sequence[date],
        ordered: pl.DataFrame,
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[date, int]:
        """Replace each day by its rows; the caller holds the lock, and the rows conform."""
        groups = {key[0]: group for key, group in ordered.partition_by(table.day_column, as_dict=True).items()}
        empty = ordered.clear()
        for done, day in enumerate(days, start=1):
            path = self.path(table, site, day)
            make_folder(path.parent)
            with atomic_file(path) as temporary:
                temporary.write_bytes(parquet_bytes(groups.get(day, empty)))
            if progress is not None:
                progress(done, len(days))
        return {day: groups[day].height if day in groups else 0 for day in days}

    def days(self, table: Table, site: str) -> list[date]:
        """Return the days that a table has a file for, ascending."""
        return days_in(self.root / table.name / f"site={site}")

    def identity(self, table: Table, site: str, first: date, last: date) -> tuple[FileIdentity, ...]:
        """Changes whenever a day of a table from `first` to `last` is replaced, comes or goes."""
        return tuple(file_identity(self.path(table, site, day)) for day in days_between(first, last))

    def read(self, table: Table, site: str, first: date | None = None, last: date | None = None) -> pl.DataFrame:
        """Rows of a table for a range of local days, both ends included, in the table's order."""
        if first is not None and last is not None and (last - first).days < FEW_DAYS:
            return self.read_days(table, site, days_between(first, last))
        chosen = [
            day for day in self.days(table, site) if (first is None or day >= first) and (last is None or day <= last)
        ]
        return self.read_paths(table, [self.path(table, site, day) for day in chosen])

    def read_days(self, table: Table, site: str, days: Iterable[date]) -> pl.DataFrame:
        """Rows of a table of some local days, in the table's order; days that have no file have none."""
        paths = (self.path(table, site, day) for day in sorted(days))
        return self.read_paths(table, [path for path in paths if path.is_file()])

    def read_paths(self, table: Table, paths: Sequence[Path]) -> pl.DataFrame:
        """Rows of the given files of a table, in the table's order.

        Rows of another site or day than their file's are left out, and of rows that repeat a key the last is taken;
        both are logged, and `darkstar doctor` finds them.

        Raises:
            LakeUnreadableError: a file is damaged, or holds what its table does not.
            SolverTimeoutError: the time for the whole plan is over; reading its inputs counts into it.
        """
        check_deadline()
        if not paths:
            return pl.DataFrame(schema=table.schema)
        try:
            rows = typed_rows(table, _read_files(table.name, paths))
        except pl.exceptions.PolarsError as error:
            raise _unfit(table, paths, error) from error
        return _rightful(table, paths, rows).sort("site", table.day_column, *table.key)

    def sweep_leftovers(self) -> int:
        """Remove the temporary files that killed writers left beside any day of any table; their number."""
        return sum(sweep_leftovers(day) for day in self.root.glob("*/site=*/day=*") if day.is_dir())


def _refuse_foreign_rows(table: Table, site: str, days: Sequence[date], ordered: pl.DataFrame) -> None:
    """Refuse rows of another site or day than those to be written.

    Raises:
        SchemaMismatchError: naming some of them.
    """
    foreign = ordered.filter((pl.col("site") != site) | ~pl.col(table.day_column).is_in(days))
    if foreign.height:
        owners = foreign.select("site", table.day_column).unique().sort("site", table.day_column).rows()
        named = ", ".join(f"{owner} {day}" for owner, day in owners[:5])
        message = f"{table.name}: {foreign.height} rows are of {named}, not of the days of {site} to be written"
        raise SchemaMismatchError(message, "split by day")


def _read_files(table: str, paths: Sequence[Path]) -> pl.DataFrame:
    """The files as one frame.

    Raises:
        LakeUnreadableError: a file cannot be read.
    """
    try:
        return read_day_files(paths)
    except UnreadableFileError as error:
        message = f"a file of the lake cannot be read: {error}"
        hint = "delete the damaged day and backfill it again"
        raise LakeUnreadableError(message, hint, table=table) from error


def _rightful(table: Table, paths: Sequence[Path], rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that are of the site and day of their file, each once: of a doubled one, the last.

    Files follow each other in `rows`, so that every file is a run of its site and day; where the runs are others, or a
    key is doubled, each file is looked at by itself, which takes five times as long.

    Args:
        table: their table.
        paths: the files, in order.
        rows: their rows, in order of the files.
    """
    keys = sorted({"site", table.day_column, *table.key})
    runs = rows.select(pl.struct("site", table.day_column).rle().struct.field("value").struct.unnest()).rows()
    owners = iter([owner_of(path) for path in paths])
    if all(run in owners for run in runs) and not rows.select(keys).is_duplicated().any():
        return rows
    own = [_own_rows(table, path) for path in paths]
    return pl.concat(own, how="diagonal") if own else rows.clear()


def _own_rows(table: Table, path: Path) -> pl.DataFrame:
    """Return the rows of a file that belong there, each once; others are logged."""
    site, day = owner_of(path)
    rows = typed_rows(table, _read_files(table.name, [path]))
    own = rows.filter(pl.col("site").eq_missing(pl.lit(site)) & pl.col(table.day_column).eq_missing(pl.lit(day)))
    once = own.unique(sorted({"site", table.day_column, *table.key}), keep="last", maintain_order=True)
    if once.height < rows.height and (told := (path, file_identity(path))) not in _told:
        _told.add(told)
        foreign, doubled = rows.height - own.height, own.height - once.height
        wrong = f"{foreign} rows of another site or day and {doubled} doubled ones"
        _log.warning("%s has %s, which are left out; `darkstar doctor` finds them", path, wrong)
    return once


def typed_rows(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in declared columns and types; columns that a file of an older release lacks are null."""
    schema = table.schema_with(frame.columns)
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
    return frame.with_columns(missing).select(schema.names()).cast(dict(schema))  # pyright: ignore[reportArgumentType]


def _unfit(table: Table, paths: Sequence[Path], error: pl.exceptions.PolarsError) -> LakeUnreadableError:
    """Return the error for files of which one holds what its table does not, naming that one."""
    reason, culprit = " ".join(str(error).split()), paths[0]
    for path in paths if len(paths) > 1 else ():
        try:
            typed_rows(table, _read_files(table.name, [path]))
        except (pl.exceptions.PolarsError, LakeUnreadableError):
            culprit = path
            break
    message = f"a file of the lake does not fit its table {table.name}: {culprit}: {reason}"
    return LakeUnreadableError(message, "`darkstar doctor --repair` moves it aside", table=table.name)
