"""Stored data as rows for a person: each quantity in figures, then the facts that need a sentence."""

import math
from datetime import datetime
from typing import Any

from darkstar_pipeline.doctor.import_reasons import ImportReason
from darkstar_pipeline.doctor.stored_data import StoredData
from darkstar_pipeline.doctor.stored_quantities import StoredQuantity
from darkstar_pipeline.quality.energy_balance import in_words
from env.time_grid import SLOT_HOURS, zone

_SHORT_NAMES = {
    "batt_charge_kwh": "charge",
    "batt_discharge_kwh": "discharge",
    "ev_kwh": "car",
    "soc_start_percent": "soc",
}
_MOST_SOURCES = 3
_MOST_REASONS = 3
_NAMED = 5


def quantity_rows(stored: StoredData, timezone: str) -> list[dict[str, Any]]:
    """Return a row a quantity: `name`, days, slots, gaps, sizes, refused and altered readings."""
    return [_figures(quantity, timezone) for quantity in stored.quantities]


def fact_rows(stored: StoredData, timezone: str) -> list[dict[str, str]]:
    """Return the energy balance, the sources, what is unlike the home and the refused days: `fact, value`."""
    facts = [("balance", in_words(stored.balance) if stored.balance else "not known: it takes both load and import")]
    for sources, names in _sources(stored).items():
        facts += [(", ".join(names), source) for source in sources]
    for words, names in _provenance(stored).items():
        facts.append((", ".join(names), words))
    for quantity in stored.quantities:
        if quantity.unlike:
            first = quantity.unlike[0]
            count = f"{len(quantity.unlike)} slots" if len(quantity.unlike) > 1 else "1 slot"
            words = f"{count} unlike this home, first {_local(first.slot_start, timezone)}: {first.reason}"
            facts.append((_name(quantity), words))
    facts += _disagreeing(stored, timezone)
    facts += [(", ".join(names), words) for words, names in _reasons(stored, timezone).items()]
    facts += [(str(day), f"refused: {reasons}") for day, reasons in sorted(stored.excluded.items())]
    return [{"fact": fact, "value": value} for fact, value in facts]


def _disagreeing(stored: StoredData, timezone: str) -> list[tuple[str, str]]:
    """Return the hours whose slots differ from their statistic, the first of each quantity by name."""
    facts: list[tuple[str, str]] = []
    for quantity in dict.fromkeys(hour.quantity for hour in stored.disagreeing):
        hours = [hour for hour in stored.disagreeing if hour.quantity == quantity]
        shown = "; ".join(
            f"{_local(hour.hour_start, timezone)}: {hour.read_kwh:g} kWh, not {hour.statistic_kwh:g}"
            for hour in hours[:_NAMED]
        )
        more = f"; and {len(hours) - _NAMED} more" if len(hours) > _NAMED else ""
        facts.append((quantity, f"{len(hours)} hours differ from their statistic by more than 0.2 kWh: {shown}{more}"))
    return facts


def _figures(quantity: StoredQuantity, timezone: str) -> dict[str, Any]:
    gap = quantity.largest_gaps[0].slots * SLOT_HOURS if quantity.largest_gaps else None
    return {
        "name": _name(quantity),
        "first_day": quantity.first_day,
        "last_day": quantity.last_day,
        "days": quantity.days,
        "there": f"{math.floor(quantity.share * 1000) / 10:.1f} %",  # never 100 where one is missing
        "gaps": quantity.gaps,
        "longest": "" if gap is None else f"{gap:g} h",
        "typical": "–" if quantity.typical is None else f"{quantity.typical:.3g} {quantity.unit}",
        "highest": f"{quantity.highest:.3g} {quantity.unit}",
        "when": _local(quantity.highest_slot, timezone),
        "refused": quantity.refused,
        "altered": quantity.altered,
    }


def _sources(stored: StoredData) -> dict[tuple[str, ...], list[str]]:
    """Return the names of quantities by where they came from, so that a common source is told once."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for quantity in stored.quantities:
        told = [
            f"{one.slots} slots of {one.source}, {one.native_minutes} min, {one.first_day} to {one.last_day}"
            for one in quantity.sources[:_MOST_SOURCES]
        ]
        if (more := len(quantity.sources) - _MOST_SOURCES) > 0:
            told.append(f"and {more} older sources" if more > 1 else "and an older source")
        groups.setdefault(tuple(told), []).append(_name(quantity))
    return groups


def _provenance(stored: StoredData) -> dict[str, list[str]]:
    """Return the names of quantities by how they were read."""
    groups: dict[str, list[str]] = {}
    for quantity in stored.quantities:
        for one in quantity.provenance:
            sensor = f", {one.sensor}" if one.sensor else ""
            treatment = f": {one.treatment}" if one.treatment else ""
            words = f"{one.source} read as {one.format}{sensor}, in {one.unit}{treatment}"
            groups.setdefault(words, []).append(_name(quantity))
    return groups


def _reasons(stored: StoredData, timezone: str) -> dict[str, list[str]]:
    """Return the names of quantities by why imports refused or altered their readings, the most frequent reasons."""
    groups: dict[str, list[str]] = {}
    for quantity in stored.quantities:
        words = [_in_words(reason, timezone) for reason in quantity.reasons[:_MOST_REASONS]]
        if (more := len(quantity.reasons) - _MOST_REASONS) > 0:
            words.append(f"and {more} more reasons; all are in the table import_remarks")
        for one in words:
            groups.setdefault(one, []).append(_name(quantity))
    return groups


def _in_words(reason: ImportReason, timezone: str) -> str:
    """Return how many readings an import refused or altered, when first, and why."""
    noun = "slot" if reason.action == "missing" else "reading"
    count = f"1 {noun}" if reason.readings == 1 else f"{reason.readings} {noun}s"
    days = f" on {reason.days} days" if reason.days > 1 else ""
    return f"{count} {reason.action} at import{days}, first {_local(reason.first_slot, timezone)}: {reason.reason}"


def _name(quantity: StoredQuantity) -> str:
    return _SHORT_NAMES.get(quantity.quantity, quantity.quantity.removesuffix("_kwh"))


def _local(instant: datetime, timezone: str) -> str:
    return f"{instant.astimezone(zone(timezone)):%Y-%m-%d %H:%M}"
