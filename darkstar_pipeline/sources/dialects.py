"""Dialects of tables: encodings, a named separator, decimal commas, and names in capitals.

Only what a file itself shows is read; a number that two countries read differently (`1,234`) stays as it is and is
refused by its row.
"""

import codecs
import re
from collections.abc import Collection

import polars as pl

_BYTE_ORDER = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_NAMED_SEPARATOR = re.compile(r"\ufeff?sep=(.)\r?\n", re.IGNORECASE)
_DECIMAL_COMMA = r"^\s*([-\u2212]?\d*),(\d+(?:[eE][+-]?\d+)?)\s*$"
_GROUPED = r"^\s*[-\u2212]?\d{1,3}(?:[.\u00a0\u202f]\d{3})+,\d+\s*$"
"""A number with points or narrow spaces between its thousands and a decimal comma."""
_THOUSANDS = r"^[-\u2212]?[1-9]\d{0,2}(?:,\d{3})+$"
SEPARATORS = ",;\t|"


def text_of(content: bytes) -> str | None:
    """Return the content as text: UTF-8, UTF-16 with its mark, or Windows-1252; None where it is no text."""
    marked = next((name for mark, name in _BYTE_ORDER.items() if content.startswith(mark)), "utf-8")
    for encoding in (marked, "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if _CONTROL.search(text) else text
    return None


def table_of(text: str) -> tuple[str, str]:
    """Return the text of a table without the line that names its separator (`sep=;`), and the separator."""
    named = _NAMED_SEPARATOR.match(text)
    if named is not None:
        return text[named.end() :], named[1]
    first = text.lstrip().split("\n", 1)[0]
    return text, max(SEPARATORS, key=first.count)


def with_decimal_points(frame: pl.DataFrame, separator: str) -> pl.DataFrame:
    """Turn decimal commas into points.

    Where the comma also separates fields, a column is turned only if one of its numbers cannot be one with thousands.

    Args:
        frame: columns of text.
        separator: what separates the fields.
    """
    changed = [
        pl.when(pl.col(name).str.contains(_GROUPED))
        .then(pl.col(name).str.replace_all("[.\u00a0\u202f]", ""))
        .otherwise(pl.col(name))
        .str.replace(_DECIMAL_COMMA, "$1.$2")
        .str.replace("^\u2212", "-")
        .alias(name)
        for name in frame.columns
        if _has_decimal_commas(frame[name], separator)
    ]
    return frame.with_columns(changed)


def _has_decimal_commas(column: pl.Series, separator: str) -> bool:
    commas = column.filter(column.str.contains(",", literal=True).fill_null(value=False))
    if commas.is_empty():
        return False
    return separator != "," or not bool(commas.str.contains(_THOUSANDS).all())


def with_known_names(frame: pl.DataFrame, wanted: Collection[str]) -> pl.DataFrame:
    """Return the frame with those names in small letters that are wanted and differ in capitals only."""
    small = {name: name.strip().lower() for name in frame.columns}
    renamed = {old: new for old, new in small.items() if old != new and new in wanted and new not in frame.columns}
    return frame.rename(renamed) if len(set(renamed.values())) == len(renamed) else frame
