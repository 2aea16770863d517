"""What an object of the lake holds: rows of many homes of one day, and the names of the homes whose day is done.

What does not belong here: where objects are (`object_names`), how they are read and replaced (`object_store`).
"""

import io
import json
from collections.abc import Sequence

import polars as pl

from darkstar_pipeline.warehouse.day_files import decoded
from darkstar_pipeline.warehouse.lake import LakeUnreadableError, typed_rows
from darkstar_pipeline.warehouse.schemas import Table

ROW_GROUP = 20_000
"""Rows of a row group."""
_SITES_DONE = "darkstar.sites"
_UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError)


def encoded(rows: pl.DataFrame, done: Sequence[str]) -> bytes:
    """Return an object's bytes, the same for the same rows and homes.

    Args:
        rows: rows of one day, by home and key.
        done: homes whose day is done, with or without rows.
    """
    file = io.BytesIO()
    metadata = {_SITES_DONE: json.dumps(list(done), separators=(",", ":"))}
    rows.write_parquet(file, compression="zstd", row_group_size=ROW_GROUP, metadata=metadata)
    return file.getvalue()


def rows_of(table: Table, name: str, data: bytes) -> pl.DataFrame:
    """Return an object's rows in declared columns and types.

    Args:
        table: their table.
        name: the object, for an error.
        data: its bytes.

    Raises:
        LakeUnreadableError: the object is damaged, or does not fit its table.
    """
    try:
        return typed_rows(table, decoded([data]))
    except _UNREADABLE as error:
        raise _unreadable(name, error, table.name) from error


def sites_done(name: str, data: bytes) -> list[str]:
    """Return the homes whose day an object says is done.

    Raises:
        LakeUnreadableError: the object is damaged.
    """
    try:
        return json.loads(pl.read_parquet_metadata(data).get(_SITES_DONE, "[]"))
    except _UNREADABLE as error:
        raise _unreadable(name, error, "") from error


def _unreadable(name: str, error: BaseException, table: str) -> LakeUnreadableError:
    message = f"an object of the lake cannot be read: {name}: {' '.join(str(error).split())}"
    return LakeUnreadableError(message, "delete it and backfill its day again", table=table)
