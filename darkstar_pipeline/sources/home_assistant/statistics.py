"""Home Assistant's long-term statistics: the energy of every hour, as an independent series and as hourly readings.

A row tells of a period, by its `end` or by the steps of the rows: an hour, or five minutes, which give quarter-hours as
well. It carries the period's start and the counter at the period's end. Where rows are missing (a solar inverter
asleep) and the counter stood still, the hours between are zero; where it rose, their energy is known only in sum and
they stay missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.home_assistant.choosing.statistics_choice import choose_statistics, one_a_start
from darkstar_pipeline.sources.home_assistant.counters import counter_curve
from darkstar_pipeline.sources.home_assistant.energy_curve import EnergyCurve, Reals, as_seconds
from darkstar_pipeline.sources.home_assistant.formats.statistics_layouts import HourlyStatistics
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject, unit_in
from darkstar_pipeline.sources.home_assistant.sensor_remarks import counter_remarks
from darkstar_pipeline.sources.home_assistant.sensor_units import in_one_unit
from darkstar_pipeline.sources.home_assistant.subject_mapping import Subjects
from darkstar_pipeline.sources.parsed import REASON, ReadAs, object_to, reason_if
from darkstar_pipeline.sources.plausibility import MAX_HOME_KW, MAX_TYPICAL_KW, MIN_TYPICAL_KW
from darkstar_pipeline.sources.remarks import all_remarks
from darkstar_pipeline.sources.stamps import NAIVE, too_old, with_instants, with_naive_read_as
from env.time_grid import SLOT_DTYPE
from planner.wording.columns import worded

HOUR_S = 3600
MEANS_ONLY = "statistics with means only (no sum, state or change) are not used: "
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
    Subject.HEAT_PUMP: "heat_pump",
}
HOURLY = pl.Schema({"hour_start": SLOT_DTYPE, "column": pl.String(), "energy_kwh": pl.Float64()})
_SUN_OFF_H = 1.5
_ROUNDING = 0.01
_PERIODS = (300, 3600)
_LEAST_DAY_S = 23 * 3600
_ENOUGH = 8


def hours_frame(exports: Sequence[HourlyStatistics], subjects: Subjects, timezone: str) -> pl.DataFrame:
    """Return every row of the statistics that is used, checked.

    Args:
        exports: statistics whose stamps without offset show one clock.
        subjects: what the sensors measure.
        timezone: zone of that clock.

    Returns:
        `[file, row, entity, stamp, total, change, instant, period, _reason]`; `total` and `change` are numbers,
        `period` is in seconds.
    """
    used = [entity for entity, subject in subjects.of.items() if subject in _ENERGIES]
    columns_read = ("row", "entity", "stamp", "end", "total", "change")
    frames = [export.frame.select(*columns_read, pl.lit(export.file).alias("file")) for export in exports]
    texts = [_as_text(name).alias(name) for name in ("stamp", "end")]
    energies = pl.concat(frames).filter(pl.col("entity").is_in(used))
    mine = energies.filter(_tells_energy().any().over("entity")).with_columns(texts)
    series = pl.concat_str(["file", "entity"], separator="\n").alias("_series")
    ended = with_instants(mine.with_columns(series), "end", "_end", "statistics").drop(NAIVE)
    timed = with_instants(ended, "stamp", "instant", "statistics")
    placed = _with_period(with_naive_read_as(timed, "instant", timezone, "_series"))
    checks = [
        reason_if(
            pl.col("instant").is_null(),
            worded("hour {} is not a date and time", pl.col("stamp").fill_null("(empty)")),
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
                worded("{} {} is not a finite number", pl.lit(name), text),
            )
        )
    # An estimate's rounding may say a little less than nothing.
    negative = pl.col("_change") < -_ROUNDING
    checks.append(reason_if(negative, worded("{} of an hour is negative", pl.col("_change"))))
    minutes = pl.col("period") // 60
    other = ~pl.col("period").is_in(_PERIODS)
    checks.append(reason_if(other, worded("a row covers {} minutes; an hour or five minutes are read", minutes)))
    off = pl.col("instant").dt.epoch("s") % pl.col("period") != 0
    name = pl.when(pl.col("period") == HOUR_S).then(pl.lit("an hour")).otherwise(pl.lit("five minutes"))
    checks.append(reason_if(off, worded("{} is not the start of {}", pl.col("stamp"), name)))
    several = pl.len().over("_series", "instant") > 1
    apart = pl.any_horizontal(pl.col(name).max() - pl.col(name).min() > _ROUNDING for name in ("_total", "_change"))
    twice = several & apart.over("_series", "instant").fill_null(value=False)
    checks.append(reason_if(twice, worded("{} is there twice with different values", pl.col("stamp"))))
    checked = object_to(placed.with_columns(pl.lit(None, dtype=pl.String).alias(REASON), *columns), checks)
    numbers = [pl.col("_total").alias("total"), pl.col("_change").alias("change")]
    return checked.with_columns(numbers).drop("_total", "_change", "_series", "_end", NAIVE)


def _tells_energy() -> pl.Expr:
    """Return whether a row has a sum, a state or a change; others have a mean, or nothing."""
    return pl.any_horizontal(pl.col(name).str.strip_chars().fill_null("") != "" for name in ("total", "change"))


def unused_statistics(exports: Sequence[HourlyStatistics], subjects: Subjects) -> list[str]:
    """Return notes on sensors whose statistics are not used: they hold means only, or are no energy's."""
    frames = [export.frame.select("entity", _tells_energy().alias("energy")) for export in exports]
    sensors = pl.concat(frames).group_by("entity", maintain_order=True).agg(pl.col("energy").any())
    known = [(str(name), energy) for name, energy in sensors.drop_nulls("entity").iter_rows()]
    known = [(name, energy) for name, energy in known if subjects.of.get(name, Subject.UNUSED) is not Subject.UNUSED]
    means = [name for name, energy in known if not energy]
    levels = [name for name, energy in known if energy and subjects.of[name] not in _ENERGIES]
    notes = [f"{MEANS_ONLY}{', '.join(means)}"] if means else []
    return notes + ([f"statistics of no energy of one direction are not used: {', '.join(levels)}"] if levels else [])


