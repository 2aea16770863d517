"""Prices in documents (JSON, YAML, rows of a table): lists of entries with a start and a price, wherever they are.

Services differ in the names of start and price, in where they state unit, currency and area, and in how deep the list
lies. A name of a price may state its unit itself (`SEK_per_kWh`, `SpotPriceDKK`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

import polars as pl

from darkstar_pipeline.sources.price_lists.price_list import ROWS, PriceList
from darkstar_pipeline.sources.price_lists.stated import Stated
from darkstar_pipeline.sources.price_lists.units import price_unit, says_more_than_spot, unit_of_name

STARTS = (
    "start", "start_time", "startsAt", "starts_at", "time_start", "valid_from", "from", "hour", "HourUTC", "TimeUTC",
    "start_timestamp", "deliveryStart", "startTime", "datetime", "time", "timestamp",
)  # fmt: skip
"""Names of the start of a price; of several the first counts, so that UTC comes before local time."""
_ENDS = ("end", "end_time", "endsAt", "ends_at", "time_end", "valid_to", "till", "end_timestamp", "endTime")
_AREAS = ("PriceArea", "price_area", "region", "area", "bidding_zone", "biddingZone", "zone")
_UTC_STARTS = ("HourUTC", "TimeUTC")
_DEPTH = 10
_EPOCH_MS = 1e11
_EPOCH_S = 1e8
_AREA = re.compile(r"[A-Z]{2}[A-Z0-9_-]{0,8}")
NORD_POOL_ACTION = "the answer of Home Assistant's action nordpool.get_prices_for_date"
LISTED = "a list of prices with start times"
_NORD_POOL_LISTS = ("multiAreaEntries", "multiIndexEntries")
_ELERING = "prices of Elering"
_ELERING_AREAS = {"ee", "fi", "lt", "lv"}
_EVCC = "rates of evcc"
_EVCC_NOTE = "they hold the charges and the tax that evcc's tariff is configured with: leave those out of either"
_TAXED = "its prices hold tax or fees, by their name"
_COSTS = "the sensor adds costs to the spot price"
_TAX_FLAG = re.compile(
    r"(incl?|includes?|included|including|with)_?(vat|taxe?s?|moms|mva|btw|mwst|fees?)"
    r"|(vat|taxe?s?|moms|mva|btw|mwst|fees?)_?(incl|included)",
    re.IGNORECASE,
)
_FLAGGED = "its prices include tax or fees, as {!r} states"


@dataclass(frozen=True, kw_only=True)
class _Price:
    """The name of a price in the entries of a service: its unit, and what it is known by."""

    name: str
    unit: str = ""
    format: str = ""
    starts: tuple[str, ...] = STARTS
    note: str = ""
    costs: str = ""


_PRICES = (
    _Price(name="value_exc_vat", unit="p/kWh", format="unit rates of Octopus",
           note="they are a supplier's rates before VAT, with its fees in them: fees of the tariff come on top"),
    _Price(name="value_inc_vat", costs="its prices include VAT; ask for value_exc_vat"),
    _Price(name="energy", starts=("startsAt", "starts_at"), format="prices of Tibber",
           note="Tibber's `energy`, the price before taxes and fees, was read"),
    _Price(name="total", starts=("startsAt", "starts_at"),
           costs="its prices are totals with taxes and fees"),
    _Price(name="marketprice", format="prices of aWATTar"),
    _Price(name="price_per_kwh", unit="/kWh", format="prices of the EPEX Spot integration"),
    _Price(name="price_ct_per_kwh", unit="ct/kWh", format="prices of the EPEX Spot integration"),
    _Price(name="price"),
    _Price(name="electricity_price"),
    _Price(name="value", starts=("start", "start_time", "startsAt")),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Context:
    """Facts that the names around a list state."""

    path: tuple[str, ...] = ()
    stated: Stated = field(default_factory=Stated)
    zone: str | None = None
    format: str = ""


@dataclass(frozen=True, kw_only=True)
class Found:
    """Lists of prices in a document, and the name of their format."""

    format: str
    lists: tuple[PriceList, ...]
    notes: tuple[str, ...] = ()


def find_lists(document: object) -> Found | None:
    """Return the lists of prices in a document; None where there are none."""
    formats: dict[str, None] = {}
    notes: dict[str, None] = {}
    parts: dict[tuple[Stated, str | None], list[tuple[str | None, ...]]] = {}
    for entries, context in _lists(document, _Context(), _DEPTH):
        typical = next(entry for entry in entries if _prices_of(entry, context))
        for price in _prices_of(typical, context):
            formats[_format(price, context)] = None
            note = price.note or (_EVCC_NOTE if _format(price, context) == _EVCC else "")
            notes |= {note: None} if note else {}
            _collect(entries, typical, price, context, parts)
    if not parts:
        return None
    lists = tuple(
        PriceList(rows=pl.DataFrame(rows, schema=ROWS, orient="row"), stated=stated, zone=zone)
        for (stated, zone), rows in parts.items()
    )
    return Found(format=", ".join(formats), lists=lists, notes=tuple(notes))


def _lists(node: object, context: _Context, depth: int) -> Iterator[tuple[list[Mapping[str, Any]], _Context]]:
    """Yield the lists of entries with a price, with what is stated around them."""
    if depth == 0:
        return
    if isinstance(node, Mapping):
        named = cast("Mapping[Any, Any]", node)
        inner = _entered(named, context)
        if reshaped := _parallel(named) or _by_area(named):
            yield reshaped, inner
            return
        for key, value in named.items():
            if str(key) == "raw_tomorrow" and named.get("tomorrow_valid", True) is False:
                continue
            below = replace(inner, path=(*inner.path, str(key)))
            area = str(key).upper() if inner.format == _ELERING else str(key)
            if _is_list(value) and _AREA.fullmatch(area) and inner.stated.area is None:
                below = replace(below, stated=replace(below.stated, area=area))
            yield from _lists(value, below, depth - 1)
    elif isinstance(node, list):
        items = cast("list[Any]", node)
        entries = [cast("Mapping[str, Any]", item) for item in items if isinstance(item, Mapping)]
        if any(_prices_of(entry, context) for entry in entries):
            yield entries, context
        else:
            for item in items[:_DEPTH]:
                yield from _lists(item, context, depth - 1)


def _parallel(node: Mapping[Any, Any]) -> list[Mapping[str, Any]]:
    """Return the entries of two lists side by side, instants and prices, as energy-charts.info writes them."""
    starts, values = node.get("unix_seconds"), node.get("price")
    if not (isinstance(starts, list) and isinstance(values, list)):
        return []
    pairs = zip(cast("list[Any]", starts), cast("list[Any]", values), strict=False)
    return [{"start": start, "price": value} for start, value in pairs]


def _by_area(node: Mapping[Any, Any]) -> list[Mapping[str, Any]]:
    """Return the prices of Nord Pool's own answers, whose entries hold a price an area."""
    listed: Any = next((node[name] for name in _NORD_POOL_LISTS if _is_list(node.get(name))), None)
    every = cast("list[Any]", listed or [])
    entries = [cast("Mapping[str, Any]", entry) for entry in every if isinstance(entry, Mapping)]
    return [
        {"deliveryStart": entry.get("deliveryStart"), "area": area, "price": price, "end": entry.get("deliveryEnd")}
        for entry in entries
        if isinstance(entry.get("entryPerArea"), Mapping)
        for area, price in cast("Mapping[str, Any]", entry["entryPerArea"]).items()
    ]


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _entered(node: Mapping[Any, Any], context: _Context) -> _Context:
    """Return what is stated once the names of a mapping are known."""
    stated = context.stated
    unit = node.get("unit_of_measurement") or node.get("price_unit") or ""
    per = node.get("unit")
    if not unit and per:
        unit = f"{node.get('currency') or ''}/{per}" if str(per) in ("kWh", "MWh", "Wh") else str(per)
    cents = node.get("price_in_cents", node.get("use_cent"))
    form = context.format
    if set(_NORD_POOL_LISTS) & set(node):
        form, unit = "Nord Pool's day-ahead prices", f"{node.get('currency') or ''}/MWh"
    elif node and set(node) <= _ELERING_AREAS:
        form, unit = _ELERING, "EUR/MWh"
    return replace(
        context,
        format=form,
        stated=Stated(
            unit=str(unit) or stated.unit,
            currency=_text(node.get("currency")) or stated.currency,
            area=next((_text(node[name]) for name in _AREAS if node.get(name)), stated.area),
            entity=_text(node.get("entity_id")) or stated.entity,
            hundredths=bool(cents) if cents is not None else stated.hundredths,
            costs=_costs(node) or stated.costs,
        ),
    )


