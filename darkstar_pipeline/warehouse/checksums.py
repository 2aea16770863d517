"""Checksums of Parquet files, kept in their own footer: one of the pages, one of the footer; any reader reads them.

Without them half of the bits that flip give other rows, and some end the process. Polars neither writes nor reads the
checksums that Parquet has for pages, which leave the footer out; so a file is checked before it is decoded (ADR 0071).
What does not belong here: where files are.
"""

import io
import re
from collections.abc import Mapping
from typing import Literal
from zlib import crc32

import polars as pl

_KEY, _DIGITS = "darkstar.crc32", 16
_NONE = b"0" * _DIGITS
_ROOM = _KEY.encode() + b"\x18\x10" + _NONE  # as Thrift's compact protocol writes key and value
_STORED = re.compile(re.escape(_ROOM[:-_DIGITS]) + rb"([0-9a-f]{16})")
_MAGIC, _END = b"PAR1", 8


class ChecksumError(ValueError):
    """Bytes are not those that were written."""


def parquet_bytes(
    rows: pl.DataFrame,
    *,
    compression: Literal["zstd", "lz4"] = "zstd",
    row_group_size: int | None = None,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """Return a Parquet file with its checksums, the same for the same arguments.

    Args:
        rows: its rows.
        compression: of its pages.
        row_group_size: most rows of a group; None for as many as Polars takes.
        metadata: what else its footer says.
    """
    file = io.BytesIO()
    said = {**(metadata or {}), _KEY: _NONE.decode()}
    rows.write_parquet(file, compression=compression, row_group_size=row_group_size, metadata=said)
    data = file.getvalue()
    start = _footer_start(data)
    place = data.index(_ROOM, start) + len(_ROOM) - _DIGITS
    return data[:place] + _checksums(data, start, place) + data[place + _DIGITS :]


def check(data: bytes) -> None:
    """Refuse a Parquet file that is not what was written; one of an earlier release, without checksums, passes.

    Args:
        data: the whole file.

    Raises:
        ChecksumError: it is damaged.
    """
    _check(data, slice(None))


def check_end(data: bytes) -> None:
    """Refuse the end of a Parquet file whose footer is not what was written; see `check`.

    Args:
        data: so many bytes of its end that the footer is among them.

    Raises:
        ChecksumError: the footer is damaged.
    """
    _check(data, slice(_DIGITS // 2, None))


def _check(data: bytes, part: slice) -> None:
    start = _footer_start(data)
    found = _STORED.search(data, start)
    if found is None:
        pages = b"%08x" % crc32(memoryview(data)[:start])
        if _KEY.encode() in data[start:] or pages in data[start:]:  # a checksum whose digits or name were damaged
            message = "its checksum is damaged"
            raise ChecksumError(message)
        return
    if _checksums(data, start, found.start(1))[part] != found[1][part]:
        message = "its checksum is not that of its bytes: it was damaged after it was written"
        raise ChecksumError(message)


def _footer_start(data: bytes) -> int:
    """Return where the footer begins, its length and mark included."""
    start = len(data) - _END - int.from_bytes(data[-_END:-4], "little")
    if len(data) <= _END or data[-4:] != _MAGIC or start < 0:
        message = "it is no Parquet file, or its end is missing"
        raise ChecksumError(message)
    return start


def _checksums(data: bytes, start: int, digits: int) -> bytes:
    """Return the checksums of the pages and of the footer, the latter with zeros in their own place."""
    view = memoryview(data)
    footer = crc32(view[digits + _DIGITS :], crc32(_NONE, crc32(view[start:digits])))
    return b"%08x%08x" % (crc32(view[:start]), footer)