def _with_period(placed: pl.DataFrame) -> pl.DataFrame:
    """Add the time that a row tells of: to its end where that is stated, else by the usual step of its sensor [s].

    Steps of some hours are hours that are missing (an inverter asleep); steps of a day or more are days.
    """
    instant = pl.col("instant").dt.epoch("s")
    stated = (pl.col("_end").dt.epoch("s") - instant).over("_series")
    steps = placed.select("_series", instant.alias("at")).drop_nulls().unique().sort("_series", "at")
    step = pl.col("at").diff().over("_series")
    usual = steps.with_columns(step=step).drop_nulls("step").group_by("_series").agg(pl.col("step").mode().min())
    some_hours = pl.col("step").is_between(HOUR_S, _LEAST_DAY_S, closed="left")
    usual = usual.with_columns(pl.when(~some_hours).then("step"))
    joined = placed.join(usual, on="_series", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(stated, "step", pl.lit(HOUR_S)).alias("period")).drop("step")


def _as_text(name: str) -> pl.Expr:
    """Stamps in seconds or milliseconds since 1970, and with the day first, as instants in text; others as they are."""
    column = pl.col(name)
    number = column.str.extract(r"^(\d{10,13})(?:\.\d+)?$", 1)
    scale = pl.when(number.str.len_chars() == _MILLISECONDS).then(1_000).otherwise(1_000_000)
    instant = (number.cast(pl.Int64, strict=False) * scale).cast(pl.Datetime("us", "UTC"))
    day_first = column.str.replace(r"^(\d{2})\.(\d{2})\.(\d{4}) ", "$3-$2-$1 ")
    return pl.coalesce(instant.dt.strftime("%Y-%m-%dT%H:%M:%SZ"), day_first)


