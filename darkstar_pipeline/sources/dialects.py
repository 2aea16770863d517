"""Dialects of tables: encodings, a named separator, decimal commas, and names in capitals.

Only what a file itself shows is read; a number that two countries read differently (`1,234`) is refused by its row.
"""

import codecs
import re
from collections.abc import Collection

import polars as pl

_BYTE_ORDER = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_CONTROL = bytes([*range(0x09), *range(0x0E, 0x20)])
_NAMED_SEPARATOR = re.compile(r"\ufeff?sep=(.)\r?\n", re.IGNORECASE)
_MINUS = "\u2212"
_GROUP = " \u00a0\u2009\u202f'\u2019"
"""Blanks and apostrophes that separate thousands; they never separate decimals."""
_DECIMAL_COMMA = rf"^\s*([-{_MINUS}]?\d*),(\d+(?:[eE][+-]?\d+)?)\s*$"
_BLANK_GROUPS = rf"^\s*[-{_MINUS}]?\d{{1,3}}(?:[{_GROUP}]\d{{3}})+(?:[.,]\d+)?\s*$"
_POINT_GROUPS = rf"^\s*[-{_MINUS}]?\d{{1,3}}(?:\.\d{{3}})+,\d+\s*$"
_COMMA_GROUPS = rf"^\s*[-{_MINUS}]?\d{{1,3}}(?:,\d{{3}})+\.\d+\s*$"
"""Numbers whose thousands are told from their decimals, because both are there and differ."""
_DECIMAL_POINT = rf"^\s*[-{_MINUS}]?\d+\.(?:\d{{1,2}}|\d{{4,}})\s*$"
_EITHER_POINT = rf"^\s*[-{_MINUS}]?[1-9]\d{{0,2}}\.\d{{3}}\s*$"
_EITHER_COMMA = rf"^\s*[-{_MINUS}]?[1-9]\d{{0,2}},\d{{3}}\s*$"
_THOUSANDS = r"^[-\u2212]?[1-9]\d{0,2}(?:,\d{3})+$"
_WHOLE_OR_GROUPED = rf"^\s*(?:[-{_MINUS}]?(?:\d{{1,3}}|[1-9]\d{{0,2}}(?:\.\d{{3}})+))?\s*$"
_HUNDRED = 100.0
_SOME = 3
_DOUBT = " (thousands or decimals?)"
SEPARATORS = ",;\t|"


