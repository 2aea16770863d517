"""Tables of prices, meter readings, weather, quality and forecasts."""

import polars as pl

from darkstar_pipeline.warehouse.columns import (
    DAY,
    LOCAL_DAY,
    NATIVE,
    SITE,
    SLOT,
    Column,
    Table,
    count,
    flag,
    instant,
    real,
    text,
)

ENERGY_COLUMNS = (
    "load_kwh",
    "pv_kwh",
    "import_kwh",
    "export_kwh",
    "batt_charge_kwh",
    "batt_discharge_kwh",
    "water_kwh",
    "ev_kwh",
)
SOC_COLUMNS = ("soc_start_percent", "soc_end_percent")

_MEASURED = (
    real("load_kwh", "kWh", "what the house used, without battery and planned appliances", nullable=True),
    real("pv_kwh", "kWh", "what the panels made", nullable=True),
    real("import_kwh", "kWh", "imported from the grid", nullable=True),
    real("export_kwh", "kWh", "exported to the grid", nullable=True),
    real("batt_charge_kwh", "kWh", "into the battery, alternating-current side", nullable=True),
    real("batt_discharge_kwh", "kWh", "out of the battery, alternating-current side", nullable=True),
    real("water_kwh", "kWh", "water heater", nullable=True),
    real("ev_kwh", "kWh", "car charger", nullable=True),
    real("soc_start_percent", "%", "state of charge at the slot's start", nullable=True),
    real("soc_end_percent", "%", "state of charge at the slot's end", nullable=True),
)

RAW_SPOT_PRICES = Table(
    name="raw_spot_prices",
    meaning="Spot prices as imported, before any repair.",
    key=("slot_start",),
    columns=(
        SITE,
        SLOT,
        LOCAL_DAY,
        text("area", "price area"),
        real("price", "money/kWh", "spot price before fees"),
        NATIVE,
        text("source", "file or service the price came from"),
        instant("imported_at", "when this value entered the lake"),
    ),
)

SPOT_PRICES = Table(
    name="spot_prices",
    meaning="Spot prices after repair, one row per slot that has a price.",
    key=("slot_start",),
    columns=(
        SITE,
        SLOT,
        LOCAL_DAY,
        text("area", "price area"),
        real("price", "money/kWh", "spot price before fees, repaired where `repaired`"),
        real("raw_price", "money/kWh", "spot price as imported; null where the slot was missing", nullable=True),
        flag("repaired", "whether the price was repaired; `price_repairs` says how"),
        NATIVE,
    ),
)

PRICE_REPAIRS = Table(
    name="price_repairs",
    meaning="One row per repaired price: what it was, what it became, and why.",
    key=("slot_start",),
    columns=(
        SITE,
        SLOT,
        LOCAL_DAY,
        real("raw_price", "money/kWh", "price before the repair; null where the slot was missing", nullable=True),
        real("repaired_price", "money/kWh", "price after the repair"),
        text("method", "how the new price was found"),
        text("evidence", "why the old price was replaced"),
        instant("repaired_at", "import that the repair rests on, so that repeating a repair changes nothing"),
    ),
)

METER_READINGS = Table(
    name="meter_readings",
    meaning="Meter readings as imported, on the slot grid, one row per slot that was read.",
    key=("slot_start",),
    columns=(
        SITE,
        SLOT,
        LOCAL_DAY,
        *_MEASURED,
        NATIVE,
        text("source", "file the reading came from"),
        instant("imported_at", "when this reading entered the lake"),
    ),
)

METER_STATISTICS = Table(
    name="meter_statistics",
    meaning="An independent hourly series (Home Assistant long-term statistics) that readings are checked against.",
    key=("hour_start", "quantity"),
    columns=(
        SITE,
        instant("hour_start", "start of the hour"),
        LOCAL_DAY,
        text("quantity", "load, pv, import, export, batt_charge, batt_discharge or heat_pump"),
        real("energy_kwh", "kWh", "energy of the hour"),
        text("source", "file the figure came from"),
        instant("imported_at", "when this figure entered the lake"),
    ),
)

