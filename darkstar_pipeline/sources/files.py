"""Opening of files that a person imports: checks that a file exists, what it is, and that it is safe to read.

CSV stays text here, so that a bad value is refused with its row and not by the parser.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Collection, Generator
from pathlib import Path

import polars as pl

from darkstar_pipeline.errors import ConfigurationError, DataRefusedError
from darkstar_pipeline.sources.dialects import table_of, text_of, with_decimal_points, with_known_names
from darkstar_pipeline.sources.parquet import MAX_BYTES, MAX_ROWS, PARQUET_MAGIC, parquet_frame
from darkstar_pipeline.sources.unread_formats import refuse_unread, refuse_unread_binary

_PIECE = 4 * 2**20
_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_SUFFIXES, _CSV_SUFFIXES = (".parquet", ".pq"), (".csv", ".txt")


def read_bytes(file: Path) -> bytes:
    """Return the content of a file, unpacked if it is gzip (recognised by its content, whatever its name).

    Raises:
        ConfigurationError: there is no such file, it is a folder, or it may not be read.
        DataRefusedError: it is empty, larger than 512 MiB unpacked, or broken gzip.
    """
    content = b"".join(pieces(file))
    if not content.strip():
        raise DataRefusedError(f"{file.name} is empty", "export it again")
    return content


def pieces(file: Path) -> Generator[bytes]:
    """Yield the content of a file as `read_bytes` returns it, some megabytes at a time; of an empty one nothing.

    Raises:
        ConfigurationError: see `read_bytes`.
        DataRefusedError: it is larger than 512 MiB unpacked, or broken gzip.
    """
    if not file.exists():
        raise ConfigurationError(f"{file}: no such file", "check the path")
    if not file.is_file():
        raise ConfigurationError(f"{file} is a folder, not a file", "name the files in it")
    try:
        with file.open("rb") as handle:
            packed = handle.read(2) == _GZIP_MAGIC
        with gzip.open(file) if packed else file.open("rb") as stream:
            yield from _limited(stream, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataRefusedError(f"{file.name}: broken gzip: {error}", "copy or export the file again") from error
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}", "check its permissions") from error


def _limited(stream: io.BufferedIOBase, file: Path) -> Generator[bytes]:
    """Read on until the end or the limit; a gzip of zeros must not fill the memory."""
    size = 0
    while part := stream.read(_PIECE):
        size += len(part)
        if size > MAX_BYTES:
            limit = MAX_BYTES // 2**20
            raise DataRefusedError(f"{file.name} is larger than {limit} MiB unpacked", "split the file by year")
        yield part


def decode(content: bytes, name: str) -> str:
    """Return the content as text.

    Raises:
        DataRefusedError: it is no text (UTF-8, UTF-16 with its mark, or Windows-1252).
    """
    if content.startswith(PARQUET_MAGIC):
        raise DataRefusedError(f"{name} is a Parquet file by its content, not text", "rename it to end in .parquet")
    refuse_unread_binary(content, name)
    text = text_of(content)
    if text is None:
        what = (
            "binary, not text: it holds control characters"
            if content.isascii()
            else "not text: neither UTF-8, UTF-16 nor Windows-1252"
        )
        raise DataRefusedError(f"{name} is {what}", "save it as CSV in UTF-8, or as Parquet")
    return text


def read_table(file: Path, wanted: Collection[str]) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the wanted columns of a tidy file, in the order of its rows.

    Args:
        file: `.parquet` or `.csv`, either also with `.gz`.
        wanted: names that are read if they are there.

    Returns:
        The frame (CSV: every column text), and the names of the columns that were not read.

    Raises:
        ConfigurationError: see `read_bytes`.
        DataRefusedError: unknown kind, broken, too large, or without rows.
    """
    suffixes = [suffix.lower() for suffix in file.suffixes if suffix.lower() != ".gz"]
    kind = suffixes[-1] if suffixes else ""
    content = read_bytes(file)
    if kind in _PARQUET_SUFFIXES:
        frame, others = parquet_frame(content, file.name, wanted)
    elif kind in _CSV_SUFFIXES:
        text = decode(content, file.name)
        table = with_known_names(csv_frame(text, file.name), wanted)
        if not set(table.columns) & set(wanted):
            refuse_unread(text, file.name)
        others = tuple(name for name in table.columns if name not in wanted)
        frame = table.drop(others)
    else:
        refuse_unread_binary(content, file.name)
        refuse_unread(text_of(content) or "", file.name)
        raise DataRefusedError(
            f"{file.name}: files ending in {kind or 'nothing'!r} are not read",
            "use .parquet or .csv; exports of Home Assistant go to `darkstar import ha`",
        )
    if frame.is_empty() and frame.width:
        raise DataRefusedError(f"{file.name} has column names but no rows", "export it again")
    return frame, others


def csv_frame(text: str, name: str, *, header: tuple[str, ...] | None = None) -> pl.DataFrame:
    """Return CSV as a frame of strings; an empty field is null.

    Args:
        text: the file.
        name: name that is reported.
        header: column names where the file has no header row.

    Raises:
        DataRefusedError: a row has more fields than the header, or it is no CSV at all.
    """
    table, separator = table_of(text)
    try:
        frame = pl.read_csv(
            io.BytesIO(table.encode()),
            has_header=header is None,
            new_columns=None if header is None else list(header),
            separator=separator,
            infer_schema=False,
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = _csv_fault(table, separator) or " ".join(str(error).split())[:120]
        raise DataRefusedError(f"{name} is not valid CSV: {reason}", "fix that row or export the file again") from error
    refuse_too_many_rows(frame.height, name)
    return with_decimal_points(frame.rename(lambda column: column.strip()), separator)


def refuse_too_many_rows(rows: int, name: str) -> None:
    """Refuse a table with more rows than are read.

    Raises:
        DataRefusedError: naming both numbers.
    """
    if rows > MAX_ROWS:
        raise DataRefusedError(f"{name} has {rows} rows; at most {MAX_ROWS} are read", "split the file by year")


def _csv_fault(text: str, separator: str) -> str:
    """Return the first row of a CSV that has more fields than its header, in words; empty if there is none."""
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        width = len(next(reader))
        for number, fields in enumerate(reader, start=1):
            if len(fields) > width:
                return f"row {number} has {len(fields)} fields, the header has {width}"
    except csv.Error as error:
        return str(error)
    return ""
