"""A person's own SQL on the lake: one read-only statement, which can reach the lake's files and nothing else.

Three locks, because one is not enough. DuckDB's settings bar every file but the lake's, extensions, and the caller's
Python variables, and are then frozen. One statement of the SELECT family is let through. And it has to be fit to be a
view: a `COPY … TO` hidden in a WITH clause is a SELECT to the parser, and wrote into the lake when this was tried.
"""

import errno
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any, cast

import duckdb

from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.state.descriptors import raise_descriptor_limit
from darkstar_pipeline.warehouse.checked_files import check_files
from darkstar_pipeline.warehouse.day_names import PART
from darkstar_pipeline.warehouse.interrupts import interruptible
from darkstar_pipeline.warehouse.lake import Lake, LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import TABLES
from darkstar_pipeline.warehouse.views import MEMORY, file_patterns, open_memory, open_warehouse

BATCH_ROWS = 10_000
"""Rows in memory at a time."""

_REFUSED_HINT = "one statement that reads: SELECT, WITH, DESCRIBE, SHOW or SUMMARIZE"
_TOO_MANY_FILES = os.strerror(errno.EMFILE)
_GUARD = "darkstar_read_only_guard"


class QueryError(DarkstarError):
    """SQL that is wrong, or that would do more than read."""

    code = "query"


@dataclass(frozen=True)
class QueryColumn:
    """A column of a result: its name, unique within the result, and its DuckDB type."""

    name: str
    type: str


class QueryResult:
    """The rows of a statement, read in batches; valid while its `run_query` is open.

    Attributes:
        columns: the columns in order.
        unchecked: what was read without a look at its checksums, for a person; empty where nothing was.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: str, unchecked: str = "") -> None:
        self.unchecked = unchecked
        self._connection = connection
        self._sql = sql
        self._relation = connection.sql(sql)
        names = _distinct(self._relation.columns)
        self.columns = tuple(
            QueryColumn(name, str(kind)) for name, kind in zip(names, self._relation.types, strict=True)
        )

    def batches(self) -> Iterator[list[tuple[Any, ...]]]:
        """The rows, some thousand at a time, as Python values; can be read once.

        Raises:
            QueryError: a value cannot be computed.
        """
        with translate_duckdb_errors():
            self._connection.execute(self._sql)
            while batch := self._connection.fetchmany(BATCH_ROWS):
                yield batch

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows one by one; can be read once.

        Raises:
            QueryError: a value cannot be computed.
        """
        for batch in self.batches():
            yield from batch

    def write_parquet(self, path: Path) -> int:
        """Write the rows as one Parquet file; can be done once, instead of reading them.

        Returns:
            Rows written.

        Raises:
            QueryError: a value cannot be computed.
        """
        import pyarrow as pa
        from pyarrow import parquet

        written = 0
        with translate_duckdb_errors():
            reader = cast("pa.RecordBatchReader", self._relation.to_arrow_reader(BATCH_ROWS))  # pyright: ignore[reportUnknownMemberType] - untyped
            names = [column.name for column in self.columns]
            schema = reader.schema.empty_table().rename_columns(names).schema
            with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
                for batch in reader:
                    writer.write_batch(batch.rename_columns(names))
                    written += batch.num_rows
        return written


@contextmanager
def run_query(lake: Lake, sql: str) -> Generator[QueryResult]:
    """Run one read-only statement over the lake's tables.

    Args:
        lake: its tables are the views that the statement sees.
        sql: one statement.

    Yields:
        The result, to be read before the context ends.

    Raises:
        QueryError: the statement is wrong, or would do more than read.
        LakeUnreadableError: a file of the lake is damaged.
    """
    with translate_duckdb_errors(), open_warehouse(lake.root) as connection:
        named = named_tables(sql)
        patterns = [each for name in TABLES if name in named for each in file_patterns(lake.root / name)]
        yield locked_query(connection, lake.root, sql, patterns)


def named_tables(sql: str) -> set[str]:
    """Return the names of the tables that a statement reads, in small letters; none of one that DuckDB refuses.

    Asked where there are no views, whose names DuckDB does not give.
    """
    try:
        with open_memory() as connection:
            return {name.casefold() for name in connection.get_table_names(sql)}
    except duckdb.Error:  # told by what runs it
        return set()


