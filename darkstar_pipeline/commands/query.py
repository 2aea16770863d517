"""`darkstar query`: read-only SQL on the warehouse, as a table, JSON, CSV or Parquet."""

import csv
import json
import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Annotated, Any, TextIO

import typer

from darkstar_pipeline.console.arguments import OutFile, check_out
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.json_values import to_json_value, write_json
from darkstar_pipeline.console.output import Answer, console, draw_table
from darkstar_pipeline.errors import ExitCode
from darkstar_pipeline.state.atomic_files import atomic_write

if TYPE_CHECKING:
    from darkstar_pipeline.warehouse.query import QueryColumn, QueryResult

TABLE_ROWS = 1_000
"""Most rows that a table shows: a terminal draws more of them slowly, and nobody reads them."""
SPOOL_BYTES = 16 * 1024 * 1024
"""Largest answer that is held in memory [bytes]; larger ones go through a temporary file."""


class Format(StrEnum):
    """An output format of rows."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


Statement = Annotated[str, typer.Argument(metavar="SQL", help="One statement that reads.")]
OutFormat = Annotated[
    Format | None,
    typer.Option(
        "--format", metavar="FORMAT", help="table, json, csv or parquet; default: by the file's suffix, else table."
    ),
]


def query(
    call: Call,
    sql: Statement,
    *,
    form: OutFormat = None,
    out: OutFile = None,
) -> Answer:
    """Run read-only SQL on the warehouse.

    Every table is a view over all sites; instants are in UTC.
    """
    from darkstar_pipeline.config.settings import home_dir
    from darkstar_pipeline.context import LAKE_FOLDER
    from darkstar_pipeline.warehouse.lake import Lake
    from darkstar_pipeline.warehouse.query import run_query

    chosen = chosen_format(form, out)
    lake = home_dir() / LAKE_FOLDER
    if not lake.is_dir():
        _tell_of_fleet(call, home_dir())
    with run_query(Lake(lake), sql) as result:
        return answer_of(call, result, chosen, out)


def _tell_of_fleet(call: Call, home: Path) -> None:
    """Say where the tables are of which there are none here, if anywhere."""
    from darkstar_pipeline.fleet.homes_file import homes_path

    if homes_path(home).exists():
        call.note(
            "these are tables of homes under sites, of which there are none; `darkstar fleet query` reads a fleet's"
        )


def answer_of(call: Call, result: "QueryResult", chosen: Format, out: Path | None) -> Answer:
    """Return a statement's rows in a format, written to a file where one is named."""
    if result.unchecked:
        call.note(result.unchecked)
    if out is not None:
        return _written(result, chosen, out)
    if call.json:
        return _spooled(result, Format.JSON, wrapped=True)
    if chosen is Format.TABLE:
        return _table(result)
    return _spooled(result, chosen, wrapped=False)


def chosen_format(form: Format | None, out: Path | None) -> Format:
    """Return the output format.

    Raises:
        UsageError: Parquet without a file, or a file whose suffix names no format.
    """
    if form is None and out is None:
        return Format.TABLE
    if form is None and out is not None:
        suffix = out.suffix.removeprefix(".").lower()
        if suffix not in ("json", "csv", "parquet"):
            raise UsageError(f"the suffix of {out} does not name a format", "add --format json, csv or parquet")
        return Format(suffix)
    chosen = form if form is not None else Format.TABLE
    if chosen is Format.PARQUET and out is None:
        raise UsageError("Parquet needs a file", "add --out FILE.parquet")
    if chosen is Format.TABLE and out is not None:
        raise UsageError("the format table cannot be written to a file", "use --format json, csv or parquet")
    return chosen


@dataclass(frozen=True)
class FileWritten:
    """An answer whose rows were written to a file."""

    file: Path
    rows: int
    columns: "tuple[QueryColumn, ...]"
    exit_code: ExitCode = ExitCode.DONE

    def write_json(self, out: TextIO) -> None:
        """Write the file, the number of rows and the columns."""
        described = [{"name": column.name, "type": column.type} for column in self.columns]
        write_json({"file": str(self.file), "rows": self.rows, "columns": described}, out)

    def write_text(self, out: TextIO) -> None:
        """Write the number of rows and the file."""
        out.write(f"{self.rows} rows written to {self.file}\n")


