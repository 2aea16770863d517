"""Home Assistant's long-term statistics: the energy of every hour, as an independent series and as hourly readings.

A counter's row carries the hour's start and the counter at the hour's end. Where rows are missing (a solar inverter
asleep) and the counter stood still, the hours between are zero; where it rose, their energy is known only in sum and
they stay missing.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.home_assistant.counters import counter_curve
from darkstar_pipeline.sources.home_assistant.energy_curve import Reals, as_seconds
from darkstar_pipeline.sources.home_assistant.exports import HourlyStatistics
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject, unit_in
from darkstar_pipeline.sources.home_assistant.subject_mapping import Subjects
from darkstar_pipeline.sources.parsed import REASON, object_to, reason_if
from darkstar_pipeline.sources.plausibility import MAX_HOME_KW, MAX_TYPICAL_KW
from darkstar_pipeline.sources.stamps import NAIVE, too_old, with_instants, with_naive_read_as
from env.time_grid import SLOT_DTYPE

HOUR_S = 3600
_MILLISECONDS = 13
_KWH_PER_UNIT = {"Wh": 1e-3, "kWh": 1.0, "MWh": 1e3}
_ENERGIES = tuple(subject for subject in Subject if subject.value.endswith("_kwh"))
_INDEPENDENT = {
    Subject.LOAD: "load",
    Subject.PV: "pv",
    Subject.IMPORT: "import",
    Subject.EXPORT: "export",
    Subject.CHARGE: "batt_charge",
    Subject.DISCHARGE: "batt_discharge",
}
HOURLY = pl.Schema({"hour_start": SLOT_DTYPE, "column": pl.String(), "energy_kwh": pl.Float64()})
_SUN_OFF_H = 1.5
_ROUNDING = 0.01


def hours_frame(exports: Sequence[HourlyStatistics], subjects: Subjects, timezone: str) -> pl.DataFrame:
    """Return every row of the statistics that is used, checked.

    Returns:
        `[file, row, entity, stamp, total, change, instant, _reason]`; `total` and `change` are numbers.
    """
    used = [entity for entity, subject in subjects.of.items() if subject in _ENERGIES]
    frames = [export.frame.with_columns(pl.lit(export.file).alias("file")) for export in exports]
    mine = pl.concat(frames).filter(pl.col("entity").is_in(used)).with_columns(_epoch_as_text().alias("stamp"))
    series = pl.concat_str(["file", "entity"], separator="\n").alias("_series")
    timed = with_instants(mine.with_columns(series), "stamp", "instant", "statistics")
    placed = with_naive_read_as(timed, "instant", timezone, "_series")
    checks = [
        reason_if(
            pl.col("instant").is_null(),
            pl.format("hour {} is not a date and time", pl.col("stamp").fill_null("(empty)")),
        ),
        too_old("instant", "stamp"),
    ]
    columns: list[pl.Expr] = []
    for name in ("total", "change"):
        text = pl.col(name).str.strip_chars()
        there = text.is_not_null() & (text != "")
        number = pl.when(there).then(text).cast(pl.Float64, strict=False)
        columns.append(number.alias(f"_{name}"))
        checks.append(
            reason_if(
                there & ~number.is_finite().fill_null(value=False),
                pl.format("{} {} is not a finite number", pl.lit(name), text),
            )
        )
    # An estimate's rounding may say a little less than nothing.
    negative = pl.col("_change") < -_ROUNDING
    checks.append(reason_if(negative, pl.format("{} of an hour is negative", pl.col("_change"))))
    on_hour = pl.col("instant").dt.truncate("1h") == pl.col("instant")
    checks.append(reason_if(~on_hour, pl.format("{} is not the start of an hour", pl.col("stamp"))))
    checked = object_to(placed.with_columns(pl.lit(None, dtype=pl.String).alias(REASON), *columns), checks)
    numbers = [pl.col("_total").alias("total"), pl.col("_change").alias("change")]
    return checked.with_columns(numbers).drop("_total", "_change", "_series", NAIVE)


def _epoch_as_text() -> pl.Expr:
    """Stamps in seconds or milliseconds since 1970, as instants in text; other stamps as they are."""
    number = pl.col("stamp").str.extract(r"^(\d{10,13})(?:\.\d+)?$", 1)
    scale = pl.when(number.str.len_chars() == _MILLISECONDS).then(1_000).otherwise(1_000_000)
    instant = (number.cast(pl.Int64, strict=False) * scale).cast(pl.Datetime("us", "UTC"))
    return pl.coalesce(instant.dt.strftime("%Y-%m-%dT%H:%M:%SZ"), pl.col("stamp"))


def hourly_energy(rows: pl.DataFrame, subjects: Subjects) -> tuple[pl.DataFrame, list[str]]:
    """Return the energy of every hour that is known.

    Args:
        rows: good rows of `hours_frame`.
        subjects: what the sensors measure.

    Returns:
        `[hour_start, column, energy_kwh]`, one row per hour and column (of two files the later counts), and notes.

    Raises:
        DataRefusedError: two sensors claim the same quantity, or a sensor's size is no home's.
    """
    parts: list[pl.DataFrame] = []
    notes: list[str] = []
    for key, group in rows.partition_by("file", "entity", as_dict=True, maintain_order=True).items():
        entity = str(key[1])
        hours, lost = _hours_of(entity, group.sort("instant"))
        if lost > 0:
            notes.append(f"{entity}: {lost:.3g} kWh flowed while statistics were missing; those hours stay missing")
        column = subjects.of[entity].value
        parts.append(hours.select("hour_start", pl.lit(column).alias("column"), "energy_kwh"))
        notes.append(
            f"{entity} of {key[0]} is taken as {column}: {hours['energy_kwh'].sum():.2f} kWh in {hours.height} hours"
        )
    together = pl.concat(parts) if parts else pl.DataFrame(schema=HOURLY)
    return together.unique(["hour_start", "column"], keep="last", maintain_order=True).sort(
        "hour_start", "column"
    ), notes


def refuse_rivals(subjects: Subjects) -> None:
    """Refuse statistics of which two sensors claim the same quantity.

    Raises:
        DataRefusedError: naming both.
    """
    first: dict[Subject, str] = {}
    for entity, subject in subjects.of.items():
        other = first.setdefault(subject, entity)
        if subject in _ENERGIES and other != entity and _stem(other) != _stem(entity):
            message = f"{other} and {entity} are both statistics of {subject.value}"
            raise DataRefusedError(message, f"keep one: --map {entity}=ignore")


def _stem(entity: str) -> str:
    """A column's name without what says how it was computed."""
    return entity.removesuffix("_cum").removesuffix("_delta")


