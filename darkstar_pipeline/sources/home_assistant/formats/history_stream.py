"""A history download read piece by piece, so that its size costs time and not memory.

Only what every piece shows alike is read here: UTF-8, a header, decimal points. Anything else is left to the reader of
whole files, and so are the refusals.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path

import polars as pl

from darkstar_pipeline.sources.dialects import has_signs, table_of, utf8_of
from darkstar_pipeline.sources.files import pieces, refuse_too_many_rows
from darkstar_pipeline.sources.home_assistant.formats.states import States, StatesBuilder

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
STAMPS = ("last_changed", "last_updated")


class _OtherDialectError(Exception):
    """The file has to be read whole."""


def stream_history(file: Path) -> States | None:
    """Return the states of a history CSV with a header; None where the file is another, or has to be read whole.

    Raises:
        ConfigurationError: the file is not there or cannot be read.
        DataRefusedError: it is empty, too large or broken gzip.
    """
    with closing(pieces(file)) as stream:
        start = next(stream, b"").removeprefix(_BYTE_ORDER_MARK)
        header, newline, rest = start.partition(b"\n")
        try:
            names = _names(header)
            if not newline or names is None:
                return None
            builder = StatesBuilder()
            for rows in _whole_rows(chain([rest], stream)):
                builder.add(_texts(header + newline + rows, names))
                refuse_too_many_rows(builder.rows, file.name)
        except _OtherDialectError:
            return None
    return builder.states(file.name) if builder.rows else None


def _names(header: bytes) -> list[str] | None:
    """The column names of a history; None where the first line has others."""
    text = utf8_of(header)
    if text is None:
        return None
    line, separator = table_of(text)
    names = [name.strip().strip('"').strip() for name in line.split(separator)]
    return names if {"entity_id", "state"} <= set(names) and set(STAMPS) & set(names) else None


def _whole_rows(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut blocks where rows end; a line break in quotes ends none."""
    carried = b""
    for block in blocks:
        end = block.rfind(b"\n") + 1
        rows = carried + block[:end]
        carried = carried + block if not end else block[end:]
        if end:
            if rows.count(b'"') % 2:
                raise _OtherDialectError
            yield rows
    if carried.strip():
        yield carried.rstrip()


def _texts(table: bytes, names: list[str]) -> pl.DataFrame:
    """A piece as `[entity, state, stamp]` of text."""
    text = utf8_of(table)
    if text is None:
        raise _OtherDialectError
    separator = table_of(text[: text.index("\n")])[1]
    try:
        frame = pl.read_csv(table, separator=separator, new_columns=names, infer_schema=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _OtherDialectError from error
    stamp = next(name for name in STAMPS if name in names)
    texts = frame.select(entity="entity_id", state="state", stamp=stamp)
    if has_signs(texts["state"]):
        raise _OtherDialectError
    return texts
