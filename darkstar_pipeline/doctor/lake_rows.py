"""Checks of what is in the lake beside and within its days: strays, doubled rows, rows of another site or day.

Strays cost a listing of the folders. Rows cost reading the keys of the files: 0.1 s for a hundred days of a table, so
that the newest `NEWEST_DAYS` of each table are looked at; `darkstar doctor --repair` looks at all.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from glob import escape
from pathlib import Path

import duckdb

from darkstar_pipeline.doctor.finding import CheckResult, failed, passed, warned
from darkstar_pipeline.state.descriptors import raise_descriptor_limit
from darkstar_pipeline.warehouse.day_names import PART, days_in, sites_in, strays
from darkstar_pipeline.warehouse.schemas import TABLES, Table

NEWEST_DAYS = 92
REPAIR = "darkstar doctor --repair moves them aside"
_EXAMPLES = 3


@dataclass(frozen=True)
class WrongRows:
    """A day's file with rows that do not belong there.

    Attributes:
        table: its table.
        path: the file.
        doubled: rows whose key another row has.
        foreign: rows of another site or day.
    """

    table: Table
    path: Path
    doubled: int
    foreign: int

    def describe(self) -> str:
        """Return the file and what is wrong with it, in words."""
        parts = ((self.doubled, "doubled"), (self.foreign, "of another site or day"))
        return f"{self.path}: " + ", ".join(f"{number} rows {word}" for number, word in parts if number)


def check_strays(root: Path) -> CheckResult:
    """Check that nothing lies in the lake that is not read."""
    found = list(strays(root, TABLES))
    if not found:
        return passed("lake", f"{root}: nothing lies beside the days")
    examples = ", ".join(f"{stray.path} ({stray.reason})" for stray in found[:_EXAMPLES])
    return warned("lake", f"{len(found)} files or folders are not read: {examples}", REPAIR)


def check_rows(root: Path) -> CheckResult:
    """Check that the rows of the newest days are those of their site and day, each once."""
    files = [(table, day_files(root, table, newest=NEWEST_DAYS)) for table in TABLES.values()]
    n_files = sum(len(paths) for _, paths in files)
    wrong = [each for table, paths in files for each in _wrong_in(table, paths)]
    detail = f"rows of {n_files} files, the newest {NEWEST_DAYS} days of each table"
    if not wrong:
        return passed("rows", f"{detail}, are each of their site and day")
    examples = "; ".join(each.describe() for each in wrong[:_EXAMPLES])
    remedy = "darkstar doctor --repair keeps the rows that belong there, and the old files aside"
    return failed("rows", f"{len(wrong)} of {n_files} files hold wrong rows, which are not used: {examples}", remedy)


def wrong_rows(root: Path) -> Iterator[WrongRows]:
    """Return the files with rows that do not belong there; files that cannot be read are another check's."""
    for table in TABLES.values():
        yield from _wrong_in(table, day_files(root, table))


def day_files(root: Path, table: Table, *, newest: int | None = None) -> list[Path]:
    """Return the files of a table, of every site."""
    folder = root / table.name
    return [
        folder / f"site={site}" / f"day={day.isoformat()}" / PART
        for site in sites_in(folder)
        for day in days_in(folder / f"site={site}")[-newest if newest else None :]
    ]


def _wrong_in(table: Table, paths: Sequence[Path]) -> Iterator[WrongRows]:
    """Have DuckDB count rows by file; where one cannot be read, the others are counted one by one."""
    try:
        rows = _counts(table, paths) if paths else []
    except duckdb.Error:
        if len(paths) > 1:
            for path in paths:
                yield from _wrong_in(table, [path])
        return
    for name, doubled, foreign in sorted(rows):
        yield WrongRows(table, Path(name), doubled, foreign)


def _counts(table: Table, paths: Sequence[Path]) -> list[tuple[str, int, int]]:
    """Return path, doubled and foreign rows of those of the files that have any."""
    keys = ", ".join(sorted({"site", table.day_column, *table.key}))
    place = "'.*site=([^/]+)/day=([^/]+)/[^/]*$'"
    sql = f"""
        SELECT filename, count(*) - count(DISTINCT ({keys})) AS doubled, count(*) FILTER (
            site IS DISTINCT FROM regexp_extract(filename, {place}, 1)
            OR CAST({table.day_column} AS VARCHAR) IS DISTINCT FROM regexp_extract(filename, {place}, 2)
        ) AS foreign_rows
        FROM read_parquet($files, union_by_name = true, hive_partitioning = false, filename = true)
        GROUP BY filename HAVING doubled > 0 OR foreign_rows > 0
    """  # noqa: S608 - our own names
    raise_descriptor_limit()
    with closing(duckdb.connect()) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql, {"files": [escape(str(path)) for path in paths]}).fetchall()