@dataclass(frozen=True, kw_only=True)
class HourlyEnergy:
    """The energy that statistics tell; each frame is `[hour_start, column, energy_kwh]`, a row a start and column.

    Attributes:
        hours: by hours; of two files the later counts.
        fine: by slots, from periods of minutes.
        notes: remarks for the person who imports.
        remarks: rows that are left out, see `remarks`.
        read_as: how each sensor was read.
    """

    hours: pl.DataFrame
    fine: pl.DataFrame
    notes: tuple[str, ...]
    remarks: pl.DataFrame
    read_as: tuple[ReadAs, ...]


def hourly_energy(rows: pl.DataFrame, subjects: Subjects, timezone: str) -> HourlyEnergy:
    """Return the energy of every hour that is known.

    Args:
        rows: good rows of `hours_frame`.
        subjects: what the sensors measure.
        timezone: IANA zone of the home.

    Raises:
        DataRefusedError: two sensors claim the same quantity, or a sensor's size is no home's.
    """
    present = {str(entity): subjects.of[str(entity)] for entity in rows["entity"].unique(maintain_order=True)}
    chosen = choose_statistics(present, list(_ENERGIES), subjects.sums)
    parts: list[pl.DataFrame] = []
    fine: list[pl.DataFrame] = []
    notes: list[str] = []
    treated: list[pl.DataFrame] = []
    read_as: list[ReadAs] = []
    taken = rows.filter(~pl.col("entity").is_in(list(chosen.left_out)))
    for key, group in taken.partition_by("file", "entity", as_dict=True, maintain_order=True).items():
        entity = str(key[1])
        column = subjects.of[entity].value
        curve, told, remarks = _curve(entity, subjects, group.sort("instant"), timezone)
        hours = curve.cut(HOUR_S)
        parts.append(_of_entity(hours, column, entity))
        if int(group["period"][0]) < HOUR_S:
            fine.append(_of_entity(curve.cut(), column, entity))
        notes += told
        treated += remarks
        read_as.append(_read_as(entity, subjects, told))
        notes.append(
            f"{entity} of {key[0]} is taken as {column}: {hours['energy_kwh'].sum():.2f} kWh in {hours.height} hours"
        )
    empty = pl.DataFrame(schema={**HOURLY, "entity": pl.String()})
    hours, slots = (one_a_start(pl.concat([empty, *some]), chosen.sums, subjects.signs) for some in (parts, fine))
    return HourlyEnergy(
        hours=hours,
        fine=slots,
        notes=(*notes, *chosen.notes),
        remarks=all_remarks(treated),
        read_as=tuple(read_as),
    )


def _read_as(entity: str, subjects: Subjects, notes: Sequence[str]) -> ReadAs:
    return ReadAs(
        quantity=subjects.of[entity].value,
        format="Home Assistant long-term statistics",
        sensor=entity,
        unit=subjects.units.get(entity) or unit_in(entity) or "not stated",
        treatment="; ".join(note.removeprefix(f"{entity}: ") for note in notes),
    )


def _of_entity(cut: pl.DataFrame, column: str, entity: str) -> pl.DataFrame:
    names = [pl.lit(column).alias("column"), "energy_kwh", pl.lit(entity).alias("entity")]
    return cut.select(pl.col("start").alias("hour_start"), *names)


