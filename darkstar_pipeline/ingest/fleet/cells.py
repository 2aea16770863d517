"""Cells of a file of homes turned into the types of their columns; those that cannot be are faults."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.fleet.columns import HOME_COLUMNS, HOMES_SCHEMA, SITE
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.ingest.fleet.faults import FAULTS_SCHEMA, no_faults
from darkstar_pipeline.sources.files import read_table
from planner.wording.columns import worded

ROW = "_row"
_ALIASES = {".".join(column.place): column.name for column in HOME_COLUMNS.values()}
_LIKENESS = 0.8
LONGEST_CELL, _SHOWN, _MOST_COLUMNS = 256, 24, 12
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


def read_homes_file(file: Path) -> tuple[pl.DataFrame, tuple[str, ...], tuple[str, ...]]:
    """Return the rows of a file of homes as they stand there, with the names of its columns and of those not used.

    Raises:
        ConfigurationError: the file is not there or cannot be read.
        DataRefusedError: it has no column `site`, one twice, or one whose name is nearly that of another.
    """
    raw, others = read_table(file, {*HOMES_SCHEMA, *_ALIASES})
    named = [_ALIASES.get(name, name) for name in raw.columns]
    if SITE not in named:
        present = named_columns([*raw.columns, *others]) or "none"
        raise DataRefusedError(
            f"{file.name} has no column {SITE}; it has {present}", "give every home a name of its own"
        )
    if doubled := sorted({name for name in named if named.count(name) > 1}):
        raise DataRefusedError(f"{file.name} has {doubled[0]} in two columns", "keep one of them")
    _refuse_misspelt(file.name, others, named)
    renamed = raw.rename(dict(zip(raw.columns, named, strict=True)))
    return renamed.with_row_index(ROW, offset=1).cast({ROW: pl.Int64}), tuple(named), others


def named_columns(names: Sequence[str]) -> str:
    """Return the first of some columns in words, as much of each as fits."""
    shown = [name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…" for name in names[:_MOST_COLUMNS]]
    more = len(names) - _MOST_COLUMNS
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _refuse_misspelt(file: str, others: Sequence[str], named: Sequence[str]) -> None:
    """Refuse columns that were probably meant to be others: their homes would get defaults in silence."""
    free = [name for name in HOMES_SCHEMA if name not in named]
    for name in others:
        if close := get_close_matches(name.strip().lower(), free, n=1, cutoff=_LIKENESS):
            raise DataRefusedError(f"{file}: column {name} is not known", f"did you mean {close[0]}?")


def typed_cells(raw: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows with cells of their columns' types, and the faults; a cell at fault is null.

    Args:
        raw: see `read_homes_file`.
    """
    wanted = {name: HOMES_SCHEMA[name] for name in raw.columns if name != ROW}
    typed = raw.select(
        ROW, *(_typed(pl.col(name), raw.schema[name], dtype).alias(name) for name, dtype in wanted.items())
    )
    faults = [_unread(raw, typed, name, dtype) for name, dtype in wanted.items()]
    return typed, pl.concat([no_faults(), *faults])


def _typed(cells: pl.Expr, have: pl.DataType, want: pl.DataType) -> pl.Expr:
    """Return cells in another type; null where that cannot be, or where nothing stands there."""
    if have == want and want != pl.String():
        return cells.fill_nan(None) if want == pl.Float64() else cells
    if want == pl.Float64() and have.is_numeric():
        return cells.cast(pl.Float64)
    text = _text(cells)
    if want == pl.String():
        return pl.when(text.str.len_chars() <= LONGEST_CELL).then(text)
    if want == pl.Boolean():
        said = text.str.to_lowercase()
        return pl.when(said.is_in(_TRUE)).then(pl.lit(value=True)).when(said.is_in(_FALSE)).then(pl.lit(value=False))
    if want == pl.Date():
        return text.str.to_date("%Y-%m-%d", strict=False)
    number = text.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number).otherwise(None)


def _text(cells: pl.Expr) -> pl.Expr:
    """Return cells as text without blanks around it; null where nothing is left."""
    text = cells.cast(pl.String, strict=False).str.strip_chars()
    return pl.when(text != "").then(text).otherwise(None)


_REASONS: dict[pl.DataType, str] = {
    pl.Float64(): "is no number",
    pl.Boolean(): "is neither true nor false",
    pl.Date(): "is no day: write it as 2026-01-31",
}


def _unread(raw: pl.DataFrame, typed: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.DataFrame:
    """Return the faults of a column whose cells hold something that is none of its type."""
    text = raw.select(_text(pl.col(name)))[name]
    wrong = typed[name].is_null() & text.is_not_null()
    if not wrong.any():
        return no_faults()
    column = HOME_COLUMNS.get(name)
    meaning = f" ({column.description})" if column is not None and column.description else ""
    found = raw.select(ROW).with_columns(text.alias("value")).filter(wrong)
    value, length = pl.col("value"), pl.col("value").str.len_chars()
    long = f"'{{}}…' has {{}} characters, of which a cell has at most {LONGEST_CELL}{meaning}"
    reason = (
        pl.when(length > LONGEST_CELL)
        .then(worded(long, value.str.head(_SHOWN), length))
        .otherwise(worded(f"'{{}}' {_REASONS.get(dtype, 'is no text')}{meaning}", value))
    )
    return found.select(
        pl.col(ROW).alias("row"), pl.lit(name).alias("column"), value.str.head(LONGEST_CELL), reason.alias("reason")
    ).cast(dict(FAULTS_SCHEMA))  # pyright: ignore[reportArgumentType]
