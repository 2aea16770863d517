"""Prices from the attributes of Home Assistant's Nord Pool sensor: today's list and, once published, tomorrow's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.home_assistant.exports import PriceSensor
from darkstar_pipeline.sources.numbers import number_checks, with_numbers
from darkstar_pipeline.sources.parsed import REASON, Parsed, numbered, object_to, reason_if, rejects_of
from darkstar_pipeline.sources.prices import (
    PRICE_MINUTES,
    KnownSlots,
    price_checks,
    refuse_future,
    refuse_other_area,
    refuse_partial_days,
)
from darkstar_pipeline.sources.resampling import repeat_prices
from darkstar_pipeline.sources.resolution import with_resolution
from darkstar_pipeline.sources.stamps import stamp_checks, with_instants
from env.time_grid import SLOT_MINUTES

_PER_KWH = {"kWh": 1.0, "MWh": 1e-3, "Wh": 1e3}
_ENTRIES = pl.Schema({"stamp": pl.String(), "price": pl.String(), "list": pl.String()})


def read_price_sensor(
    sensor: PriceSensor, site: SiteSettings, now: datetime, known: KnownSlots | None = None
) -> Parsed:
    """Return the spot prices in the attributes of a Nord Pool sensor.

    Args:
        sensor: its attributes; `raw_today` and `raw_tomorrow` give every price its start.
        site: its area and currency must be the sensor's.
        now: the present instant.
        known: gives the slots whose price is already known.

    Returns:
        Rows `[slot_start, price, native_minutes]`.

    Raises:
        DataRefusedError: another area or currency, prices with fees in them, or lists without start times.
    """
    _refuse_foreign(sensor, site)
    raw = _entries(sensor)
    frame = with_numbers(with_instants(numbered(raw), "stamp", "slot_start", sensor.file), ["price"])
    stamped = object_to(frame, stamp_checks("stamp", "slot_start")).with_columns(pl.col("price") * _scale(sensor))
    timed = with_resolution(
        object_to(stamped, [_repeats_today(stamped)]), sensor.file, PRICE_MINUTES, grid=SLOT_MINUTES
    )
    refuse_future(timed, sensor.file, now)
    checked = object_to(timed, [*number_checks(["price"]), *price_checks(site)])
    whole = refuse_partial_days(checked, site.timezone, known)
    good = whole.filter(pl.col(REASON).is_null()).unique("slot_start", keep="last", maintain_order=True)
    return Parsed(rows=repeat_prices(good), rejects=rejects_of(whole, raw, sensor.file), rows_read=raw.height)


def _refuse_foreign(sensor: PriceSensor, site: SiteSettings) -> None:
    """Refuse a sensor of another market or of something else than the spot price."""
    attributes = sensor.attributes
    region, currency = attributes.get("region"), attributes.get("currency")
    refuse_other_area(None if region is None else str(region), site, sensor.file)
    if currency is not None and str(currency) != site.currency:
        message = f"{sensor.file}: prices are in {currency}, the site's currency is {site.currency}"
        raise DataRefusedError(message, f"set the sensor to {site.currency}, or the site's currency to {currency}")
    if attributes.get("additional_costs_current_hour"):
        message = f"{sensor.file}: the sensor adds costs to the spot price"
        raise DataRefusedError(message, "remove the additional costs in Home Assistant; fees belong in the tariff")


def _entries(sensor: PriceSensor) -> pl.DataFrame:
    """`[stamp, price, list]` of both lists, as text."""
    lists = ["raw_today"]
    if sensor.attributes.get("tomorrow_valid", True):
        lists.append("raw_tomorrow")
    rows: list[tuple[str | None, str | None, str]] = []
    for name in lists:
        listed: list[Any] = sensor.attributes.get(name) or []
        for item in listed:
            if not isinstance(item, Mapping):
                raise DataRefusedError(
                    f"{sensor.file}: {name} holds something other than start and value", "export it again"
                )
            entry = cast("Mapping[str, Any]", item)
            rows.append((_stamp(entry.get("start")), _value(entry.get("value")), name))
    if not rows:
        message = f"{sensor.file} has no raw_today with start times"
        raise DataRefusedError(
            message, "export all attributes of the Nord Pool sensor, raw_today and raw_tomorrow among them"
        )
    return pl.DataFrame(rows, schema=_ENTRIES, orient="row")


def _stamp(value: Any) -> str | None:  # noqa: ANN401 - whatever YAML held
    """A start: YAML reads unquoted ones as instants."""
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value is None else str(value)


def _value(value: Any) -> str | None:  # noqa: ANN401 - whatever YAML held
    return None if value is None else str(value)


def _scale(sensor: PriceSensor) -> float:
    """Money per kWh for one of the sensor's numbers."""
    per = _PER_KWH.get(str(sensor.attributes.get("unit", "kWh")), 1.0)
    return per / 100 if sensor.attributes.get("price_in_cents") else per


def _repeats_today(frame: pl.DataFrame) -> pl.Expr:
    """A check: tomorrow's list is today's once more, which some sensors show until the new prices are out."""
    today = frame.filter(pl.col("list") == "raw_today")["price"].to_list()
    tomorrow = frame.filter(pl.col("list") == "raw_tomorrow")["price"].to_list()
    repeated = today == tomorrow and len(set(today)) > 1
    return reason_if(
        pl.lit(repeated) & (pl.col("list") == "raw_tomorrow"), pl.lit("tomorrow's prices are today's again")
    )
