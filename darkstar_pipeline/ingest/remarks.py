"""Remarks of an import merged into the lake: what it says of a span replaces what its file said of it before."""

from datetime import date, datetime

import polars as pl

from darkstar_pipeline.ingest.merge import stored_rows
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.warehouse.schemas import IMPORT_REMARKS
from env.home_rows import HOME, per_home
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
    lake, name, timezone = target.lake, target.site_name, target.site.timezone
    own = pl.lit(name).alias(HOME)
    spans = remarked_spans(remarks.with_columns(own), accepted.to_frame("slot_start").with_columns(own), timezone)
    days = remarked_days(spans)
    if days is None or (
        remarks.is_empty() and not any(days[0] <= day <= days[1] for day in lake.days(IMPORT_REMARKS, name))
    ):
        return
    offered = stored_rows(IMPORT_REMARKS, remarks, site_name=name, timezone=timezone, source=source, now=now)
    lake.merge_days(IMPORT_REMARKS, name, days, lambda stored: merged_remarks(stored, offered, source, spans))


def remarked_spans(remarks: pl.DataFrame, accepted: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Return the slots that an import says something of: those it accepted, and those that its remarks are on.

    Args:
        remarks: see `sources.remarks`, with `site`.
        accepted: `site` and `slot_start` of what the import accepted.
        timezone: IANA zone of the homes.

    Returns:
        `site`, `first` and `last` slot, `first_day` and `last_day`; a home of which it says nothing has no row.
    """
    slot = pl.col("slot_start").cast(IMPORT_REMARKS.schema["first_slot"])
    said = [accepted.select(HOME, slot)]
    said += [remarks.select(HOME, pl.col(name).alias("slot_start")) for name in ("first_slot", "last_slot")]
    spans = per_home(pl.concat(said).drop_nulls(), first=pl.col("slot_start").min(), last=pl.col("slot_start").max())
    zone(timezone)
    local = [pl.col(name).dt.convert_time_zone(timezone).dt.date().alias(f"{name}_day") for name in ("first", "last")]
    return spans.with_columns(local)


def remarked_days(spans: pl.DataFrame) -> tuple[date, date] | None:
    """Return the first and the last local day of `remarked_spans`; None where there is none."""
    first, last = spans["first_day"].min(), spans["last_day"].max()
    return (first, last) if isinstance(first, date) and isinstance(last, date) else None


def merged_remarks(stored: pl.DataFrame, offered: pl.DataFrame, source: str, spans: pl.DataFrame) -> pl.DataFrame:
    """Return the remarks of homes on the days on which they change.

    Args:
        stored: their remarks in the lake.
        offered: those of the import.
        source: file or service that the readings came from.
        spans: what the import says something of, see `remarked_spans`; days of a home outside it are left alone.
    """
    own = stored.join(spans, on=HOME, maintain_order="left").filter(
        pl.col("local_day").is_between("first_day", "last_day")
    )
    inside = (pl.col("first_slot") >= pl.col("first")) & (pl.col("last_slot") <= pl.col("last"))
    again = (pl.col("source") == source) & inside
    columns = stored.columns
    known = own.select(columns).join(offered, on=_SAID, how="semi")
    new = offered.join(own, on=_SAID, how="anti")
    withdrawn = own.filter(again).select(columns).join(offered, on=_SAID, how="anti")
    day = [HOME, "local_day"]
    changed = pl.concat([new.select(day), withdrawn.select(day)]).unique()
    kept = pl.concat([own.filter(~again).select(columns), known, new]).unique(_SAID, keep="first", maintain_order=True)
    once = kept.unique([HOME, *IMPORT_REMARKS.key], keep="last", maintain_order=True)
    return once.join(changed, on=day, how="semi", maintain_order="left")