def _curve(
    entity: str, subjects: Subjects, group: pl.DataFrame, timezone: str
) -> tuple[EnergyCurve, list[str], list[pl.DataFrame]]:
    """The energy of one sensor of one file, notes, and remarks on its rows."""
    period = float(group["period"][0])
    once = group.unique("instant", keep="last", maintain_order=True)
    totals, changes = once.drop_nulls("total"), once.drop_nulls("change")
    stated = subjects.units.get(entity) or unit_in(entity)
    if not totals.height:
        energy = changes["change"].to_numpy()
        factor, notes = _factor(entity, stated, energy * HOUR_S / period)
        starts, gained = as_seconds(changes["instant"]), np.maximum(energy * factor, 0.0)
        at: Reals = np.column_stack((starts, starts + period)).ravel()
        known: Reals = np.cumsum(np.column_stack((np.zeros_like(gained), gained)).ravel())
        covered: Reals = np.cumsum(np.column_stack((np.zeros_like(gained), np.full_like(gained, period))).ravel())
        return EnergyCurve(at, known, covered), notes, []
    seconds, values = as_seconds(totals["instant"]) + period, totals["total"].to_numpy()
    first = totals["change"][0]
    if isinstance(first, float):  # what the first period rose by tells where the counter stood before it
        seconds, values = np.append(seconds[0] - period, seconds), np.append(values[0] - first, values)
    values, unit_changes = in_one_unit(seconds, values)
    factor, notes = _factor(entity, stated, np.diff(values) * HOUR_S / np.diff(seconds))
    counted = counter_curve(seconds, values * factor, always=subjects.of[entity] is Subject.LOAD)
    remarks = {
        f"{counted.lost_kwh:.3g} kWh flowed while statistics were missing; those hours stay missing": counted.lost_kwh,
        f"{counted.dropped} rows are glitches and left out": counted.dropped,
        f"{counted.shifts} changes to an unrelated level; those hours stay missing": counted.shifts,
        "its unit changed, it is converted": len(unit_changes),
    }
    notes += [f"{entity}: {remark}" for remark, count in remarks.items() if count]
    return counted.curve, notes, counter_remarks(counted, entity, subjects.of[entity].value, timezone)


def _factor(entity: str, stated: str | None, hourly: Reals) -> tuple[float, list[str]]:
    """KWh per unit of a sensor: as stated, else by the size of its hours, which is told.

    Raises:
        DataRefusedError: the unit is no energy's, or by its size no home's.
    """
    if stated is not None:
        if stated not in _KWH_PER_UNIT:
            message = f"{entity} is in {stated}, which is no unit of an energy"
            raise DataRefusedError(message, f"leave it out: --map {entity}=ignore")
        return _KWH_PER_UNIT[stated], []
    rises = hourly[hourly > 0]
    unit = "Wh" if rises.size and float(np.median(rises)) > MAX_TYPICAL_KW else "kWh"
    if rises.size >= _ENOUGH and float(np.quantile(rises, 0.95)) < MIN_TYPICAL_KW:
        message = f"{entity}, read as {unit}, implies at most {1000 * float(np.quantile(rises, 0.95)):.2g} W"
        raise DataRefusedError(
            f"{message}, which no home runs on; it may be in MWh",
            f"end its name in _mwh or export its unit too, or leave it out: --map {entity}=ignore",
        )
    return _KWH_PER_UNIT[unit], [f"{entity}: no unit is stated; by the size of its hours it is {unit}"]


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


def with_statistics_of_minutes(recorded: pl.DataFrame, fine: pl.DataFrame) -> pl.DataFrame:
    """Return recorded readings, and where there are none those of statistics by the minute."""
    if fine.is_empty():
        return recorded
    wide = fine.pivot("column", index="hour_start", values="energy_kwh").rename({"hour_start": "slot_start"})
    slots = wide.with_columns(pl.lit(15, dtype=pl.Int32).alias("native_minutes"))
    joined = recorded.join(slots, on="slot_start", how="full", coalesce=True, suffix="_fine")
    both = [name for name in recorded.columns if f"{name}_fine" in joined.columns]
    filled = joined.with_columns(pl.coalesce(name, f"{name}_fine").alias(name) for name in both)
    return filled.drop(f"{name}_fine" for name in both).sort("slot_start")


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
