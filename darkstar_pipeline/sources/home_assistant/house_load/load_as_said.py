"""The load of the house in readings, as a mapping says that it comes about."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

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
    """Return readings with the load that a mapping says.

    Args:
        mapping: of the import.
        said: readings as the sensors give them.
        measured: what the sensors of the home measure.
        timezone: IANA zone of the local days.
    """
    if BALANCE in mapping:
        slots, by_hours = (with_load_of_balance(frame, measured) for frame in (said.slots, said.by_hours))
        note = f"load_kwh is taken as {READ_AS.treatment}"
        return LoadAsSaid(
            slots=slots, by_hours=by_hours, independent=said.independent, notes=(note,), read_as=(READ_AS,)
        )
    held = held_in(mapping.get(HELD, ""))
    if not held:
        return said
    slots, notes, remarks = without_held_loads(said.slots, held, timezone)
    by_hours, more_notes, more_remarks = without_held_loads(said.by_hours, held, timezone)
    return LoadAsSaid(
        slots=slots,
        by_hours=by_hours,
        independent=hours_without_held(said.independent, by_hours),
        notes=(*notes, *(f"{note}, by the hour" for note in more_notes)),
        remarks=(*remarks, *more_remarks),
    )
