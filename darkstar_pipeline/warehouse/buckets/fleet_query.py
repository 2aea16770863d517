"""A person's own SQL on a fleet's lake: one statement that reads, behind the locks of `warehouse.query`.

Files of a folder are checked, then read by DuckDB's views, as those of single homes are. Objects of S3 are read whole
and handed to DuckDB's memory (range readers beside a writer failed 410 times of 440), those of the tables and days that
are asked for, up to a limit.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import date
from glob import escape
from pathlib import Path
from types import MappingProxyType

import duckdb
import polars as pl

from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.object_store import FolderStore
from darkstar_pipeline.warehouse.day_names import PART
from darkstar_pipeline.warehouse.query import (
    QueryError,
    QueryResult,
    locked_query,
    named_tables,
    translate_duckdb_errors,
)
from darkstar_pipeline.warehouse.schemas import TABLES, Table
from darkstar_pipeline.warehouse.views import open_memory, view_sql

FETCHED_BYTES = 256 * 1024 * 1024
"""Most that a statement fetches; decoded it takes several times as much memory [B]."""
Rows = Callable[[BucketLake | None], pl.DataFrame]
"""Takes a lake, or None for one without any rows, and returns the rows of a table."""
_DAY, _BUCKET = "day=[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]", "bucket=[0-9][0-9][0-9][0-9]*"


@contextmanager
def run_fleet_query(
    lake: BucketLake,
    sql: str,
    first: date | None = None,
    last: date | None = None,
    *,
    others: Mapping[str, Rows] = MappingProxyType({}),
) -> Generator[QueryResult]:
    """Run one read-only statement over the tables of a fleet.

    Args:
        lake: its tables are the views that the statement sees.
        sql: one statement.
        first: only days from this one.
        last: only days up to this one, included.
        others: tables that are not of days, by name; of one that is not named an empty lake's rows are asked for.

    Yields:
        The result, to be read before the context ends.

    Raises:
        QueryError: the statement is wrong, would do more than read, or needs too much of the store.
        LakeUnreadableError: a file or object of the lake is damaged.
        OutsideServiceError: the store failed.
    """
    root = Path(lake.store.place) if isinstance(lake.store, FolderStore) else None
    with translate_duckdb_errors(), open_memory() as connection:
        named = named_tables(sql)
        fetched, read = 0, list[str]()
        for name, rows in others.items():
            _register(connection, name, rows(lake if name in named else None))
        for table in TABLES.values():
            if table.name not in named and (named or root is None):
                _view(connection, table, [])  # its files are not opened: a damaged one stops no other table's query
            elif root is None:
                fetched += _load(connection, lake, table, (first, last), FETCHED_BYTES - fetched)
            else:
                patterns = _patterns(lake, table, root, first, last)
                read += patterns if table.name in named else []
                _view(connection, table, patterns)
        yield locked_query(connection, root, sql, read)


def _register(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """Copy rows into the connection's memory as a table."""
    connection.register("fetched", frame)
    connection.execute(f"CREATE TABLE {name} AS FROM fetched")
    connection.unregister("fetched")


def _view(connection: duckdb.DuckDBPyConnection, table: Table, patterns: list[str]) -> None:
    sql = view_sql(table, patterns, "'bucket': INTEGER, 'day': DATE")
    connection.execute(f"CREATE VIEW {table.name} AS {sql}")


def _patterns(lake: BucketLake, table: Table, root: Path, first: date | None, last: date | None) -> list[str]:
    """Return what DuckDB finds the files of a table by: one pattern for all days, or one a day of a range."""
    days = lake.table_days(table, first, last)
    folder = escape(str(root / table.name))
    if first is None and last is None:
        return [f"{folder}/{_DAY}/{_BUCKET}/{PART}"] if days else []
    return [f"{folder}/day={day.isoformat()}/{_BUCKET}/{PART}" for day in days]


def _load(
    connection: duckdb.DuckDBPyConnection,
    lake: BucketLake,
    table: Table,
    days: tuple[date | None, date | None],
    limit: int,
) -> int:
    """Fetch a table's objects into the connection's memory; return their size [B].

    Raises:
        QueryError: they are larger than the limit.
    """
    wanted = lake.table_days(table, *days)
    objects = lake.store.at_once(lambda day: lake.objects(table, day), wanted)
    size = sum(each.size for found in objects for each in found.values())
    if size > limit:
        message = f"the query needs more than {FETCHED_BYTES // 1024**2} MiB of the lake: {table.name} alone has"
        message += f" {size / 1024**2:.0f} MiB on {len(wanted)} days"
        raise QueryError(message, "name fewer days (--from, --to) or tables")
    _view(connection, table, [])
    buckets = sorted({bucket for found in objects for bucket in found})
    rows = [lake.read_days(table, bucket, wanted) for bucket in buckets]
    if rows:
        frame = pl.concat(rows, how="diagonal")
        missing = [pl.lit(None, dtype=each.dtype).alias(each.name) for each in table.optional if each.name not in frame]
        names = [column.name for column in table.every_column]
        _register(connection, f"fetched_{table.name}", frame.with_columns(missing).select(names))
        connection.execute(f"CREATE OR REPLACE VIEW {table.name} AS FROM fetched_{table.name}")
    return size