def _hours_of(entity: str, group: pl.DataFrame) -> tuple[pl.DataFrame, float]:
    """The hours of one sensor of one file, and the energy that could not be placed [kWh]."""
    totals, changes = group.drop_nulls("total"), group.drop_nulls("change")
    if totals.height:
        values = totals["total"].to_numpy() * _factor(entity, np.diff(totals["total"].to_numpy()))
        counted = counter_curve(as_seconds(totals["instant"]) + HOUR_S, values)
        return counted.curve.cut(HOUR_S).rename({"start": "hour_start"}), counted.lost_kwh
    numbers = changes["change"].to_numpy()
    energy = changes.select(
        pl.col("instant").alias("hour_start"), pl.Series("energy_kwh", numbers * _factor(entity, numbers))
    )
    return energy.with_columns(pl.col("energy_kwh").clip(lower_bound=0.0)), 0.0


def _factor(entity: str, hourly: Reals) -> float:
    """KWh per unit of a sensor: by its name, else by the size of its hours."""
    unit = unit_in(entity)
    if unit in _KWH_PER_UNIT:
        return _KWH_PER_UNIT[unit]
    rises = hourly[hourly > 0]
    return 1e-3 if rises.size and float(np.median(rises)) > MAX_TYPICAL_KW else 1.0


def refuse_implausible(hours: pl.DataFrame) -> None:
    """Refuse hours in which more flowed than a home can.

    Raises:
        DataRefusedError: naming the quantity.
    """
    worst = hours.filter(pl.col("energy_kwh") > MAX_HOME_KW)
    if worst.height:
        first = worst.row(0, named=True)
        message = (
            f"{first['column']}: {first['energy_kwh']:,.0f} kWh in the hour of {first['hour_start']:%Y-%m-%d %H:%MZ}"
        )
        raise DataRefusedError(f"{message}, more than a home can", "check the unit of that sensor")


def independent_series(hours: pl.DataFrame) -> pl.DataFrame:
    """The hours as `[hour_start, quantity, energy_kwh]` of `meter_statistics`."""
    names = {subject.value: name for subject, name in _INDEPENDENT.items()}
    known = hours.filter(pl.col("column").is_in(list(names)))
    return known.select(
        "hour_start", pl.col("column").replace_strict(names, return_dtype=pl.String).alias("quantity"), "energy_kwh"
    )


def hourly_readings(hours: pl.DataFrame) -> pl.DataFrame:
    """The hours as a row an hour with a column a quantity: `[slot_start, <columns>, native_minutes]`."""
    if hours.is_empty():
        return pl.DataFrame(schema={"slot_start": SLOT_DTYPE, "native_minutes": pl.Int32})
    wide = hours.pivot("column", index="hour_start", values="energy_kwh").rename({"hour_start": "slot_start"})
    return wide.with_columns(pl.lit(60, dtype=pl.Int32).alias("native_minutes"))


def clock_note(hours: pl.DataFrame, naive: bool, timezone: str) -> str:  # noqa: FBT001 - a fact, not a switch
    """Return a note on the assumed zone of stamps without offset, and whether PV energy contradicts it.

    The energy of PV centres on noon of the zone's standard time, to within an hour and a half anywhere in a zone.
    """
    if not naive:
        return ""
    note = "stamps without offset are read as UTC, as Home Assistant stores them"
    pv = hours.filter(pl.col("column") == Subject.PV.value).with_columns(
        pl.col("hour_start").dt.convert_time_zone(timezone).alias("_local")
    )
    total = float(pv["energy_kwh"].sum())
    if total <= 0:
        return note
    clock = pl.col("_local").dt.hour() + 0.5 + pl.col("_local").dt.minute() / 60
    summer = pl.col("_local").dt.dst_offset().dt.total_seconds() / HOUR_S
    shift = (pl.col("_local").dt.base_utc_offset() + pl.col("_local").dt.dst_offset()).dt.total_seconds() / HOUR_S
    read, other = (
        float(pv.select((pl.col("energy_kwh") * noon).sum() / total).item()) - 12
        for noon in (clock - summer, clock - summer - shift)
    )
    if abs(read) <= _SUN_OFF_H or abs(other) >= abs(read):
        return note
    hint = "if they show the local clock, import again with --map clock=local"
    return f"{note}; but then the PV centres {read:+.1f} h from noon: {hint}"
