"""The report of an import of readings or prices into a fleet."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from darkstar_pipeline.ingest.fleet.bucket_changes import MergeCounts

MOST_NOTES = 8
"""Kinds of remarks that are told; further ones are counted."""


@dataclass(frozen=True, kw_only=True)
class FleetReport:
    """The result of an import into a fleet.

    Attributes:
        kind: readings or prices.
        file: name of the file.
        homes: homes that got rows.
        rows_read: data rows in the file.
        rows_rejected: number of rows that were refused, each with its reason in `quarantine_file`.
        quarantine_file: file of the refused rows; None if no row was refused.
        slots_new: slots of homes that had no row in the lake.
        slots_changed: slots of which a value changed.
        slots_unchanged: slots that said what the lake said already.
        refused: homes, or price areas, that were refused as a whole, with the reason.
        damaged: objects of the lake that could not be read, by bucket: its homes did not get all of their rows.
        notes: remarks for the person who imports, each with its number of homes.
    """

    kind: str
    file: str
    homes: int
    rows_read: int
    rows_rejected: int
    quarantine_file: Path | None
    slots_new: int
    slots_changed: int
    slots_unchanged: int
    refused: dict[str, str]
    notes: tuple[str, ...]
    damaged: dict[int, str] = field(default_factory=dict[int, str])


def summed(counts: Iterable[MergeCounts]) -> MergeCounts:
    """Return the sums of counts.

    >>> summed([MergeCounts(new=1), MergeCounts(new=2, changed=3)])
    MergeCounts(new=3, changed=3, unchanged=0)
    """
    return MergeCounts(*(sum(column) for column in zip(MergeCounts(), *counts, strict=True)))


def counted(notes: Counter[str]) -> tuple[str, ...]:
    """Return notes, the most frequent first, each with its number of homes.

    >>> counted(Counter(["a", "a", "b"]))
    ('a (2 homes)', 'b (1 home)')
    """
    ordered = sorted(notes.items(), key=lambda item: (-item[1], item[0]))[:MOST_NOTES]
    told = [f"{note} ({count} {'home' if count == 1 else 'homes'})" for note, count in ordered]
    more = len(notes) - MOST_NOTES
    return (*told, f"and {more} more kinds of remarks") if more > 0 else tuple(told)
