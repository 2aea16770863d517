"""Cells of a file of homes that are refused: row, column, value and reason."""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl
from pydantic import ValidationError

from darkstar_pipeline.config.fleet.columns import CLASS_KINDS, HOME_COLUMNS
from darkstar_pipeline.config.validation import placed_errors, plain_message

MOST_SHOWN = 8
"""Faults that an error names; all of them are in the quarantine file."""
FAULTS_SCHEMA = pl.Schema({"row": pl.Int64(), "column": pl.String(), "value": pl.String(), "reason": pl.String()})
_COLUMN_AT = {column.place: column.name for column in HOME_COLUMNS.values()}


def no_faults() -> pl.DataFrame:
    """Return an empty frame of faults."""
    return pl.DataFrame(schema=FAULTS_SCHEMA)


def faults_of(error: ValidationError, row: int, cells: Mapping[str, Any], *, below: str = "") -> list[dict[str, Any]]:
    """Return the faults of a row whose settings are wrong, each at its column where it has one.

    Args:
        error: as pydantic raised it.
        row: number of the row.
        cells: its cells by column.
        below: section of a site that was validated by itself.
    """
    return [
        fault(row, cells, place, _words(place, plain_message(item), told=item["type"] != "value_error"))
        for item in placed_errors(error)
        for place in [(below, *item["loc"]) if below else item["loc"]]
    ]


def fault(row: int, cells: Mapping[str, Any], place: tuple[int | str, ...], reason: str) -> dict[str, Any]:
    """Return a fault at a setting's place."""
    column = _column_at(place)
    value = None if column is None else cells.get(column)
    return {"row": row, "column": column, "value": None if value is None else str(value), "reason": reason}


def sentence(fault: Mapping[str, Any]) -> str:
    """Return a fault in words."""
    place = f"row {fault['row']}" if fault["column"] is None else f"row {fault['row']}, {fault['column']}"
    return f"{place}: {fault['reason']}"


def sentences(faults: Iterable[Mapping[str, Any]]) -> str:
    """Return faults in words, in one line."""
    return "; ".join(sentence(each) for each in faults)


def _column_at(place: tuple[int | str, ...]) -> str | None:
    """Return the column of a setting; its key path where no column is its, None for the row as a whole."""
    head = place[:1]
    for kind in CLASS_KINDS:
        if head == (kind,):
            return kind
    if (name := _COLUMN_AT.get(tuple(map(str, place)))) is not None:
        return name
    return ".".join(str(part) for part in place) or None


def _words(place: tuple[int | str, ...], message: str, *, told: bool) -> str:
    """Return a message with the place inside a class, and what its column means."""
    inside = ".".join(str(part) for part in place[1:]) if place[:1] and place[0] in CLASS_KINDS else ""
    column = HOME_COLUMNS.get(_column_at(place) or "")
    meaning = f" ({column.description})" if told and column is not None and column.description else ""
    return f"{inside}: {message}{meaning}" if inside else f"{message}{meaning}"
