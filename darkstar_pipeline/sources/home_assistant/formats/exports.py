"""Home Assistant exports, distinguished by their content, as states or hourly statistics of sensors. No meaning yet.

Known: history CSV with and without header, `/api/history/period` JSON, long-term statistics as CSV (a row or a column
per sensor) and as JSON of `recorder/statistics_during_period`, and every list of prices (`sources.price_lists`).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import polars as pl
import yaml

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.files import csv_frame, decode, read_bytes
from darkstar_pipeline.sources.home_assistant.formats.history_stream import STAMPS, stream_history
from darkstar_pipeline.sources.home_assistant.formats.states import TEXTS, States, StatesBuilder
from darkstar_pipeline.sources.home_assistant.formats.statistics_layouts import (
    HourlyStatistics,
    statistics_of_lists,
    statistics_of_table,
)
from darkstar_pipeline.sources.home_assistant.sensor_names import usual_unit
from darkstar_pipeline.sources.meter_exports import format_of
from darkstar_pipeline.sources.price_lists.price_list import PriceOffer
from darkstar_pipeline.sources.price_lists.recognition import offer_of_document, offer_of_table
from darkstar_pipeline.sources.unread_formats import refuse_unread, unread_document, unread_format_of

MAX_JSON_BYTES = 128 * 2**20
MAX_YAML_BYTES = 8 * 2**20
"""YAML is parsed at about a megabyte a second."""
_HISTORY = ("entity_id", "state", "last_changed")
_ENTITY_ROW = re.compile(r'^"?[a-z_]+\.[A-Za-z0-9_]+"?,')
_SCALES: tuple[dict[str | None, float], ...] = (
    {"W": 1.0, "kW": 1e3, "MW": 1e6},
    {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6},
)


@dataclass(frozen=True, kw_only=True)
class NotUsed:
    """A file whose format is known but which holds no measurements."""

    file: str
    reason: str


Export = States | HourlyStatistics | PriceOffer | NotUsed


def read_export(file: Path) -> Export:
    """Read a file in the format that its content shows.

    Raises:
        ConfigurationError: the file is not there or cannot be read.
        DataRefusedError: it is broken, or not a known export.
    """
    streamed = stream_history(file)
    if streamed is not None:
        return streamed
    text = decode(read_bytes(file), file.name).strip()
    head = text[:2000]
    if head[0] in "[{":
        return _from_json(text, file.name)
    if _ENTITY_ROW.match(head):
        return _states(csv_frame(text, file.name, header=_HISTORY), file.name)
    known = unread_format_of(head)
    if known is not None and known.ahead:
        return _forecast(file.name, known.noun)
    first = head.split("\n", 1)[0]
    if "," not in first and ";" not in first and "\t" not in first and ":" in first:
        return _from_yaml(text, file.name)
    if noun := format_of(text):
        message = f"{file.name} is {noun}, not of Home Assistant"
        raise DataRefusedError(message, "import it with `darkstar import observations`")
    offer = offer_of_table(text, file.name)
    if offer is None:
        refuse_unread(head, file.name)
    return offer if offer is not None else _from_csv(csv_frame(text, file.name), file.name)


def _forecast(file: str, noun: str = "a forecast") -> NotUsed:
    return NotUsed(file=file, reason=f"{noun}, not a measurement: only measurements are imported")


def _unknown(file: str, content: str) -> DataRefusedError:
    hint = "export the sensor's history or long-term statistics as CSV; tidy files go to `darkstar import observations`"
    return DataRefusedError(f"{file} is not a known Home Assistant export: {content}", hint)


def _states(frame: pl.DataFrame, file: str) -> States:
    """The states of a history as a table."""
    stamp = next(name for name in STAMPS if name in frame.columns)
    builder = StatesBuilder()
    builder.add(frame.select(entity="entity_id", state="state", stamp=stamp))
    return builder.states(file)


def _from_csv(frame: pl.DataFrame, file: str) -> Export:
    """History or statistics with a header."""
    columns = frame.columns
    if frame.is_empty():
        raise DataRefusedError(f"{file} has column names but no rows", "export it again")
    if {"entity_id", "state"} <= set(columns) and set(STAMPS) & set(columns):
        return _states(frame, file)
    statistics = statistics_of_table(frame, file)
    if statistics is None:
        raise _unknown(file, f"it has the columns {', '.join(columns[:8])}")
    return statistics


def _from_json(text: str, file: str) -> Export:
    """States, statistics, a sensor's attributes or a forecast."""
    if len(text) > MAX_JSON_BYTES:
        raise DataRefusedError(f"{file} is larger than {MAX_JSON_BYTES // 2**20} MiB", "export it month by month")
    try:
        document: Any = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataRefusedError(f"{file} is broken JSON: {error}", "copy or export the file again") from error
    if isinstance(document, dict) and isinstance(cast("dict[str, Any]", document).get("result"), dict | list):
        document = cast("dict[str, Any]", document)["result"]
    if isinstance(document, list):
        entries = cast("list[Any]", document)
        if _holds_states(entries):
            return _states_of_lists(entries, file)
        return (
            offer_of_document(cast("object", entries), file)
            or _unread(entries, file)
            or _states_of_lists(entries, file)
        )
    return _from_mapping(cast("dict[str, Any]", document), file)