@dataclass(frozen=True)
class Spooled:
    """An answer whose rows go to stdout, complete before the first byte is printed, so never half a document."""

    text: IO[str]
    exit_code: ExitCode = ExitCode.DONE

    def write_json(self, out: TextIO) -> None:
        """Print the rows."""
        self.text.seek(0)
        shutil.copyfileobj(self.text, out)
        self.text.close()

    write_text = write_json


@dataclass(frozen=True)
class TableAnswer:
    """An answer that is drawn as a table."""

    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    more: bool
    exit_code: ExitCode = ExitCode.DONE

    def write_json(self, out: TextIO) -> None:
        """Print the rows as JSON."""
        write_json(self.rows, out)

    def write_text(self, out: TextIO) -> None:
        """Draw the table."""
        pen = console(out)
        draw_table(pen, self.rows, {name: name for name in self.columns}, digits=6)
        if self.more:
            pen.print(f"only the first {TABLE_ROWS} rows are shown; use --format csv or --out FILE for all")


def _table(result: "QueryResult") -> TableAnswer:
    names = tuple(column.name for column in result.columns)
    rows: list[dict[str, Any]] = []
    for row in result.rows():
        if len(rows) == TABLE_ROWS:
            return TableAnswer(names, rows, more=True)
        rows.append(dict(zip(names, row, strict=True)))
    return TableAnswer(names, rows, more=False)


def _spooled(result: "QueryResult", form: Format, *, wrapped: bool) -> Spooled:
    with ExitStack() as stack:
        spool = stack.enter_context(_spool())
        _write_rows(result, form, spool, wrapped=wrapped)
        stack.pop_all()  # from here on, the answer closes it
    return Spooled(spool)


def _spool() -> "SpooledTemporaryFile[str]":
    return SpooledTemporaryFile(max_size=SPOOL_BYTES, mode="w+", encoding="utf-8", newline="")


def _written(result: "QueryResult", form: Format, path: Path) -> FileWritten:
    target = check_out(path)
    with atomic_write(target, shared=True) as temporary:
        if form is Format.PARQUET:
            rows = result.write_parquet(temporary)
        else:
            with temporary.open("w", encoding="utf-8", newline="") as handle:
                rows = _write_rows(result, form, handle, wrapped=False)
    return FileWritten(target, rows, result.columns)


def _write_rows(result: "QueryResult", form: Format, out: IO[str], *, wrapped: bool) -> int:
    """Write all rows; `wrapped` puts the columns beside them, as `--json` does."""
    names = [column.name for column in result.columns]
    if form is Format.CSV:
        return _write_csv(names, result.rows(), out)
    if wrapped:
        described = [{"name": column.name, "type": column.type} for column in result.columns]
        out.write(f'{{"columns": {json.dumps(described)}, "rows": ')
    count = _write_objects(names, result.rows(), out)
    out.write("}\n" if wrapped else "\n")
    return count


def _write_objects(names: list[str], rows: Iterable[tuple[Any, ...]], out: IO[str]) -> int:
    """Write rows as a JSON list of objects, one by one."""
    count = 0
    out.write("[")
    for row in rows:
        out.write(",\n" if count else "")
        out.write(
            json.dumps({name: to_json_value(value) for name, value in zip(names, row, strict=True)}, allow_nan=False)
        )
        count += 1
    out.write("]")
    return count


def _write_csv(names: list[str], rows: Iterable[tuple[Any, ...]], out: IO[str]) -> int:
    """Write rows as CSV with a header; nothing is an empty field, lists and structures are JSON."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    count = 0
    for row in rows:
        cells = [to_json_value(value) for value in row]
        writer.writerow([json.dumps(cell) if isinstance(cell, (bool, list, dict)) else cell for cell in cells])
        count += 1
    return count