def _costs(node: Mapping[Any, Any]) -> str:
    """Return in words why prices are no spot prices, by what stands beside them; empty where nothing says so."""
    if node.get("additional_costs_current_hour") or node.get("tariffs"):
        return _COSTS
    flag = next((str(name) for name, value in node.items() if value is True and _TAX_FLAG.fullmatch(str(name))), None)
    return "" if flag is None else _FLAGGED.format(flag)


def _prices_of(entry: Mapping[str, Any], context: _Context) -> list[_Price]:
    """Return the names of prices in an entry that has a start: those that state their unit, else the first known."""
    if not any(name in entry for name in STARTS):
        return []
    united: list[_Price] = []
    for name in entry:
        unit = unit_of_name(str(name))
        if unit is not None and not name.lower().startswith("intraday"):
            text = unit.text if "/" in unit.text else unit.text.replace(" per ", "/")
            united.append(_Price(name=name, unit=text, costs=_TAXED if says_more_than_spot(name) else ""))
    united = [price for price in united if not price.costs] or united
    priced = (unit := price_unit(context.stated.unit)) is not None and unit.energy
    listed = next((p for p in _PRICES if p.name in entry and (priced or any(s in entry for s in p.starts))), None)
    if listed is not None and listed.name == "price" and "level" in entry:
        return [replace(listed, costs="Tibber's action gives totals with taxes and fees")]
    if listed is not None and listed.unit:
        return [listed]
    return united or ([] if listed is None else [listed])


