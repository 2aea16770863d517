"""Views of the lake's tables for SQL: one per table, over exactly those files that are named as days of it."""

from collections.abc import Sequence
from glob import escape
from pathlib import Path

import duckdb
import polars as pl

from darkstar_pipeline.state.descriptors import raise_descriptor_limit
from darkstar_pipeline.warehouse.day_names import PART, days_in, has_only_days, sites_in
from darkstar_pipeline.warehouse.schemas import TABLES, Table

MEMORY = "2GiB"
"""Memory of a statement; a service on the same machine needs the rest."""


def open_warehouse(root: Path) -> duckdb.DuckDBPyConnection:
    """Return an in-memory DuckDB with a view per table; the caller closes it.

    Not for a service: DuckDB opens every file of a table at once, and some of its errors end the process.

    Args:
        root: folder of the tables.
    """
    connection = open_memory()
    create_views(connection, root)
    return connection


def open_memory() -> duckdb.DuckDBPyConnection:
    """Return an in-memory DuckDB that computes in UTC; the caller closes it."""
    raise_descriptor_limit()
    connection = duckdb.connect(config={"memory_limit": MEMORY})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def create_views(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    """Create one view per table over the files under `root`; a table without files is an empty view."""
    connection.execute("SET TimeZone = 'UTC'")
    for table in TABLES.values():
        sql = view_sql(table, file_patterns(root / table.name), "'site': VARCHAR, 'day': DATE")
        connection.execute(f"CREATE OR REPLACE VIEW {table.name} AS {sql}")


def view_sql(table: Table, patterns: Sequence[str], folders: str) -> str:
    """Return the SELECT of a table's view; the day comes from the path, so that a condition on it skips files.

    The site of a single home comes from the path, too. Rows of another day than their file's are left out.

    Args:
        table: the table.
        patterns: what DuckDB finds its files by; none for an empty view.
        folders: names and SQL types of what the folders are named by.
    """
    types = {column.name: _sql_type(column.dtype) for column in table.every_column}
    if not patterns:
        columns = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in types.items())
        return f"SELECT {columns} WHERE false"
    files = ", ".join("'" + pattern.replace("'", "''") + "'" for pattern in patterns)
    options = f"hive_partitioning = true, hive_types = {{{folders}}}, union_by_name = true"
    declared = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in {**types, "day": "DATE"}.items())
    nothing = f"SELECT {declared} WHERE false"  # gives columns that no file has yet
    picks = [f"day AS {name}" if name == table.day_column else name for name in types]
    rows = f"SELECT * FROM read_parquet([{files}], {options})"  # noqa: S608 - our own names
    own = "" if table.day_column == "day" else f" WHERE {table.day_column} = day"
    return f"SELECT {', '.join(picks)} FROM ({nothing} UNION ALL BY NAME {rows}){own}"  # noqa: S608 - our own names


def file_patterns(folder: Path) -> list[str]:
    """Return what DuckDB finds the files of a table's folder by: a pattern a site, or its days where strays are beside.

    A path is a pattern to DuckDB wherever it is named, so what is special in it is taken literally.
    """
    patterns: list[str] = []
    for site in sites_in(folder):
        place = folder / f"site={site}"
        days = days_in(place)
        if days and has_only_days(place):
            patterns.append(f"{escape(str(place))}/day=*/{PART}")
        else:
            patterns += [escape(str(place / f"day={day.isoformat()}" / PART)) for day in days]
    return patterns


_SQL_TYPES: dict[type[pl.DataType], str] = {
    pl.String: "VARCHAR",
    pl.Float64: "DOUBLE",
    pl.Int32: "INTEGER",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    pl.Datetime: "TIMESTAMPTZ",
}


def _sql_type(dtype: pl.DataType) -> str:
    return _SQL_TYPES[type(dtype)]
