"""A stored quantity in figures: how much of it there is, how large it is, where it is missing, where it came from."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from darkstar_pipeline.doctor.import_provenance import Provenance, provenance_of
from darkstar_pipeline.doctor.import_reasons import ImportReason, import_reasons
from darkstar_pipeline.quality.unlike_home import REASON
from darkstar_pipeline.quality.unlike_slots import unlike_slots
from env.time_grid import SLOT, grid, local_day

LARGEST_GAPS = 10
_WHOLE_DAY = 0.9
"""A day counts for the typical day if it has so much of its slots."""
_DAY = "local_day"


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Slots without a value between slots with one.

    Attributes:
        first_slot: start of the first missing slot.
        last_slot: start of the last missing slot.
        slots: number of missing slots.
    """

    first_slot: datetime
    last_slot: datetime
    slots: int


@dataclass(frozen=True, kw_only=True)
class Unlike:
    """A stored reading that the home cannot have had.

    Attributes:
        slot_start: its slot.
        reason: the rule, with its figures.
    """

    slot_start: datetime
    reason: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file or service that stored slots came from.

    Attributes:
        source: its name.
        native_minutes: its resolution, before it was put on the slot grid [min].
        slots: number of slots.
        first_day: first of their local days.
        last_day: last of their local days.
    """

    source: str
    native_minutes: int
    slots: int
    first_day: date
    last_day: date


@dataclass(frozen=True, kw_only=True)
class StoredQuantity:
    """A stored quantity in figures.

    Attributes:
        quantity: its column.
        table: the table of the lake that holds it.
        unit: unit of `typical` and `highest`.
        first_day: first local day with a value.
        last_day: last local day with a value.
        days: number of local days with a value.
        slots: number of slots with a value.
        share: share of the slots of all days from the first to the last that have a value, 0 to 1.
        typical: median over whole days of the day's total of an energy; of a level or a price, of its mean.
        highest: largest value of a slot.
        highest_slot: that slot.
        gaps: number of gaps.
        largest_gaps: the longest of them, longest first.
        unlike: readings that the home cannot have had, in order of time.
        sources: files and services that the slots came from, the newest first.
        provenance: as what those sources were read.
        refused: number of its readings that imports refused.
        altered: number of its readings that imports altered.
        reasons: why, the most frequent reason first.
    """

    quantity: str
    table: str
    unit: str
    first_day: date
    last_day: date
    days: int
    slots: int
    share: float
    typical: float | None
    highest: float
    highest_slot: datetime
    gaps: int
    largest_gaps: tuple[Gap, ...]
    unlike: tuple[Unlike, ...]
    sources: tuple[Source, ...]
    provenance: tuple[Provenance, ...]
    refused: int
    altered: int
    reasons: tuple[ImportReason, ...]


def stored_quantity(
    rows: pl.DataFrame,
    column: str,
    remarks: pl.DataFrame,
    provenance: pl.DataFrame,
    *,
    table: str,
    unit: str,
    timezone: str,
) -> StoredQuantity | None:
    """Return a quantity in figures; None where no row has a value.

    Args:
        rows: `slot_start, native_minutes, source` and the column, one row a slot.
        column: the quantity.
        remarks: rows of `import_remarks` of the same days.
        provenance: rows of `import_provenance` of the site.
        table: the table that it was read from.
        unit: unit of its values, `kWh` of an energy per slot.
        timezone: IANA zone of the home.
    """
    read = (
        rows.select("slot_start", "native_minutes", "source", pl.col(column).alias("value"), local_day(timezone))
        .filter(pl.col("value").is_finite())
        .sort("slot_start")
    )
    if read.is_empty():
        return None
    days = read[_DAY]
    first, last = days[0], days[-1]
    expected = grid(first, last, timezone)
    top = read.row(int(read["value"].arg_max() or 0), named=True)
    gaps = _gaps(read["slot_start"])
    reasons = import_reasons(remarks, column)
    return StoredQuantity(
        quantity=column,
        table=table,
        unit=unit,
        first_day=first,
        last_day=last,
        days=days.n_unique(),
        slots=read.height,
        share=read.height / expected.height,
        typical=_typical(read, expected, total=unit == "kWh"),
        highest=top["value"],
        highest_slot=top["slot_start"],
        gaps=len(gaps),
        largest_gaps=tuple(sorted(gaps, key=lambda gap: -gap.slots)[:LARGEST_GAPS]),
        unlike=_unlike(rows, column, timezone) if unit == "kWh" else (),
        sources=_sources(read),
        provenance=provenance_of(provenance, column, read["source"].unique().to_list()),
        refused=sum(reason.readings for reason in reasons if reason.action == "refused"),
        altered=sum(reason.readings for reason in reasons if reason.action == "altered"),
        reasons=reasons,
    )


def _typical(read: pl.DataFrame, expected: pl.DataFrame, *, total: bool) -> float | None:
    """Return the median over whole days of the day's total or mean; None where no day is whole."""
    slots = expected.group_by(_DAY).len("expected")
    figure = pl.col("value").sum() if total else pl.col("value").mean()
    days = read.group_by(_DAY).agg(figure.alias("figure"), pl.len().alias("read")).join(slots, on=_DAY)
    median = days.filter(pl.col("read") >= _WHOLE_DAY * pl.col("expected"))["figure"].median()
    return float(median) if isinstance(median, int | float) else None


def _gaps(starts: pl.Series) -> list[Gap]:
    """Return the gaps between slots in order of time."""
    slots = pl.DataFrame({"at": starts}).with_columns(before=pl.col("at").shift(1))
    found = slots.filter(pl.col("at") - pl.col("before") > SLOT)
    return [
        Gap(first_slot=before + SLOT, last_slot=at - SLOT, slots=int((at - before) / SLOT) - 1)
        for at, before in found.iter_rows()
    ]


def _unlike(rows: pl.DataFrame, column: str, timezone: str) -> tuple[Unlike, ...]:
    """Return the readings that the gate refuses too: an hour that was split into slots is one."""
    found = unlike_slots(rows, column, timezone)
    ordered = found.sort("slot_start").select("slot_start", REASON)
    return tuple(Unlike(slot_start=at, reason=reason) for at, reason in ordered.iter_rows())


def _sources(read: pl.DataFrame) -> tuple[Source, ...]:
    parts = read.group_by("source", "native_minutes").agg(
        slots=pl.len(), first_day=pl.col(_DAY).min(), last_day=pl.col(_DAY).max()
    )
    newest_first = parts.sort(
        "last_day", "first_day", "source", "native_minutes", descending=[True, True, False, False]
    )
    return tuple(Source(**row) for row in newest_first.to_dicts())
