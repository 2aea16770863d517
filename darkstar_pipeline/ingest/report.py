"""The report of an import: how many rows were accepted, and what became of them in the lake."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from darkstar_pipeline.ingest.merge import MergeResult
from darkstar_pipeline.quality.energy_balance import Balance
from darkstar_pipeline.sources.home_assistant.choosing.understood import Understood


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """The result of an import.

    Attributes:
        kind: observations, prices, weather, home_assistant or statistics.
        files: names of the files that were read.
        rows_read: number of data rows in them.
        rows_accepted: number of rows that were accepted.
        rows_rejected: number of rows that were refused, each with its reason in `quarantine_file`.
        quarantine_file: file of the refused rows; None if no row was refused.
        slots_new: number of slots that had no row in the lake.
        slots_changed: number of slots of which a value changed.
        slots_unchanged: number of slots that said what the lake said already.
        first_slot: first slot that was accepted; None if no slot was.
        last_slot: last slot that was accepted.
        days: number of local days that the accepted slots fall on.
        notes: remarks for the person who imports.
        understood: how each recorded sensor of Home Assistant was understood.
        balance: whether the flows of the home add up; None where that cannot be told.
    """

    kind: str
    files: tuple[str, ...]
    rows_read: int
    rows_accepted: int
    rows_rejected: int
    quarantine_file: Path | None
    slots_new: int
    slots_changed: int
    slots_unchanged: int
    first_slot: datetime | None
    last_slot: datetime | None
    days: int
    notes: tuple[str, ...] = ()
    understood: tuple[Understood, ...] = ()
    balance: Balance | None = None


def import_report(
    kind: str,
    files: Sequence[str],
    merges: Sequence[MergeResult],
    *,
    rows_read: int,
    rows_rejected: int = 0,
    quarantine_file: Path | None = None,
    notes: Sequence[str] = (),
) -> ImportReport:
    """Return the report of an import.

    Args:
        kind: kind of the import.
        files: names of the files that were read.
        merges: one or more merges into one table, whose slots are counted.
        rows_read: number of data rows in the files.
        rows_rejected: number of them that were refused.
        quarantine_file: file of the refused rows.
        notes: remarks for the person who imports.
    """
    table = merges[0].table
    offered = pl.concat(merge.offered for merge in merges)
    instants = offered[table.key[0]]
    return ImportReport(
        kind=kind,
        files=tuple(files),
        rows_read=rows_read,
        rows_accepted=rows_read - rows_rejected,
        rows_rejected=rows_rejected,
        quarantine_file=quarantine_file,
        slots_new=sum(merge.new for merge in merges),
        slots_changed=sum(merge.changed for merge in merges),
        slots_unchanged=sum(merge.unchanged for merge in merges),
        first_slot=_utc(instants.min()),
        last_slot=_utc(instants.max()),
        days=offered[table.day_column].n_unique(),
        notes=tuple(notes),
    )


def _utc(instant: object) -> datetime | None:
    """Return an instant that Polars types as anything; None where there is none."""
    return instant.astimezone(UTC) if isinstance(instant, datetime) else None