def text_of(content: bytes) -> str | None:
    """Return the content as text: UTF-8, UTF-16 with its mark, or Windows-1252; None where it is no text."""
    marked = next((name for mark, name in _BYTE_ORDER.items() if content.startswith(mark)), "utf-8")
    for encoding in (marked, "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        shown = content if marked != "utf-16" else text.encode()
        return None if len(shown.translate(None, _CONTROL)) != len(shown) else text
    return None


def utf8_of(content: bytes) -> str | None:
    """Return the content as text where it is UTF-8 without control characters, else None."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return text if len(content.translate(None, _CONTROL)) == len(content) else None


def table_of(text: str) -> tuple[str, str]:
    """Return the text of a table without the line that names its separator (`sep=;`), and the separator."""
    named = _NAMED_SEPARATOR.match(text)
    if named is not None:
        return text[named.end() :], named[1]
    first = text.lstrip().split("\n", 1)[0]
    return text, max(SEPARATORS, key=first.count)


def with_decimal_points(frame: pl.DataFrame, separator: str) -> pl.DataFrame:
    """Turn decimal commas into points, and take out what separates thousands.

    Where the comma also separates fields, a column is turned only if one of its numbers cannot be one with thousands.
    A number that the rest of its column leaves open (`1.234` beside `0,5`) becomes one that its row is refused for.

    Args:
        frame: columns of text.
        separator: what separates the fields.
    """
    changed = {name: _column(pl.col(name), frame[name], separator).alias(name) for name in frame.columns}
    mixed = {name for name in frame.columns if separator != "," and _changes_scale(frame[name])}
    doubted = [_doubted(pl.col(name)).alias(name) for name in mixed]
    return frame.with_columns(
        *(way for name, way in changed.items() if name not in mixed and has_signs(frame[name])), *doubted
    )


def _doubted(value: pl.Expr) -> pl.Expr:
    return pl.when(value.str.contains(_EITHER_POINT)).then(value + _DOUBT).otherwise(value)


def _changes_scale(texts: pl.Series) -> bool:
    """Return whether a column has hundreds, and thousands only as `1.234`: as decimals they would be far smaller."""
    if not _has(texts, _EITHER_POINT) or not texts.str.contains(_WHOLE_OR_GROUPED).all():
        return False
    size = texts.str.strip_chars().cast(pl.Float64, strict=False).abs()
    pointed = texts.str.contains(_EITHER_POINT).fill_null(value=False)
    hundreds = size.filter(~pointed & (size >= _HUNDRED))
    least = size.filter(pointed).min()
    return len(hundreds) >= _SOME and isinstance(least, float) and bool((hundreds > 10 * least).all())


def has_signs(texts: pl.Series) -> bool:
    """Return whether numbers of a column have commas or thousands, so that the whole of it tells what they mean."""
    return _has(texts, rf"\d[,{_GROUP}]\d")


def decimal_point(text: str) -> str:
    """Return one number with its decimal point, as `with_decimal_points` does.

    >>> [decimal_point(text) for text in ("0,25", "1 234,5", "1'234.5", "1.234,5", "n/a")]
    ['0.25', '1234.5', '1234.5', '1234.5', 'n/a']
    """
    if re.match(_BLANK_GROUPS, text):
        text = re.sub(f"[{_GROUP}]", "", text)
    elif re.match(_POINT_GROUPS, text):
        text = text.replace(".", "")
    elif re.match(_COMMA_GROUPS, text):
        text = text.replace(",", "")
    return re.sub(_DECIMAL_COMMA, r"\1.\2", text.strip()).replace(_MINUS, "-")


def _column(value: pl.Expr, texts: pl.Series, separator: str) -> pl.Expr:
    """Return the numbers of a column with decimal points."""
    bare = value.str.replace_all(f"[{_GROUP}]", "")
    read = (
        pl.when(value.str.contains(_BLANK_GROUPS))
        .then(bare.str.replace(",", ".", literal=True))
        .when(value.str.contains(_POINT_GROUPS))
        .then(value.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True))
        .when(value.str.contains(_COMMA_GROUPS))
        .then(value.str.replace_all(",", "", literal=True))
    )
    if _has_decimal_commas(texts, separator):
        read = read.when(_doubtful(value, texts)).then(value + _DOUBT)
        return read.otherwise(value.str.replace(_DECIMAL_COMMA, "$1.$2")).str.replace(f"^{_MINUS}", "-")
    return read.otherwise(value)


def _doubtful(value: pl.Expr, texts: pl.Series) -> pl.Expr:
    """Return which numbers of a column may have thousands or decimals, where others have the other sign."""
    commas, points = _has(texts, _DECIMAL_COMMA), _has(texts, f"{_DECIMAL_POINT}|{_COMMA_GROUPS}")
    open_points = value.str.contains(_EITHER_POINT) if commas else pl.lit(value=False)
    return open_points | (value.str.contains(_EITHER_COMMA) if points else pl.lit(value=False))


def _has(texts: pl.Series, pattern: str) -> bool:
    return bool(texts.str.contains(pattern).any())


def _has_decimal_commas(column: pl.Series, separator: str) -> bool:
    commas = column.filter(column.str.contains(",", literal=True).fill_null(value=False))
    if commas.is_empty():
        return False
    return separator != "," or not bool((commas.str.contains(_THOUSANDS) | commas.str.contains(_COMMA_GROUPS)).all())


def with_known_names(frame: pl.DataFrame, wanted: Collection[str]) -> pl.DataFrame:
    """Return the frame with those names in small letters that are wanted and differ in capitals only."""
    small = {name: name.strip().lower() for name in frame.columns}
    renamed = {old: new for old, new in small.items() if old != new and new in wanted and new not in frame.columns}
    return frame.rename(renamed) if len(set(renamed.values())) == len(renamed) else frame