def _format(price: _Price, context: _Context) -> str:
    """The name of the format, as a noun."""
    if price.format or context.format:
        return price.format or context.format
    if {"raw_today", "raw_tomorrow"} & set(context.path):
        return "the lists of Home Assistant's Nord Pool sensor"
    if _is_action(price, context):
        return NORD_POOL_ACTION
    if context.path[-1:] == ("rates",) and price.name in ("price", "value"):
        return _EVCC
    return LISTED


def _is_action(price: _Price, context: _Context) -> bool:
    """Return whether a list is of Home Assistant's own Nord Pool action: prices per MWh by area, and nothing stated."""
    keyed = bool(context.path) and context.path[-1] == context.stated.area
    return price.name == "price" and keyed and not context.stated.unit


def _collect(
    entries: Sequence[Mapping[str, Any]],
    typical: Mapping[str, Any],
    price: _Price,
    context: _Context,
    parts: dict[tuple[Stated, str | None], list[tuple[str | None, ...]]],
) -> None:
    """Add the rows of a list to those of their area, currency and unit."""
    start = next(name for name in (*price.starts, *STARTS) if name in typical)
    end = next((name for name in _ENDS if name in typical), "")
    area = next((name for name in _AREAS if name in typical), "")
    unit = price.unit or ("/MWh" if _is_action(price, context) else "")
    part = context.path[-1] if context.path else ""
    zone = "UTC" if start in _UTC_STARTS else context.zone
    of_list = replace(context.stated, unit=unit or context.stated.unit, costs=price.costs or context.stated.costs)
    for entry in entries:
        stated = of_list
        if area and entry.get(area):
            stated = replace(stated, area=_text(entry[area]))
        if entry.get("currency"):
            stated = replace(stated, currency=_text(entry["currency"]))
        if "unit" in entry and not price.unit:
            stated = replace(stated, unit=str(entry["unit"]))
        row = (_stamp(entry.get(start)), _stamp(entry.get(end)), _text(entry.get(price.name)), part)
        parts.setdefault((stated, zone), []).append(row)


def _stamp(value: Any) -> str | None:  # noqa: ANN401 - whatever JSON or YAML held
    """A start as text; YAML reads unquoted ones as instants, some services write seconds or milliseconds."""
    if isinstance(value, datetime):
        return value.isoformat()
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if isinstance(value, str) and re.fullmatch(r"\d{10}(?:\d{3})?", value):
        number = int(value)
    if number is not None and number > _EPOCH_S:
        try:
            return datetime.fromtimestamp(number / (1000 if number > _EPOCH_MS else 1), UTC).isoformat()
        except (ValueError, OverflowError, OSError):  # after the year 9999: as text, which is refused with its row
            return _text(value)
    return _text(value)


def _text(value: Any) -> str | None:  # noqa: ANN401 - whatever JSON or YAML held
    return None if value is None else str(value)
