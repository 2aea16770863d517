"""The check of a site's stored readings and prices: quantities in figures, the energy balance, a week slot by slot.

It repeats on what is stored what an import says of a file. Nothing is repaired. What does not belong here: the grades
of days (`quality`), damaged files and rows (`lake_rows`).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.doctor.stored_quantities import StoredQuantity, stored_quantity
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.quality.bad_hours import compared_hours
from darkstar_pipeline.quality.energy_balance import Balance, balance_of
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    ENERGY_COLUMNS,
    IMPORT_PROVENANCE,
    IMPORT_REMARKS,
    METER_READINGS,
    METER_STATISTICS,
    RAW_SPOT_PRICES,
    SOC_COLUMNS,
)
from env.time_grid import grid

WEEK = timedelta(days=6)
_LEVEL = SOC_COLUMNS[0]


@dataclass(frozen=True, kw_only=True)
class DisagreeingHour:
    """An hour of which the slots and the statistic say different energies.

    Attributes:
        hour_start: begin of the hour.
        quantity: load, pv, import, export, batt_charge or batt_discharge.
        read_kwh: sum of its slots [kWh].
        statistic_kwh: energy of the hour by its statistic [kWh].
    """

    hour_start: datetime
    quantity: str
    read_kwh: float
    statistic_kwh: float


@dataclass(frozen=True, kw_only=True)
class StoredData:
    """The stored data of a site, from one day to another.

    Attributes:
        first_day: first day that was looked at.
        last_day: last day that was looked at.
        quantities: each quantity that is stored, in figures.
        balance: whether the flows of the home add up; None where load or import are not stored.
        week: the whole slot grid of the last week: `slot_start`, `local_day` and a column a quantity; null where
            nothing is stored.
        disagreeing: hours in which the slots differ from the hour's own statistic.
        excluded: days of that week that the gate refused, with its reasons.
    """

    first_day: date
    last_day: date
    quantities: tuple[StoredQuantity, ...]
    balance: Balance | None
    week: pl.DataFrame
    excluded: dict[date, str]
    disagreeing: tuple[DisagreeingHour, ...] = ()


def examine_data(context: Context, first: date | None, last: date | None) -> StoredData:
    """Examine the readings and prices that are stored of a site.

    Args:
        context: the site and its lake.
        first: first local day; None is the first that is stored.
        last: last local day; None is the last that is stored.

    Raises:
        DataMissingError: nothing is stored of these days.
    """
    lake, site, timezone = context.lake, context.site_name, context.timezone
    readings = lake.read(METER_READINGS, site, first, last)
    prices = lake.read(RAW_SPOT_PRICES, site, first, last)
    unit = f"{context.site_settings.currency}/kWh"
    remarks, provenance = lake.read(IMPORT_REMARKS, site, first, last), lake.read(IMPORT_PROVENANCE, site)
    units = dict.fromkeys(ENERGY_COLUMNS, "kWh") | {_LEVEL: "%"}
    tables = [(METER_READINGS, readings, units), (RAW_SPOT_PRICES, prices, {"price": unit})]
    found = [
        stored_quantity(rows, name, remarks, provenance, table=table.name, unit=own, timezone=timezone)
        for table, rows, names in tables
        for name, own in names.items()
    ]
    quantities = tuple(quantity for quantity in found if quantity is not None)
    if not quantities:
        raise _nothing(context, first, last)
    start = min(quantity.first_day for quantity in quantities)
    # Prices reach into tomorrow: the week is one that has readings, where there are any.
    measured = [quantity for quantity in quantities if quantity.quantity != "price"] or quantities
    end = max(quantity.last_day for quantity in measured)
    week = grid(max(end - WEEK, start), end, timezone)
    for _, rows, names in tables:
        week = week.join(rows.select("slot_start", *names), on="slot_start", how="left", maintain_order="left")
    grades = lake.read(DATA_QUALITY_DAILY, site, week["local_day"][0], end).filter(pl.col("status") == "exclude")
    return StoredData(
        first_day=start,
        last_day=max(quantity.last_day for quantity in quantities),
        quantities=quantities,
        balance=balance_of(readings),
        week=week,
        excluded=dict(grades.select("day", "reasons").iter_rows()),
        disagreeing=_disagreeing(readings, lake.read(METER_STATISTICS, site, first, last)),
    )


def _disagreeing(readings: pl.DataFrame, statistics: pl.DataFrame) -> tuple[DisagreeingHour, ...]:
    """Return the hours whose slots differ from their statistic, by more than an hour of a good day may."""
    hourly = statistics.select("hour_start", "quantity", "energy_kwh")
    hours = compared_hours(readings.drop("site", strict=False), hourly).filter(~pl.col("agrees")).drop("agrees")
    named = hours.sort("hour_start", "quantity").with_columns(pl.col("read_kwh", "statistic_kwh").round(3))
    return tuple(DisagreeingHour(**row) for row in named.iter_rows(named=True))


def _nothing(context: Context, first: date | None, last: date | None) -> DataMissingError:
    """Return the error for days without data, with the days that there are."""
    site = context.site_name
    stored = {day for table in (METER_READINGS, RAW_SPOT_PRICES) for day in context.lake.days(table, site)}
    if not stored:
        message = f"no reading and no price is stored of site {site}"
        return DataMissingError(message, "darkstar import observations FILE and darkstar import prices FILE")
    start, end = f"from {first}" if first else "", f"to {last}" if last else ""
    span = " ".join(part for part in (start, end) if part)
    message = f"no reading and no price of site {site} is stored {span}".rstrip()
    return DataMissingError(message, f"stored are days from {min(stored)} to {max(stored)}")
