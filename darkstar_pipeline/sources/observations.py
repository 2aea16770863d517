"""Tidy files of meter readings: `slot_start` and kWh per row, on any of five resolutions.

The table of columns and every rule is in `docs/importing.md`. This module turns a file into slots and refused rows.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.believed import refuse_unlike_rows, without_soc_excursions
from darkstar_pipeline.sources.duplicates import resolve_duplicates
from darkstar_pipeline.sources.files import read_table
from darkstar_pipeline.sources.meter_exports import MeterTable, read_meter_table
from darkstar_pipeline.sources.numbers import number_checks, with_numbers
from darkstar_pipeline.sources.parsed import (
    REASON,
    Parsed,
    ReadAs,
    numbered,
    object_to,
    reason_if,
    refused_note,
    rejects_of,
)
from darkstar_pipeline.sources.plausibility import (
    MAX_HOME_KW,
    implied_kw,
    refuse_soc_fraction,
    refuse_wrong_energy_unit,
)
from darkstar_pipeline.sources.remarks import ALTERED, REFUSED, all_remarks, remarks_on
from darkstar_pipeline.sources.resampling import SOC_END, SOC_START, split_energy
from darkstar_pipeline.sources.resolution import ALLOWED_MINUTES, NATIVE, resolution_note, with_resolution
from darkstar_pipeline.sources.stamps import placed_by_clock, stamp_checks, with_instants
from darkstar_pipeline.warehouse.schemas import ENERGY_COLUMNS, SOC_COLUMNS

MEASURED = (*ENERGY_COLUMNS, *SOC_COLUMNS)
_REQUIRED = ("slot_start", "load_kwh")
_ORIGIN = ("native_min", "source_minutes")
_HOMES = ("home", "site")
READINGS_COLUMNS = ("slot_start", *MEASURED, *_HOMES, *_ORIGIN)
"""Columns of a tidy file that are read where they are there."""
_STAMP = "stamp"
_SOC_LIMITS = (-50.0, 150.0)
"""Outside these limits a value cannot be a state of charge [%]; values outside 0-100 % are left to the quality gate."""
_ROUNDING_KWH = 1e-6
_STANDBY_KW = 0.05
"""An inverter asleep draws some watts, which a PV meter may show as a small negative power [kW]."""


@dataclass(frozen=True, kw_only=True)
class RawReadings:
    """Readings of one home as their file has them.

    Attributes:
        file: name that is reported.
        rows: rows in the file's order.
        others: columns that are not used.
        meter: an export of a maker, with its notes; None for a tidy file.
    """

    file: str
    rows: pl.DataFrame
    others: tuple[str, ...] = ()
    meter: MeterTable | None = None


def read_observations(
    file: Path, *, site: SiteSettings, now: datetime, clock: str | None = None, minutes: int | None = None
) -> Parsed:
    """Read a file of meter readings.

    Args:
        file: a tidy Parquet or CSV, either also gzipped, or an export of a maker (`meter_exports`).
        site: its limits distinguish kW from kWh.
        now: the present instant; a later slot is refused.
        clock: zone whose clock stamps without offset show; None refuses them.
        minutes: length of a reading, where the source states it [min]; None tells it by the stamps.

    Returns:
        Rows `[slot_start, <columns of MEASURED that the file has>, native_minutes]`, sorted, one a slot.

    Raises:
        ConfigurationError: the file is not there or cannot be read.
        DataRefusedError: the file as a whole cannot be used; the error says why and what to do.
    """
    meter = None if file.suffix.lower() not in (".csv", ".txt") else read_meter_table(file, site)
    rows, others = read_table(file, READINGS_COLUMNS) if meter is None else (meter.rows, ())
    require_columns(rows, others, file.name)
    _refuse_many_homes(rows, file.name)
    raw = RawReadings(file=file.name, rows=rows, others=others, meter=meter)
    return parse_observations(raw, site=site, now=now, clock=clock, minutes=minutes)


def parse_observations(
    readings: RawReadings, *, site: SiteSettings, now: datetime, clock: str | None = None, minutes: int | None = None
) -> Parsed:
    """Parse the readings of one home; see `read_observations`.

    Raises:
        DataRefusedError: they as a whole cannot be used; the error says why and what to do.
    """
    name, raw, others, table = readings.file, readings.rows, readings.others, readings.meter
    columns = [column for column in MEASURED if column in raw.columns]
    stamped = with_instants(numbered(raw).rename({"slot_start": _STAMP}), _STAMP, "slot_start", name)
    stamped = placed_by_clock(stamped, _STAMP, "slot_start", name, clock)
    frame = object_to(with_numbers(stamped, columns), stamp_checks(_STAMP, "slot_start"))
    timed = with_resolution(frame, name, stated=minutes)
    _refuse_future(timed, name, now)
    _refuse_units(timed, columns, name, site)
    zeroed = rounded(timed, columns)
    single, copies = resolve_duplicates(object_to(zeroed, [*number_checks(columns), *value_checks(columns)]), columns)
    believed = refuse_unlike_rows(single, [name for name in columns if name in ENERGY_COLUMNS], site.timezone)
    checked, levels = without_soc_excursions(believed, [name for name in columns if name in SOC_COLUMNS])
    rows, partial, empty = _slots(checked, columns)
    notes = (
        *(() if table is None else table.notes),
        resolution_note(checked.filter(pl.col(REASON).is_null()), name) if rows.height else "",
        *_column_notes(raw, others, name),
        _order_note(frame, name),
        _standby_note(timed, zeroed, name),
        f"{name}: {copies} repeated rows are equal and count once" if copies else "",
        f"{name}: {levels} states of charge are far off for one row only and left out" if levels else "",
        f"{name}: {partial} slots are covered only in part and are left out" if partial else "",
        f"{name}: {empty} slots hold no reading at all and are left out" if empty else "",
    )
    rejects = rejects_of(checked, raw, name)
    parsed = Parsed(
        rows=rows,
        rejects=rejects,
        rows_read=raw.height,
        read_as=_read_as(columns, table),
        remarks=all_remarks([_asleep(timed, zeroed, site.timezone), *_far_off(believed, checked, site.timezone)]),
    )
    return parsed.noting(*notes, refused_note(rejects, name))


def _read_as(columns: list[str], table: MeterTable | None) -> tuple[ReadAs, ...]:
    """Return how each quantity was read."""
    form, treatment = ("tidy file", "") if table is None else (table.format, "; ".join(table.notes))
    units = {column.replace("soc_start", "soc"): "%" if column in SOC_COLUMNS else "kWh" for column in columns}
    units.pop(SOC_END, None)
    return tuple(
        ReadAs(quantity=quantity, format=form, sensor="", unit=unit, treatment=treatment)
        for quantity, unit in units.items()
    )


def _far_off(believed: pl.DataFrame, checked: pl.DataFrame, timezone: str) -> list[pl.DataFrame]:
    """Return remarks on the states of charge that are left out."""
    words = "a state of charge is far off for one row only"
    return [
        remarks_on(
            believed.filter(believed[name].is_not_null() & checked[name].is_null()).select(
                "slot_start", pl.lit(words).alias("reason")
            ),
            "soc_percent",
            REFUSED,
            timezone,
        )
        for name in SOC_COLUMNS
        if name in believed.columns
    ]


def require_columns(raw: pl.DataFrame, others: tuple[str, ...], file: str) -> None:
    """Refuse a file without the columns that every import needs."""
    missing = [name for name in _REQUIRED if name not in raw.columns]
    if missing:
        present = ", ".join([*raw.columns, *others][:12])
        hint = "name the columns slot_start, load_kwh, pv_kwh, ...; for Home Assistant use `darkstar import ha`"
        raise DataRefusedError(f"{file} has no column {' or '.join(missing)}; it has {present}", hint)


def _refuse_many_homes(raw: pl.DataFrame, file: str) -> None:
    """Refuse a file of several homes: their readings would be mixed."""
    for name in _HOMES:
        if name in raw.columns and raw[name].n_unique() > 1:
            homes = [str(home) for home in raw[name].unique().sort().to_list()]
            shown = ", ".join(homes[:6])
            fleet = "; homes of a fleet: `darkstar fleet readings`" if name == "site" else ""
            hint = f"write one file per home, e.g. the rows where {name} = {homes[0]}{fleet}"
            raise DataRefusedError(f"{file} holds {len(homes)} homes ({shown}); an import is of one", hint)


def _refuse_future(frame: pl.DataFrame, file: str, now: datetime) -> None:
    """Refuse a file with readings of slots that have not begun."""
    later = frame.filter(pl.col(REASON).is_null() & (pl.col("slot_start") > now))
    if later.height:
        last = later["slot_start"].max()
        message = (
            f"{file}: {later.height} rows lie in the future, up to {last:%Y-%m-%d %H:%MZ} (now {now:%Y-%m-%d %H:%MZ})"
        )
        raise DataRefusedError(
            message, "readings are of the past: check the offset of slot_start and this machine's clock"
        )


def _refuse_units(frame: pl.DataFrame, columns: list[str], file: str, site: SiteSettings) -> None:
    """Refuse a file with a column in the wrong unit, checked on the rows with valid stamps."""
    readable = frame.filter(pl.col(REASON).is_null())
    refuse_wrong_energy_unit(readable, [name for name in columns if name in ENERGY_COLUMNS], file, site)
    refuse_soc_fraction(readable, [name for name in columns if name in SOC_COLUMNS], file)


def rounded(frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Set to zero what is negative only by rounding or, for PV, by the inverter's standby power at night."""
    zeroed: list[pl.Expr] = []
    for name in columns:
        if name in ENERGY_COLUMNS:
            nothing = pl.col(name).is_between(-_ROUNDING_KWH, 0)
            if name == "pv_kwh":
                nothing |= implied_kw(name).is_between(-_STANDBY_KW, 0)
            zeroed.append(pl.when(nothing).then(0.0).otherwise(pl.col(name)).alias(name))
    return frame.with_columns(zeroed)


