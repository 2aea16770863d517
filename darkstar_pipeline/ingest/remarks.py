"""Remarks of an import merged into the lake: what it says of a span replaces what its file said of it before."""

from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from darkstar_pipeline.ingest.merge import stored_rows
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.warehouse.schemas import IMPORT_REMARKS
from env.time_grid import zone

_SAID = [name for name in IMPORT_REMARKS.schema if name != "imported_at"]


def store_remarks(
    target: ImportTarget, remarks: pl.DataFrame, accepted: pl.Series, *, source: str, now: datetime
) -> None:
    """Store the remarks of an import; only days on which they change are written.

    Remarks of the same source stay where it says nothing of their span now: the service reads a part of a day at a
    time. A day whose last remark is withdrawn keeps it: it no longer explains anything, since its slots were read.

    Args:
        target: the home and its lake.
        remarks: see `sources.remarks`.
        accepted: slots that the import accepted.
        source: file or service that the readings came from.
        now: the instant of the import, with offset.
    """
    span = remarked_span(remarks, accepted)
    if span is None:
        return
    lake, name = target.lake, target.site_name
    start, end = span.days(target.site.timezone)
    if remarks.is_empty() and not any(start <= day <= end for day in lake.days(IMPORT_REMARKS, name)):
        return
    offered = stored_rows(IMPORT_REMARKS, remarks, site_name=name, site=target.site, source=source, now=now)
    lake.merge_days(IMPORT_REMARKS, name, (start, end), lambda stored: merged_remarks(stored, offered, source, span))


class RemarkedSpan(NamedTuple):
    """The slots that an import says something of: those it accepted, and those that its remarks are on.

    Attributes:
        first: first slot.
        last: last slot.
    """

    first: datetime
    last: datetime

    def days(self, timezone: str) -> tuple[date, date]:
        """Return the first and the last local day."""
        return self.first.astimezone(zone(timezone)).date(), self.last.astimezone(zone(timezone)).date()


def remarked_span(remarks: pl.DataFrame, accepted: pl.Series) -> RemarkedSpan | None:
    """Return the span of an import; None where it accepted nothing and remarks on nothing.

    Args:
        remarks: see `sources.remarks`.
        accepted: slots that the import accepted.
    """
    spans = pl.concat([accepted.cast(IMPORT_REMARKS.schema["first_slot"]), remarks["first_slot"], remarks["last_slot"]])
    first, last = spans.min(), spans.max()
    return RemarkedSpan(first, last) if isinstance(first, datetime) and isinstance(last, datetime) else None


def merged_remarks(stored: pl.DataFrame, offered: pl.DataFrame, source: str, span: RemarkedSpan) -> pl.DataFrame:
    """Return the remarks of a home on the days on which they change.

    Args:
        stored: its remarks in the lake.
        offered: those of the import.
        source: file or service that the readings came from.
        span: what the import says something of.
    """
    again = (pl.col("source") == source) & (pl.col("first_slot") >= span.first) & (pl.col("last_slot") <= span.last)
    known = stored.join(offered, on=_SAID, how="semi")
    new = offered.join(stored, on=_SAID, how="anti")
    withdrawn = stored.filter(again).join(offered, on=_SAID, how="anti")
    changed = pl.concat([new["local_day"], withdrawn["local_day"]]).unique().implode()
    kept = pl.concat([stored.filter(~again), known, new]).unique(_SAID, keep="first", maintain_order=True)
    once = kept.unique(["site", *IMPORT_REMARKS.key], keep="last", maintain_order=True)
    return once.filter(pl.col("local_day").is_in(changed))