def _holds_states(document: list[Any]) -> bool:
    """Return whether a list is a history, whose states may carry lists of prices among their attributes."""
    first: Any = document[0] if document else None
    inner = cast("list[Any]", first)[0] if isinstance(first, list) and first else cast("Any", first)
    names = set(cast("dict[str, Any]", inner)) if isinstance(inner, dict) else set[str]()
    return "state" in names and bool(set(STAMPS) & names)


def _from_yaml(text: str, file: str) -> Export:
    """A sensor's attributes or a forecast."""
    if len(text) > MAX_YAML_BYTES:
        raise DataRefusedError(
            f"{file} is larger than {MAX_YAML_BYTES // 2**20} MiB of YAML", "export it as JSON or CSV"
        )
    try:
        document: Any = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataRefusedError(f"{file} is broken YAML: {reason}", "copy or export the file again") from error
    if not isinstance(document, dict):
        raise _unknown(file, "it is neither a table nor a set of named values")
    return _from_mapping(cast("dict[str, Any]", document), file)


def _from_mapping(document: dict[str, Any], file: str) -> Export:
    """Named values: their names show what they are."""
    offer = offer_of_document(document, file)
    if offer is not None:
        return offer
    names = [str(name) for name in document]
    if unread := _unread(document, file):
        return unread
    if _names_of_forecast(names):
        return _forecast(file)
    inner = document.get("statistics")
    statistics = statistics_of_lists(cast("dict[str, Any]", inner) if isinstance(inner, dict) else document, file)
    if statistics is not None and statistics.frame.is_empty():
        raise DataRefusedError(f"{file} holds no statistics", "ask for a period in which the sensors existed")
    if statistics is not None:
        return statistics
    raise _unknown(file, f"it has the names {', '.join(names[:8])}")


def _unread(document: object, file: str) -> NotUsed | None:
    """Return a forecast that is known by its names; None where a document is of no known format.

    Raises:
        DataRefusedError: it is of another format that is known and not read.
    """
    known = unread_document(document)
    if known is not None and not known.ahead:
        raise DataRefusedError(f"{file} is {known.noun}, which is not read", known.way)
    return known and _forecast(file, known.noun)


def _names_of_forecast(names: Sequence[str]) -> bool:
    """Return whether the names are those of a weather or PV forecast."""
    return any(
        name.startswith("weather.") or name in {"forecast", "forecasts", "watts", "watt_hours"} for name in names
    )


def _states_of_lists(document: list[Any], file: str) -> States:
    """`/api/history/period`: a list of states per sensor; with `minimal_response` only the first names its sensor."""
    series: list[list[Any]] = [cast("list[Any]", entry) if isinstance(entry, list) else [entry] for entry in document]
    rows: list[tuple[str, str | None, str | None]] = []
    present: dict[str, str] = {}
    units: dict[str, str] = {}
    names: dict[str, str] = {}
    entity = ""
    for states in series:
        for state in states:
            if not isinstance(state, dict) or "state" not in state:
                raise _unknown(file, "its lists hold something other than states")
            entry = cast("dict[str, Any]", state)
            entity = str(entry.get("entity_id", entity))
            attributes: Mapping[str, Any] = entry.get("attributes") or {}
            if "unit_of_measurement" in attributes:
                present[entity] = usual_unit(str(attributes["unit_of_measurement"]))
                units.setdefault(entity, present[entity])
            if "friendly_name" in attributes:
                names[entity] = str(attributes["friendly_name"])
            stamp = _text(entry.get("last_changed", entry.get("last_updated")))
            value = _in_unit(_text(entry["state"]), present.get(entity), units.get(entity))
            rows.append((entity, value, stamp))
    if not rows:
        raise DataRefusedError(f"{file} holds no states", "ask for a period in which the sensor existed")
    builder = StatesBuilder()
    builder.add(pl.DataFrame(rows, schema=TEXTS.names()[1:], schema_overrides=TEXTS, orient="row"))
    return builder.states(file, units, names)


def _in_unit(state: str | None, stated: str | None, wanted: str | None) -> str | None:
    """A state in the unit that its sensor began with, where both units are stated and of one kind."""
    factor = next((scale[stated] / scale[wanted] for scale in _SCALES if stated in scale and wanted in scale), 1.0)
    try:
        return state if state is None or factor == 1 else repr(float(state) * factor)
    except ValueError:  # unavailable
        return state


def _text(value: object) -> str | None:
    """A JSON value as text; null stays null."""
    return None if value is None else str(value)