def _standby_note(read: pl.DataFrame, rounded: pl.DataFrame, file: str) -> str:
    """Return a note on PV that was below zero by more than rounding and is taken as none."""
    asleep = int(_stands_by(read, rounded).sum())
    return f"{file}: {asleep} readings of pv_kwh below zero are an inverter's standby and count as 0" if asleep else ""


def _stands_by(read: pl.DataFrame, rounded: pl.DataFrame) -> pl.Series:
    """Return in which rows PV was below zero by more than rounding and is taken as none."""
    if "pv_kwh" not in read.columns:
        return pl.repeat(value=False, n=read.height, eager=True)
    return ((read["pv_kwh"] < -_ROUNDING_KWH) & (rounded["pv_kwh"] == 0)).fill_null(value=False)


def _asleep(read: pl.DataFrame, rounded: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Return remarks on the PV that is taken as none."""
    rows = read.filter(_stands_by(read, rounded))
    words = "pv_kwh below zero is an inverter's standby, taken as 0"
    return remarks_on(rows.select("slot_start", pl.lit(words).alias("reason")), "pv_kwh", ALTERED, timezone)


def value_checks(columns: list[str]) -> list[pl.Expr]:
    """Return the checks of the sizes of one row's values."""
    checks: list[pl.Expr] = []
    for name in columns:
        value, label = pl.col(name), pl.lit(name)
        if name in SOC_COLUMNS:
            outside = ~value.is_between(*_SOC_LIMITS)
            checks.append(reason_if(outside, pl.format("{} {} % is no state of charge", label, value)))
            continue
        power = implied_kw(name)
        too_much = pl.format("{} {} kWh implies {} kW, more than a home can", label, value, power.round(1))
        checks += [
            reason_if(value < 0, pl.format("{} {} kWh is negative", label, value)),
            reason_if(power > MAX_HOME_KW, too_much),
        ]
    return checks


def _slots(checked: pl.DataFrame, columns: list[str]) -> tuple[pl.DataFrame, int, int]:
    """Return accepted rows as slots, the number of slots covered in part, and the number without any reading."""
    good = checked.filter(pl.col(REASON).is_null())
    soc = any(name in SOC_COLUMNS for name in columns)
    energy = [name for name in columns if name in ENERGY_COLUMNS]
    if soc:
        absent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in (SOC_START, SOC_END) if name not in columns]
        good = good.with_columns(absent)
    slots, partial = split_energy(good, energy, soc=soc)
    measured = [*energy, *(SOC_COLUMNS if soc else ())]
    filled = slots.filter(~pl.all_horizontal(pl.col(measured).is_null()))
    return _with_origin(filled, good), partial, slots.height - filled.height


