"""Formats that are recognised and not read: forecasts, and exports that do not state enough or are no series.

Every importer asks here before it says what it misses, so that a person reads the name of what was handed in and the
way to go, not a hint at another file.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from darkstar_pipeline.errors import DataRefusedError

_AHEAD = (
    "a forecast is no reading and no price; give what is expected as a table with slot_start, known_at and "
    "pv_expected_kwh or temp_c to `darkstar import weather`"
)
_SERIES = (
    "export a row an hour or a quarter-hour as CSV with slot_start, load_kwh, pv_kwh, ... for "
    "`darkstar import observations`, or its sensors' history from Home Assistant for `darkstar import ha`"
)
_CSV = "save it as CSV (UTF-8) with one row of column names, and import that"
_HEAD = 4096
_MAX_BYTES = 16 * 2**20
_DEPTH = 5
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}")


@dataclass(frozen=True, kw_only=True)
class UnreadFormat:
    """A format that is known by name only.

    Attributes:
        noun: what it is.
        way: what to do instead.
        ahead: whether it is a forecast.
    """

    noun: str
    way: str = _SERIES
    ahead: bool = False


def _forecast(noun: str) -> UnreadFormat:
    return UnreadFormat(noun=noun, way=_AHEAD, ahead=True)


_FORECAST_SOLAR = _forecast("a forecast of forecast.solar")
_SOLCAST = _forecast("a forecast of Solcast")
_NAMES: tuple[tuple[frozenset[str], UnreadFormat], ...] = (
    (frozenset({"pv_estimate", "period_end"}), _SOLCAST),
    (frozenset({"pv_estimate", "period_start"}), _SOLCAST),
    (frozenset({"watt_hours_period"}), _FORECAST_SOLAR),
    (frozenset({"watt_hours_day"}), _FORECAST_SOLAR),
    (frozenset({"generationtime_ms", "latitude"}), _forecast("weather of Open-Meteo")),
    (frozenset({"weather", "source_id", "timestamp"}), _forecast("weather of Bright Sky")),
    (frozenset({"loadpoints", "pvPower"}), UnreadFormat(noun="the present state of evcc, which is no series")),
    (frozenset({"chargedEnergy", "loadpoint"}), UnreadFormat(noun="a list of charging sessions of evcc")),
    (frozenset({"success", "records"}), UnreadFormat(noun="an answer of Victron's VRM portal")),
    (frozenset({"intervals", "system_id"}), UnreadFormat(noun="an answer of Enphase's API")),
    (frozenset({"energyDetails"}), UnreadFormat(noun="an answer of SolarEdge's API")),
    (frozenset({"powerDetails"}), UnreadFormat(noun="an answer of SolarEdge's API")),
    (frozenset({"Body", "Head", "Data"}), UnreadFormat(noun="an answer of Fronius' Solar API")),
    (frozenset({"viewer", "consumption"}), UnreadFormat(noun="an answer of Tibber's API")),
    (frozenset({"dataItemMap", "stationCode"}), UnreadFormat(noun="an answer of Huawei's FusionSolar API")),
    (frozenset({"ppv", "plantId"}), UnreadFormat(noun="an answer of Growatt's server")),
)
"""Names that a document of each format holds."""
_HEADS: tuple[tuple[str, UnreadFormat], ...] = (
    (r"^<.*publication_marketdocument", UnreadFormat(
        noun="ENTSO-E's prices as XML", way="ENTSO-E exports the same prices as CSV: import that")),
    (r"^<", UnreadFormat(noun="an XML or HTML page", way="export the figures as CSV or JSON and import that")),
    (r"\bpv_?estimate", _SOLCAST),
    (r"^\s*result\s*\n\s*watt|^\s*watt(?:s|_hours)\b", _FORECAST_SOLAR),
    (r"created.*finished.*(?:charge ?point|loadpoint)", UnreadFormat(noun="a list of charging sessions of evcc")),
    (r"(?:gateway|system overview|battery monitor) \[\d+\]", UnreadFormat(noun="a log of Victron's VRM portal")),
    (r"(?:pv|grid|battery) to consumers", UnreadFormat(noun="a table of flows of Victron's VRM portal")),
    (r"^\W*version csv\d?\|tool", UnreadFormat(noun="a file of SMA's Sunny Explorer")),
    (r"sunny-mail|/ (?:mean|counter) values? ?\[|/ (?:mittelwerte|zählerstände) ?\[",
     UnreadFormat(noun="a table of SMA's Sunny Portal")),
    (r"\bvpv1 ?\(v\)|\bppv1? ?\(w\)", UnreadFormat(noun="a log of a Growatt inverter")),
)  # fmt: skip
"""Patterns of the first lines of a table, in small letters."""
_BINARY: tuple[tuple[bytes, UnreadFormat], ...] = (
    (b"PK\x03\x04", UnreadFormat(noun="a spreadsheet or an archive (xlsx, ods, zip)", way=_CSV)),
    (b"\xd0\xcf\x11\xe0", UnreadFormat(noun="a spreadsheet of an old Excel (xls), as Growatt exports it", way=_CSV)),
    (b"%PDF", UnreadFormat(noun="a PDF", way="export the figures as CSV and import that")),
    (b"SQLite format 3", UnreadFormat(
        noun="a database (SQLite)",
        way="of Home Assistant's, download the history of the sensors as CSV for `darkstar import ha`")),
)  # fmt: skip


def unread_format_of(text: str) -> UnreadFormat | None:
    """Return the format of a text that is known and not read; None where it is none of those."""
    stripped = text.lstrip("\ufeff \n\r\t")
    if stripped[:1] in ("{", "["):
        try:
            return unread_document(json.loads(stripped)) if len(stripped) <= _MAX_BYTES else None
        except (json.JSONDecodeError, RecursionError):
            return None
    head = stripped[:_HEAD].lower()
    return next((known for pattern, known in _HEADS if re.search(pattern, head, re.DOTALL)), None)


def unread_document(document: object) -> UnreadFormat | None:
    """Return the format of a document that is known and not read; None where it is none of those."""
    names = set(_names(document, _DEPTH))
    found = next((known for wanted, known in _NAMES if wanted <= names), None)
    return found or (_FORECAST_SOLAR if _is_by_stamp(document) else None)


def refuse_unread(text: str, file: str) -> None:
    """Refuse a text in a format that is known and not read.

    Raises:
        DataRefusedError: naming the format and the way to go.
    """
    _refuse(unread_format_of(text), file)


def refuse_unread_binary(content: bytes, file: str) -> None:
    """Refuse a spreadsheet and other files that are no text, by their first bytes.

    Raises:
        DataRefusedError: naming what it is and the way to go.
    """
    _refuse(next((known for mark, known in _BINARY if content.startswith(mark)), None), file)


def _refuse(known: UnreadFormat | None, file: str) -> None:
    if known is not None:
        raise DataRefusedError(f"{file} is {known.noun}, which is not read", known.way)


def _names(node: object, depth: int) -> Iterator[str]:
    """Yield the names in a document, of a list those of its first entry."""
    if depth == 0:
        return
    if isinstance(node, Mapping):
        for name, value in cast("Mapping[Any, Any]", node).items():
            yield str(name)
            yield from _names(value, depth - 1)
    elif isinstance(node, list) and node:
        yield from _names(cast("list[Any]", node)[0], depth - 1)


def _is_by_stamp(document: object) -> bool:
    """Return whether a document is numbers by instants of the clock, bare or in `result`."""
    if not isinstance(document, Mapping):
        return False
    named = cast("Mapping[Any, Any]", document)
    inner: Any = named.get("result", named)
    if not isinstance(inner, Mapping) or not inner:
        return False
    by_stamp = cast("Mapping[Any, Any]", inner)
    return all(_STAMP.match(str(name)) and isinstance(value, int | float) for name, value in by_stamp.items())
