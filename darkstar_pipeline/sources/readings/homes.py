"""Readings of homes as their file has them, turned into slots and refused rows, each home as if it were alone.

A home by itself is the case of one home. Every rule is in `docs/importing.md`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.believed import refuse_unlike_rows, without_soc_excursions
from darkstar_pipeline.sources.duplicates import resolve_duplicates
from darkstar_pipeline.sources.meter_exports import MeterTable
from darkstar_pipeline.sources.numbers import number_checks, with_numbers
from darkstar_pipeline.sources.parsed import (
    REASON,
    ROW,
    ParsedHomes,
    ReadAs,
    Refused,
    numbered,
    object_to,
    refused_notes,
    rejects_of,
)
from darkstar_pipeline.sources.plausibility import soc_fractions, wrong_energy_units
from darkstar_pipeline.sources.readings.notes import (
    asleep,
    column_notes,
    counted_notes,
    far_off,
    order_notes,
    standby,
    whole_notes,
)
from darkstar_pipeline.sources.readings.values import rounded, value_checks
from darkstar_pipeline.sources.remarks import all_remarks
from darkstar_pipeline.sources.resampling import SOC_END, SOC_START, split_energy
from darkstar_pipeline.sources.resolution import (
    ALLOWED_MINUTES,
    NATIVE,
    on_own_grid,
    other_resolutions,
    resolution_notes,
)
from darkstar_pipeline.sources.stamps import placed_by_clock, stamp_checks, with_instants, without_instants
from darkstar_pipeline.warehouse.schemas import ENERGY_COLUMNS, SOC_COLUMNS
from env.home_rows import ALONE, HOME, by_home, per_home

MEASURED = (*ENERGY_COLUMNS, *SOC_COLUMNS)
ORIGIN = ("native_min", "source_minutes")
_STAMP = "stamp"


@dataclass(frozen=True, kw_only=True)
class RawReadings:
    """Readings as their file has them.

    Attributes:
        file: name that is reported.
        rows: rows in the file's order.
        others: columns that are not used.
        meter: an export of a maker, with its notes; None for a tidy file.
        homes: name of each row's home; None where all are of one.
    """

    file: str
    rows: pl.DataFrame
    others: tuple[str, ...] = ()
    meter: MeterTable | None = None
    homes: pl.Series | None = None


def parse_homes(
    readings: RawReadings,
    sites: Mapping[str, SiteSettings],
    timezone: str,
    *,
    now: datetime,
    clock: str | None = None,
    minutes: int | None = None,
) -> ParsedHomes:
    """Parse the readings of homes of one time zone, each as if it were alone; see `read_observations`.

    Args:
        readings: rows as their file has them.
        sites: settings of each home, whose limits distinguish kW from kWh.
        timezone: IANA zone of the homes.
        now: the present instant; a home with a later slot is refused.
        clock: zone whose clock stamps without offset show; None refuses them.
        minutes: length of a reading, where the source states it [min]; None tells it by the stamps.

    Raises:
        DataRefusedError: a column is of a type that no home's readings have.
    """
    name, raw = readings.file, readings.rows
    columns = [column for column in MEASURED if column in raw.columns]
    whose = pl.lit(ALONE) if readings.homes is None else pl.lit(readings.homes)
    stamps = numbered(raw).with_columns(whose.alias(HOME)).rename({"slot_start": _STAMP})
    stamped = placed_by_clock(with_instants(stamps, _STAMP, "slot_start", name), "slot_start", clock)
    refused = dict(without_instants(stamped, _STAMP, "slot_start", name))
    frame = object_to(with_numbers(_rest(stamped, refused), columns), stamp_checks(_STAMP, "slot_start"))
    refused |= {} if minutes is not None else other_resolutions(frame, name)
    timed = on_own_grid(_rest(frame, refused), stated=minutes)
    refused |= _in_future(timed, name, now)
    refused |= _in_other_units(_rest(timed, refused), columns, name, sites)
    timed = _rest(timed, refused)
    zeroed = rounded(timed, columns)
    single = resolve_duplicates(object_to(zeroed, [*number_checks(columns), *value_checks(columns)]), columns)
    believed = refuse_unlike_rows(single, [column for column in columns if column in ENERGY_COLUMNS], timezone)
    checked, levels = without_soc_excursions(believed, [column for column in columns if column in SOC_COLUMNS])
    rows, partial, empty = _slots(checked, columns)
    rejects = rejects_of(checked, raw, name)
    notes = [
        *whole_notes(timed, readings.meter.notes if readings.meter else ()),
        resolution_notes(
            checked.filter(pl.col(REASON).is_null()).join(rows, on=HOME, how="semi", maintain_order="left"), name
        ),
        *whole_notes(timed, column_notes(raw, readings.others, name)),
        order_notes(_rest(frame, refused), name),
        counted_notes(
            standby(timed, zeroed), name, "{} readings of pv_kwh below zero are an inverter's standby and count as 0"
        ),
        counted_notes(timed.join(single, on=ROW, how="anti"), name, "{} repeated rows are equal and count once"),
        counted_notes(levels, name, "{} states of charge are far off for one row only and left out"),
        counted_notes(partial, name, "{} slots are covered only in part and are left out"),
        counted_notes(empty, name, "{} slots hold no reading at all and are left out"),
        refused_notes(rejects, name),
    ]
    return ParsedHomes(
        rows=rows,
        rejects=rejects,
        refused=refused,
        notes=pl.concat(notes),
        read_as=read_as(columns, readings.meter),
        remarks=all_remarks([asleep(timed, zeroed, timezone), *far_off(believed, checked, timezone)]),
    )


def _rest(frame: pl.DataFrame, refused: Refused) -> pl.DataFrame:
    """Return the rows of the homes that are not refused."""
    return frame.filter(~pl.col(HOME).is_in(list(refused))) if refused else frame


def read_as(columns: Iterable[str], table: MeterTable | None = None) -> tuple[ReadAs, ...]:
    """Return how each quantity is read of columns of `MEASURED`: as a tidy file has them, or by a maker's table."""
    form, treatment = ("tidy file", "") if table is None else (table.format, "; ".join(table.notes))
    units = {
        "soc_percent" if column in SOC_COLUMNS else column: "%" if column in SOC_COLUMNS else "kWh"
        for column in columns
    }
    return tuple(
        ReadAs(quantity=quantity, format=form, sensor="", unit=unit, treatment=treatment)
        for quantity, unit in units.items()
    )


