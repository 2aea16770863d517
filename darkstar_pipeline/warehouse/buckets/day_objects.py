"""Content of an object of the lake: rows of many homes of one day, and the names of the homes whose day is done.

What does not belong here: where objects are (`object_names`), how they are read and replaced (`object_store`).
"""

import json
from collections.abc import Callable, Collection, Sequence

import polars as pl

from darkstar_pipeline.warehouse.checksums import check, check_end, parquet_bytes
from darkstar_pipeline.warehouse.day_files import UNREADABLE, decoded
from darkstar_pipeline.warehouse.lake import REPAIR, LakeUnreadableError, typed_rows
from darkstar_pipeline.warehouse.schemas import Table

ROW_GROUP = 10_000
"""Rows of a row group, about a hundred homes: one home of a thousand is found in 2 ms instead of 15, for a fifth more
bytes; groups of ten homes find it in 1 ms and double the bytes (ADR 0060)."""
_TAIL = 32_768
"""Bytes at an object's end that hold its footer, as a rule [B]."""
_SITES_DONE = "darkstar.sites"
_UNREADABLE = (*UNREADABLE, ValueError)  # of JSON


def encoded(rows: pl.DataFrame, done: Sequence[str]) -> bytes:
    """Return an object's bytes, the same for the same rows and homes.

    Args:
        rows: rows of one day, by home and key.
        done: homes whose day is done, with or without rows.
    """
    metadata = {_SITES_DONE: json.dumps(list(done), separators=(",", ":"))}
    return parquet_bytes(rows, row_group_size=ROW_GROUP, metadata=metadata)


def rows_of(table: Table, name: str, data: bytes, sites: Collection[str] | None = None) -> pl.DataFrame:
    """Return an object's rows in declared columns and types.

    Args:
        table: their table.
        name: the object, for an error.
        data: its bytes.
        sites: homes whose rows are wanted, for which the groups of others are not decoded; None for all.

    Raises:
        LakeUnreadableError: the object is damaged, or does not fit its table.
    """
    try:
        if sites is None:
            return typed_rows(table, decoded([data]))
        check(data)
        own = pl.scan_parquet(data, hive_partitioning=False).filter(pl.col("site").is_in(list(sites)))
        return typed_rows(table, own.collect())
    except _UNREADABLE as error:
        raise _unreadable(name, error, table.name) from error


def sites_done(name: str, tail: Callable[[int], bytes | None]) -> list[str]:
    """Return the homes whose day an object says is done; none where it is not there.

    Args:
        name: the object, for an error.
        tail: given a number of bytes, returns so many from the object's end, of one version, or None.

    Raises:
        LakeUnreadableError: the object is damaged.
    """
    size, end = 0, tail(_TAIL)
    while end is not None and size < (needed := int.from_bytes(end[-8:-4], "little") + 8) and needed > len(end):
        size, end = needed, tail(needed)
    try:
        if end is None:
            return []
        check_end(end)
        return json.loads(pl.read_parquet_metadata(end).get(_SITES_DONE, "[]"))
    except _UNREADABLE as error:
        raise _unreadable(name, error, "") from error


def _unreadable(name: str, error: BaseException, table: str) -> LakeUnreadableError:
    message = f"an object of the lake cannot be read: {name}: {' '.join(str(error).split())}"
    return LakeUnreadableError(
        message,
        f"`{REPAIR}` sets it aside; then backfill its day again, or import its readings or prices",
        table=table,
    )
