"""Tables of prices as markets publish them: Nord Pool's Elspot files, ENTSO-E's exports, and tables of services.

The rows of a table whose names tell start, price and unit are read like the entries of a document (`entries`).
"""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.dialects import decimal_point
from darkstar_pipeline.sources.price_lists.entries import Found, find_lists
from darkstar_pipeline.sources.price_lists.price_list import PriceList
from darkstar_pipeline.sources.price_lists.units import unit_of_name

_ELSPOT = re.compile(r"(?:Elspot |Day-ahead )?Prices? in ([A-Z]{3})/([kM]Wh)", re.IGNORECASE)
_ZONES = {
    "CET/CEST": "Europe/Brussels",
    "CET": "Europe/Brussels",
    "EET/EEST": "Europe/Helsinki",
    "WET/WEST": "Europe/Lisbon",
    "UTC": "UTC",
}
"""Zones that ENTSO-E's exports name in their heads."""
_MARKET = "Europe/Brussels"
_DAY_FIRST = re.compile(r"\s*(\d{2})[./-](\d{2})[./-](\d{4})(?:[ T]+(\d{2}:\d{2}(?::\d{2})?))?")
_HEAD = 20_000
"""A format is recognised by the first lines [characters]."""


def find_in_table(text: str) -> Found | None:
    """Return the lists of prices in a table of a market or a service; None where it is none that is known."""
    lines = _lines(text[:_HEAD])
    if not lines:
        return None
    if _ELSPOT.match(lines[0].strip('";, ')):
        return _elspot(_lines(text))
    first = next((line for line in lines[:3] if len(_fields(line)) > 1), lines[0])
    if any(name.strip().upper().startswith("MTU") for name in _fields(first)):
        return _entsoe(_lines(text)[lines.index(first) :])
    names = [name.strip() for name in _fields(lines[0])]
    if "slot_start" in names or find_lists([dict.fromkeys(names, "0")]) is None:
        return None
    return find_lists(_rows(_lines(text)))


def _lines(text: str) -> list[str]:
    return [line for line in text.lstrip("\ufeff").splitlines() if line.strip()]


def _fields(line: str) -> list[str]:
    separator = max(",;\t", key=line.count)
    return next(csv.reader(io.StringIO(line), delimiter=separator))


def _rows(lines: Sequence[str]) -> list[dict[str, str]]:
    """A table as mappings, with points for decimal commas."""
    separator = max(",;\t", key=lines[0].count)
    reader = csv.DictReader(io.StringIO("\n".join(lines)), delimiter=separator)
    return [{str(k).strip(): decimal_point(v) for k, v in row.items() if k and isinstance(v, str)} for row in reader]


def _elspot(lines: Sequence[str]) -> Found | None:
    """Nord Pool's files: a day and an hour a row, an area a column, in market time."""
    unit = _ELSPOT.search(lines[0])
    head = next((n for n, line in enumerate(lines) if "Hours" in _fields(line)), None)
    if unit is None or head is None:
        return None
    names = _fields(lines[head])
    areas = [name for name in names if re.fullmatch(r"[A-Za-z][A-Za-z0-9. _-]*", name) and name != "Hours"]
    entries: list[dict[str, Any]] = []
    for line in lines[head + 1 :]:
        row = dict(zip(names, _fields(line), strict=False))
        day, hours = _DAY_FIRST.match(next(iter(row.values()), "")), re.match(r"\s*(\d{2})", row.get("Hours", ""))
        if day is None or hours is None:
            continue
        start = f"{day[3]}-{day[2]}-{day[1]} {hours[1]}:00"
        entries += [
            {"start": start, "price": decimal_point(row[name]), "area": name}
            for name in areas
            if row.get(name, "").strip() not in ("", "-")
        ]
    document = {"unit_of_measurement": f"{unit[1].upper()}/{unit[2]}", "prices": entries}
    return _named(find_lists(document), "Nord Pool's table of prices", _MARKET)


def _entsoe(lines: Sequence[str]) -> Found | None:
    """ENTSO-E's exports: an interval a row, the price in a column that states its unit."""
    rows = _rows(lines)
    names = list(rows[0]) if rows else _fields(lines[0])
    interval = next(name for name in names if name.upper().startswith("MTU"))
    price = next((name for name in names if unit_of_name(name) and not name.lower().startswith("intraday")), None)
    zone = next((zone for word, zone in _ZONES.items() if f"({word})" in interval.upper()), None)
    if price is None or zone is None:
        message = f"an export of ENTSO-E without {'a price per MWh' if price is None else 'its time zone'} in its head"
        raise DataRefusedError(message, "export the day-ahead prices of your area with their heads")
    area = next((name for name in names if "|" in name), "")
    entries = [
        {
            "start": _iso(row.get(interval, "")),
            "price": row.get(price, ""),
            "area": row.get("Area") or area or None,
        }
        for row in rows
    ]
    unit = unit_of_name(price)
    document = {"unit_of_measurement": "" if unit is None else unit.text, "prices": entries}
    return _named(find_lists(document), "an export of ENTSO-E", zone)


def _iso(interval: str) -> str:
    """The start of an interval such as `27/11/2026 00:00:00 - 27/11/2026 00:15:00`."""
    found = _DAY_FIRST.match(interval)
    return f"{found[3]}-{found[2]}-{found[1]} {found[4] or '00:00'}" if found else interval


def _named(found: Found | None, name: str, zone: str) -> Found | None:
    """Give lists their format's name and the zone of their stamps."""
    if found is None:
        return None
    lists = tuple(PriceList(rows=part.rows, stated=part.stated, zone=zone) for part in found.lists)
    return Found(format=name, lists=lists, notes=found.notes)
