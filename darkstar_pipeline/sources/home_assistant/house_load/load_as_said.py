"""The load of the house in readings, as a mapping says that it comes about."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

import polars as pl

from darkstar_pipeline.sources.home_assistant.house_load.held_loads import (
    HELD,
    held_in,
    hours_without_held,
    without_held_loads,
)
from darkstar_pipeline.sources.home_assistant.house_load.load_of_balance import (
    BALANCE,
    READ_AS,
    with_load_of_balance,
)
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject
from darkstar_pipeline.sources.parsed import ReadAs

HEAT_PUMP = "heat_pump"
"""The quantity of a heat pump in `meter_statistics`."""
_SLOTS_PER_HOUR = 4


@dataclass(frozen=True, kw_only=True)
class LoadAsSaid:
    """Readings with the load of the house.

    Attributes:
        slots: readings by the slot.
        by_hours: the same by the hour.
        independent: the independent series of hours.
        notes: for the person who imports.
        remarks: on readings that are altered or refused.
        read_as: how the load was read, where no sensor measures it.
    """

    slots: pl.DataFrame
    by_hours: pl.DataFrame
    independent: pl.DataFrame
    notes: tuple[str, ...] = ()
    remarks: tuple[pl.DataFrame, ...] = ()
    read_as: tuple[ReadAs, ...] = ()


def load_as_said(mapping: Mapping[str, str], said: LoadAsSaid, measured: Set[Subject], timezone: str) -> LoadAsSaid:
    """Return readings with the load that a mapping says, and a heat pump among the hours alone.

    Args:
        mapping: of the import.
        said: readings as the sensors give them.
        measured: what the sensors of the home measure.
        timezone: IANA zone of the local days.
    """
    said = _with_heat_pump_apart(said)
    if BALANCE in mapping:
        slots, by_hours = (with_load_of_balance(frame, measured) for frame in (said.slots, said.by_hours))
        note = f"load_kwh is taken as {READ_AS.treatment}"
        return replace(said, slots=slots, by_hours=by_hours, notes=(*said.notes, note), read_as=(READ_AS,))
    held = held_in(mapping.get(HELD, ""))
    if not held:
        return said
    slots, notes, remarks = without_held_loads(said.slots, held, timezone)
    by_hours, more_notes, more_remarks = without_held_loads(said.by_hours, held, timezone)
    return replace(
        said,
        slots=slots,
        by_hours=by_hours,
        independent=hours_without_held(said.independent, by_hours),
        notes=(*said.notes, *notes, *(f"{note}, by the hour" for note in more_notes)),
        remarks=(*remarks, *more_remarks),
    )


def _with_heat_pump_apart(said: LoadAsSaid) -> LoadAsSaid:
    """Return readings whose heat pump stands among the hours: nothing plans it, so that it stays in the load."""
    column = Subject.HEAT_PUMP.value
    if column not in said.slots.columns and column not in said.by_hours.columns:
        return said
    independent = said.independent
    if column in said.slots.columns:
        whole = (
            said.slots.drop_nulls(column)
            .group_by(pl.col("slot_start").dt.truncate("1h").alias("hour_start"))
            .agg(pl.lit(HEAT_PUMP).alias("quantity"), pl.col(column).sum().alias("energy_kwh"), pl.len().alias("slots"))
            .filter(pl.col("slots") == _SLOTS_PER_HOUR)
        )
        both = pl.concat([independent, whole.select(independent.columns).cast(dict(independent.schema))])  # pyright: ignore[reportArgumentType]
        independent = both.unique(["hour_start", "quantity"], keep="last", maintain_order=True)
    slots, by_hours = (_read_otherwise(frame, column) for frame in (said.slots, said.by_hours))
    return LoadAsSaid(
        slots=slots,
        by_hours=by_hours,
        independent=independent,
        notes=("the heat pump is read apart by the hour, and stays in the load, since nothing plans it",),
    )


def _read_otherwise(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return readings without a column, and without the rows that only it had."""
    if column not in frame.columns:
        return frame
    left = frame.drop(column)
    values = [name for name in left.columns if name not in ("slot_start", "native_minutes")]
    return left.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in values)) if values else left.clear()