def _with_origin(slots: pl.DataFrame, good: pl.DataFrame) -> pl.DataFrame:
    """Take `native_minutes` from the file where it states the resolution that its quarter-hours were split from."""
    given = next((name for name in _ORIGIN if name in good.columns), None)
    if given is None:
        return slots
    coarser = pl.col(given).cast(pl.Int32, strict=False)
    stated = good.select("slot_start", pl.when(coarser.is_in(ALLOWED_MINUTES)).then(coarser).alias("_stated"))
    joined = slots.join(stated, on="slot_start", how="left", maintain_order="left")
    return joined.with_columns(pl.max_horizontal(NATIVE, "_stated").alias(NATIVE)).drop("_stated")


def _column_notes(raw: pl.DataFrame, others: tuple[str, ...], file: str) -> list[str]:
    """Return notes on columns that are not used and on columns that are missing."""
    notes = [f"{file}: columns not used: {', '.join(others)}"] if others else []
    if "pv_kwh" not in raw.columns:
        notes.append(f"{file}: no column pv_kwh; PV stays unknown")
    return notes


def _order_note(frame: pl.DataFrame, file: str) -> str:
    """Return a note if the rows are not in order of time."""
    return (
        ""
        if frame["slot_start"].drop_nulls().is_sorted()
        else f"{file}: rows were not in order of time and were sorted"
    )
