"""Recognise a file of prices by its content and name its format; refuse what looks like one and has no list.

Every reader asks here: `darkstar import prices`, `darkstar import ha` and the service's feed read the same shapes.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

import yaml

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.price_lists.entries import find_lists
from darkstar_pipeline.sources.price_lists.market_csv import find_in_table
from darkstar_pipeline.sources.price_lists.price_list import PriceOffer

MAX_BYTES = 16 * 2**20
"""A year of quarter-hours as JSON is 4 MB."""


def offer_of_document(document: object, file: str) -> PriceOffer | None:
    """Return the price lists in a JSON or YAML document; None where it has none.

    Raises:
        DataRefusedError: it is a price sensor without a list of prices with their starts.
    """
    found = find_lists(document)
    if found is not None:
        return PriceOffer(file=file, format=found.format, lists=found.lists, notes=_named(found.notes, file))
    if isinstance(document, Mapping):
        _refuse_sensor_without_list(cast("Mapping[str, Any]", document), file)
    return None


def offer_of_table(text: str, file: str) -> PriceOffer | None:
    """Return the price lists in a table of a market or a service; None where it is none that is known."""
    found = find_in_table(text) if len(text) <= MAX_BYTES else None
    return found and PriceOffer(file=file, format=found.format, lists=found.lists, notes=_named(found.notes, file))


def offer_of_text(text: str, file: str) -> PriceOffer | None:
    """Return the price lists in a file, whatever it is: JSON, YAML or a table."""
    head = text.lstrip("\ufeff \n\r\t")[:1]
    first = text.lstrip().split("\n", 1)[0]
    if head in ("[", "{"):
        try:
            return offer_of_document(json.loads(text), file) if len(text) <= MAX_BYTES else None
        except (json.JSONDecodeError, RecursionError) as error:
            raise DataRefusedError(f"{file} is broken JSON: {error}", "copy or export the file again") from error
    if head == "<":
        message = f"{file} is an XML or HTML page, not a table of prices"
        raise DataRefusedError(message, "ENTSO-E and others export the same prices as CSV: use that")
    if ":" in first and not any(separator in first for separator in ",;\t") and len(text) <= MAX_BYTES:
        try:
            return offer_of_document(yaml.safe_load(text), file)
        except (yaml.YAMLError, RecursionError):
            return None
    return offer_of_table(text, file)


def _named(notes: tuple[str, ...], file: str) -> tuple[str, ...]:
    return tuple(f"{file}: {note}" for note in notes)


def _refuse_sensor_without_list(document: Mapping[str, Any], file: str) -> None:
    """Refuse a price sensor whose attributes hold no list with start times.

    Raises:
        DataRefusedError: naming what there is and the way to a list.
    """
    attributes: Any = document.get("attributes", document)
    if not isinstance(attributes, Mapping):
        return
    named = cast("Mapping[str, Any]", attributes)
    if {"raw_today", "today"} & set(named):
        message = f"{file} has no raw_today with start times"
        raise DataRefusedError(
            message, "export all attributes of the Nord Pool sensor, raw_today and raw_tomorrow among them"
        )
    entity = str(document.get("entity_id", ""))
    unit = str(named.get("unit_of_measurement", ""))
    if "attributes" in document and "state" in document and "Wh" in unit and "/" in unit:
        message = (
            f"{entity or file} shows the present price only; name a sensor that lists prices with their starts, such "
            "as a template sensor with the answer of Home Assistant's action nordpool.get_prices_for_date"
        )
        hint = "docs/importing.md, Prices, has such a sensor"
        raise DataRefusedError(message, hint)