def locked_query(
    connection: duckdb.DuckDBPyConnection, root: Path | None, sql: str, patterns: Iterable[str] = ()
) -> QueryResult:
    """Return the result of a statement that reads tables of a connection, which is locked for good before.

    Args:
        connection: its tables and views are what the statement sees.
        root: folder whose files the views read; None where all is in memory.
        sql: one statement.
        patterns: what the files that it reads are found by, which are checked before.

    Raises:
        QueryError: the statement is wrong, or would do more than read.
        LakeUnreadableError: a file is damaged.
    """
    _lock(connection, root)
    _check_reads_only(connection, sql)
    return QueryResult(connection, sql, check_files(patterns))


def _lock(connection: duckdb.DuckDBPyConnection, root: Path | None) -> None:
    """Bar everything but the lake's files, and freeze that."""
    folders = () if root is None else dict.fromkeys((str(root), escape(str(root))))
    quoted = [folder.replace("'", "''") for folder in folders]
    allowed = ", ".join(f"'{folder}/'" for folder in quoted)  # as it is, and as the views name it
    for setting in (
        "python_enable_replacements = false",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "temp_directory = ''",  # an in-memory database would spill into a folder of the working directory
        f"allowed_directories = [{allowed}]",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")


def _check_reads_only(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse anything but one statement that only reads.

    Raises:
        QueryError: it is none, more than one, or of a kind that writes.
    """
    statements = connection.extract_statements(sql)
    if not statements:
        raise QueryError("there is no statement in the SQL", _REFUSED_HINT)
    if len(statements) > 1:
        raise QueryError(f"{len(statements)} statements where one is allowed", _REFUSED_HINT)
    kind = statements[0].type
    if kind == duckdb.StatementType.MULTI:
        raise QueryError("PIVOT needs the values named to stay one statement", "PIVOT … ON column IN (value, …)")
    if kind != duckdb.StatementType.SELECT:
        raise QueryError(f"{kind.name} is not allowed: the warehouse is read-only here", _REFUSED_HINT)
    try:
        connection.execute(f"CREATE TEMP VIEW {_GUARD} AS {sql}")  # one SELECT, as just established, hence no injection
    except duckdb.BinderException as error:
        if not _refuses_to_write(error):
            raise
        raise QueryError("a WITH that writes is not allowed: the warehouse is read-only here", _REFUSED_HINT) from error
    connection.execute(f"DROP VIEW {_GUARD}")


def _refuses_to_write(error: duckdb.BinderException) -> bool:
    """Return whether DuckDB refused a statement that writes as a view's.

    By the message: DuckDB's exceptions carry no code, a name that cannot be bound raises the same class, and the
    parser reports a WITH that writes as a SELECT.
    """
    return "inside a VIEW" in str(error)


def _is_of_lake_file(message: str) -> bool:
    """Return whether an error names a file of the lake.

    By the message, for the same reason: a file that is damaged or gone raises a class that a query can raise, too.
    """
    return PART in message


@contextmanager
def translate_duckdb_errors() -> Generator[None]:
    """Raise DuckDB's errors as the shell's, on one line."""
    try:
        with interruptible():
            yield
    except duckdb.PermissionException as error:
        raise QueryError(f"the query reaches outside the warehouse: {_first_line(error)}", _REFUSED_HINT) from error
    except duckdb.Error as error:
        text = _first_line(error)
        if _TOO_MANY_FILES in text:
            message = f"the query needs more files at once than this process may open ({raise_descriptor_limit()})"
            raise QueryError(message, "ulimit -n 65536, then run it again") from error
        if isinstance(error, duckdb.OutOfMemoryException):
            hint = "ask for fewer days or columns, or write the days to files of your own: --out FILE.parquet"
            raise QueryError(f"the query needs more than {MEMORY} of memory", hint) from error
        if _is_of_lake_file(text):
            hint = "a backfill may be at work: run it again; if it stays so, `darkstar doctor` names damaged files"
            raise LakeUnreadableError(f"a file of the lake cannot be read: {text}", hint) from error
        raise QueryError(text, "DESCRIBE lists the tables, DESCRIBE table its columns") from error


def _first_line(error: duckdb.Error) -> str:
    """DuckDB's message without the drawing of where in the statement it is."""
    text = str(error).split("\n\n")[0]
    kept = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("LINE ", " "))]
    return " ".join(kept).replace(_GUARD, "the query")


def _distinct(names: list[str]) -> list[str]:
    """The names with repeated ones numbered, so that a row can be an object."""
    taken: set[str] = set()
    result: list[str] = []
    for name in names:
        chosen, number = name, 1
        while chosen in taken:
            chosen, number = f"{name}_{number}", number + 1
        taken.add(chosen)
        result.append(chosen)
    return result
