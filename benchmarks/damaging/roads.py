"""The roads of readings into slots, and the gate behind them."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.damaging.true_homes import AFTER, DAYS, FIRST, MINUTES, TIMEZONE, Form
from darkstar_pipeline.config.battery import BatterySettings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.quality.day_quality import grade_days
from darkstar_pipeline.sources.believed import without_unlike_readings
from darkstar_pipeline.sources.home_assistant.energy_curve import Reals
from darkstar_pipeline.sources.home_assistant.export_reader import read_exports
from darkstar_pipeline.sources.home_assistant.formats.exports import read_export
from darkstar_pipeline.sources.home_assistant.readings import readings_of
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject
from darkstar_pipeline.sources.home_assistant.series import series_of
from darkstar_pipeline.sources.home_assistant.subject_mapping import Subjects
from darkstar_pipeline.sources.observations import read_observations
from darkstar_pipeline.sources.resampling import repeat_values
from env.time_grid import grid

SITE = SiteSettings.model_validate({"area": "SE4"})
NOW = datetime(2026, 11, 22, tzinfo=UTC)
SLOTS = DAYS * 96
_FIRST_DAY = date(2026, 1, 10)
_LAST_DAY = _FIRST_DAY + timedelta(days=DAYS - 1)
_NAMES = {Form.LIFETIME: "energy_total_kwh", Form.DAILY: "energy_today_kwh", Form.POWER: "power_kw"}
_WHOSE = {"load_kwh": ("house", Subject.LOAD), "pv_kwh": ("solar", Subject.PV)}


def slots_of(form: Form, column: str, seconds: Reals, values: Reals, folder: Path) -> pl.DataFrame:
    """Read rows as their form is read: `[slot_start, <column>]`, every slot that is believed.

    Raises:
        DataRefusedError: the sensor or file is refused.
    """
    if form is Form.TIDY:
        rows = _tidy(column, seconds, values, folder)
    elif form is Form.STATISTICS:
        rows = _statistics(column, seconds, values, folder)
    else:
        rows = _history(form, column, seconds, values)
    if column not in rows.columns:
        return pl.DataFrame(schema={"slot_start": pl.Datetime("us", "UTC"), column: pl.Float64})
    return rows.select("slot_start", column).drop_nulls()


def _history(form: Form, column: str, seconds: Reals, values: Reals) -> pl.DataFrame:
    whose, subject = _WHOSE[column]
    name = f"sensor.{whose}_{_NAMES[form]}"
    instants = pl.Series("instant", (seconds * 1e6).astype(np.int64)).cast(pl.Datetime("us", "UTC"))
    states = pl.DataFrame([instants, pl.Series("value", values)]).with_columns(position=0)
    sensors = series_of({name: states}, Subjects(of={name: subject}))
    read = readings_of(sensors, FIRST + (DAYS * MINUTES + AFTER) * 60, TIMEZONE).frame
    return without_unlike_readings(read, TIMEZONE)[0]


def _tidy(column: str, seconds: Reals, values: Reals, folder: Path) -> pl.DataFrame:
    stamps = [datetime.fromtimestamp(second, UTC).isoformat() for second in seconds]
    table = pl.DataFrame({"slot_start": stamps, column: np.round(values, 9)})
    if column != "load_kwh":
        table = table.with_columns(load_kwh=pl.Series(0.1 + 0.02 * np.sin(np.arange(len(values)))).round(4))
    file = folder / "readings.csv"
    table.write_csv(file)
    return read_observations(file, site=SITE, now=NOW).rows


def _statistics(column: str, seconds: Reals, values: Reals, folder: Path) -> pl.DataFrame:
    """A total is known at the end of its hour: the row of the hour before."""
    name = f"sensor.{_WHOSE[column][0]}_energy_total_kwh"
    hour = 3_600_000
    entries = [
        {"start": int(second * 1000) - hour, "end": int(second * 1000), "sum": round(float(value), 6)}
        for second, value in zip(seconds, values, strict=True)
    ]
    file = folder / "statistics.json"
    file.write_text(json.dumps({name: entries}))
    hourly = read_exports([read_export(file)], site=SITE, mapping={name: column}, now=NOW).hourly
    return repeat_values(hourly, [column], energy=[column]) if column in hourly.columns else hourly


def by_day(slots: pl.DataFrame, column: str) -> Reals:
    """Energy of every slot of the days, NaN where it is missing, shape (DAYS, 96) [kWh]."""
    found = np.full(SLOTS + 1, np.nan)
    position = ((slots["slot_start"].dt.epoch("s") - int(FIRST)) // 900).to_numpy()
    found[np.where((position >= 0) & (position < SLOTS), position, SLOTS)] = slots[column].to_numpy()
    return found[:-1].reshape(DAYS, 96)


def days_that_the_gate_refuses(slots: pl.DataFrame, column: str) -> list[bool]:
    """Return whether each day is excluded by the gate, with prices and an ordinary load beside what was read."""
    days = grid(_FIRST_DAY, _LAST_DAY, TIMEZONE)
    number = pl.int_range(pl.len())
    prices = days.with_columns(
        price=0.5 + 0.001 * number, raw_price=pl.lit(0.5), repaired=pl.lit(value=False), native_minutes=pl.lit(15)
    )
    read = slots.filter(pl.col("slot_start").is_in(days["slot_start"].implode()))
    if column != "load_kwh":
        other = days.select("slot_start", load_kwh=0.1 + 0.02 * number.cast(pl.Float64).sin())
        read = other.join(read, on="slot_start", how="left", maintain_order="left")
    none = pl.DataFrame(
        schema={"hour_start": pl.Datetime("us", "UTC"), "quantity": pl.String, "energy_kwh": pl.Float64}
    )
    graded = grade_days(
        read,
        prices,
        none,
        _FIRST_DAY,
        _LAST_DAY,
        TIMEZONE,
        battery=BatterySettings().battery(),
        has_pv=column == "pv_kwh",
    )
    return (graded["status"] == "exclude").to_list()