IMPORT_REMARKS = Table(
    name="import_remarks",
    meaning="What imports refused, altered or missed: one row per local day, quantity, reason and file, with the span.",
    key=("first_slot", "quantity", "action", "reason", "source"),
    columns=(
        SITE,
        instant("first_slot", "first slot that is concerned"),
        instant("last_slot", "last slot of that day that is concerned"),
        LOCAL_DAY,
        text("quantity", "column of the readings, soc_percent, price, or all for a whole row of a tidy file"),
        text("action", "refused, altered, missing (nothing was read) or filled (PV at night)"),
        text("reason", "why, and which sensor; the first of those that differ only in their numbers"),
        count("readings", "number of readings, or of the slots where readings are missing"),
        text("source", "file the readings came from"),
        instant("imported_at", "when the file was imported"),
    ),
)

IMPORT_PROVENANCE = Table(
    name="import_provenance",
    meaning="How imports read each quantity: a row wherever it is read in another way than before.",
    key=("first_slot", "quantity", "sensor", "source"),
    columns=(
        SITE,
        instant("first_slot", "first slot that was read in this way"),
        LOCAL_DAY,
        text("quantity", "column of the readings, soc_percent or price"),
        text("format", "what the file was recognised as"),
        text("sensor", "sensor in the file; empty where the file has one of each quantity"),
        text("unit", "unit as stated, or by size"),
        text("treatment", "how its values were converted; empty where they were taken as they are"),
        text("source", "file the readings came from"),
        instant("imported_at", "when the file was imported"),
    ),
)

_OUTLOOK = (
    real("temp_c", "degC", "temperature", nullable=True),
    real("cloud_percent", "%", "share of the sky that is covered", nullable=True),
    real("irradiance_w_m2", "W/m2", "global horizontal irradiance", nullable=True),
    real("pv_expected_kwh", "kWh", "what another forecast expected of the panels", nullable=True),
    real("vacation", "", "1 where nobody is at home, else 0", nullable=True),
    real("alarm", "", "1 where the alarm is set, else 0", nullable=True),
)
OUTLOOK_COLUMNS = tuple(column.name for column in _OUTLOOK)

RAW_WEATHER = Table(
    name="raw_weather",
    meaning="What was said about slots ahead, as imported: a row for each slot and time it was known.",
    key=("slot_start", "known_at"),
    columns=(
        SITE,
        SLOT,
        LOCAL_DAY,
        instant("known_at", "when it was said; no forecast of an earlier vintage sees it"),
        *_OUTLOOK,
        NATIVE,
        text("source", "file the row came from"),
        instant("imported_at", "when this row entered the lake"),
    ),
)

SLOT_OBSERVATIONS = Table(
    name="slot_observations",
    meaning="The whole slot grid of a day with what was observed; null where nothing was.",
    key=("slot_start",),
    columns=(SITE, SLOT, LOCAL_DAY, *_MEASURED),
)

DATA_QUALITY_DAILY = Table(
    name="data_quality_daily",
    meaning="One row per day: whether it can be used, and why not.",
    key=("day",),
    day_column="day",
    columns=(
        SITE,
        DAY,
        text("status", "clean, mask_battery (the battery's own readings are not to be learned from) or exclude"),
        count("bad_hours_load", "hours whose load disagrees with the hourly statistics or the energy balance"),
        count("bad_hours_pv", "the same for PV"),
        count("bad_hours_import", "the same for import"),
        count("bad_hours_export", "the same for export"),
        count("bad_hours_battery", "hours in which the battery's readings disagree or do not balance"),
        count("missing_slots", "slots without a core reading"),
        count("soc_issues", "slots whose state of charge is outside 0-100 % or jumps by more than 40 points"),
        count("price_issues", "slots without a usable price"),
        text("reasons", "why the status is what it is, and what imports altered, by '; '; empty for ordinary days"),
    ),
)

SLOT_FORECASTS = Table(
    name="slot_forecasts",
    meaning="Forecasts made at the start of a day (`local_day` of the vintage), up to the end of the next.",
    key=("slot_start", "quantile"),
    columns=(
        SITE,
        SLOT,
        Column(name="local_day", dtype=pl.Date(), meaning="local day of the vintage"),
        instant("vintage", "when the forecast was made; nothing newer went into it"),
        real("quantile", "", "0.5 is the central forecast"),
        real("load_kwh", "kWh", "forecast load", nullable=True),
        real("pv_kwh", "kWh", "forecast PV", nullable=True),
        real("temp_c", "degC", "forecast temperature", nullable=True),
        text("model_version", "what made the forecast"),
        text("correction_source", "what corrected it: none, mean or model"),
    ),
)
