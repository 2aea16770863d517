"""Reader of untrusted Parquet: the footer is checked before anything is read, and reading has a memory limit.

The footer may claim any number of rows and bytes, and a page may misstate its size where the footer does not. So the
footer must be consistent with the file, and DuckDB reads under a limit.
"""

import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs] - it has none; what is used is typed in _Footer
import pyarrow.parquet as pq  # pyright: ignore[reportMissingTypeStubs] - as above

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.warehouse.interrupts import interruptible

MAX_BYTES = 512 * 2**20
MAX_ROWS = 5_000_000
PARQUET_MAGIC = b"PAR1"
_MEMORY = "1GB"
_arrow: Any = pa
_arrow_parquet: Any = pq
_ARROW_ERRORS: tuple[type[Exception], ...] = (OSError, UnicodeDecodeError, _arrow.ArrowException)


@dataclass(frozen=True, kw_only=True)
class _Footer:
    """The footer of a Parquet file; `smallest` is the smallest of its counts, negative where the footer is wrong."""

    names: list[str]
    rows: int
    unpacked_bytes: int
    packed_bytes: int
    smallest: int


def parquet_frame(content: bytes, name: str, wanted: Collection[str]) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the wanted columns of a Parquet file.

    Args:
        content: the file.
        name: name that is reported.
        wanted: columns that are read if they are there.

    Returns:
        The frame, and the names of the columns that were not read.

    Raises:
        DataRefusedError: truncated, broken, or claiming more than it can hold or we would read.
    """
    names = _checked_footer(content, name).names
    chosen = [column for column in names if column in wanted]
    others = tuple(column for column in names if column not in wanted)
    if not chosen:
        return pl.DataFrame(), others
    with tempfile.TemporaryDirectory() as folder:  # DuckDB reads files; the original may be compressed
        copy = Path(folder) / "copy.parquet"
        copy.write_bytes(content)
        try:
            with (
                interruptible(),
                duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": ""}) as connection,
            ):
                connection.execute("SET TimeZone = 'UTC'")
                relation = connection.from_parquet(str(copy), hive_partitioning=False)
                frame = relation.select(*(duckdb.ColumnExpression(column) for column in chosen)).pl()
        except duckdb.Error as error:
            reason = " ".join(str(error).split()).replace(str(copy), name)[:160]
            raise DataRefusedError(f"{name} is broken Parquet: {reason}", "copy or export the file again") from error
    return frame, others


def _checked_footer(content: bytes, name: str) -> _Footer:
    """Return the footer, checked against the limits and the size of the file.

    Raises:
        DataRefusedError: the footer is broken, exceeds the limits or contradicts the file.
    """
    if not (content.startswith(PARQUET_MAGIC) and content.endswith(PARQUET_MAGIC)):
        raise DataRefusedError(f"{name} is not Parquet, or was cut off while it was copied", "copy or export it again")
    try:
        footer = _footer(content)
    except _ARROW_ERRORS as error:
        reason = " ".join(str(error).split())[:120]
        raise DataRefusedError(f"{name} is broken Parquet: {reason}", "copy or export the file again") from error
    if footer.rows > MAX_ROWS or footer.unpacked_bytes > MAX_BYTES:
        claim = f"{footer.rows} rows and {footer.unpacked_bytes / 2**20:.0f} MiB"
        limit = f"{MAX_ROWS} rows and {MAX_BYTES // 2**20} MiB"
        raise DataRefusedError(f"{name} claims {claim}; at most {limit} are read", "split the file by year")
    if footer.smallest < 0 or footer.packed_bytes > len(content):
        size = f"its size of {len(content)} bytes"
        raise DataRefusedError(f"{name}: its Parquet footer contradicts {size}", "copy or export the file again")
    return footer


def _footer(content: bytes) -> _Footer:
    """Read the footer; the limits keep a wrong one from allocating memory."""
    reader = _arrow_parquet.ParquetFile(
        _arrow.BufferReader(content), thrift_string_size_limit=16 * 2**20, thrift_container_size_limit=100_000
    )
    metadata = reader.metadata
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    chunks = [group.column(index) for group in groups for index in range(metadata.num_columns)]
    unpacked = [int(chunk.total_uncompressed_size) for chunk in chunks]
    packed = [int(chunk.total_compressed_size) for chunk in chunks]
    rows = [int(group.num_rows) for group in groups]
    return _Footer(
        names=[str(column) for column in metadata.schema.to_arrow_schema().names],
        rows=max(int(metadata.num_rows), sum(rows)),
        unpacked_bytes=sum(unpacked),
        packed_bytes=sum(packed),
        smallest=min([int(metadata.num_rows), *rows, *unpacked, *packed]),
    )