def _in_future(frame: pl.DataFrame, file: str, now: datetime) -> Refused:
    """Return the homes with readings of slots that have not begun."""
    later = frame.filter(pl.col(REASON).is_null() & (pl.col("slot_start") > now))
    refused = dict[str, DataRefusedError]()
    for home, count, last in per_home(later, pl.len(), pl.col("slot_start").max()).iter_rows():
        message = f"{file}: {count} rows lie in the future, up to {last:%Y-%m-%d %H:%MZ} (now {now:%Y-%m-%d %H:%MZ})"
        hint = "readings are of the past: check the offset of slot_start and this machine's clock"
        refused[home] = DataRefusedError(message, hint)
    return refused


def _in_other_units(
    frame: pl.DataFrame, columns: list[str], file: str, sites: Mapping[str, SiteSettings]
) -> dict[str, DataRefusedError]:
    """Return the homes with a column in the wrong unit, by their rows with valid stamps."""
    readable = frame.filter(pl.col(REASON).is_null())
    energy = wrong_energy_units(readable, [name for name in columns if name in ENERGY_COLUMNS], file, sites)
    return {**soc_fractions(readable, [name for name in columns if name in SOC_COLUMNS], file), **energy}


def _slots(checked: pl.DataFrame, columns: list[str]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return accepted rows as slots, the slots covered in part, and those without any reading."""
    good = checked.filter(pl.col(REASON).is_null())
    soc = any(name in SOC_COLUMNS for name in columns)
    energy = [name for name in columns if name in ENERGY_COLUMNS]
    if soc:
        absent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in (SOC_START, SOC_END) if name not in columns]
        good = good.with_columns(absent)
    slots, partial = split_energy(good, energy, soc=soc)
    empty = pl.all_horizontal(pl.col([*energy, *(SOC_COLUMNS if soc else ())]).is_null())
    return _with_origin(slots.filter(~empty), good), partial, slots.filter(empty)


def _with_origin(slots: pl.DataFrame, good: pl.DataFrame) -> pl.DataFrame:
    """Take `native_minutes` from the file where it states the resolution that its quarter-hours were split from."""
    given = next((name for name in ORIGIN if name in good.columns), None)
    if given is None:
        return slots
    coarser = pl.col(given).cast(pl.Int32, strict=False)
    keys = by_home(good, "slot_start")
    stated = good.select(*keys, pl.when(coarser.is_in(ALLOWED_MINUTES)).then(coarser).alias("_stated"))
    joined = slots.join(stated, on=keys, how="left", maintain_order="left")
    return joined.with_columns(pl.max_horizontal(NATIVE, "_stated").alias(NATIVE)).drop("_stated")
