"""Provenance of an import: how each quantity was read, stored where it differs from what is stored already."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime

import polars as pl

from darkstar_pipeline.ingest.merge import stored_rows
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.sources.parsed import ReadAs
from darkstar_pipeline.warehouse.schemas import IMPORT_PROVENANCE
from env.home_rows import HOME, per_home

_SAID = ("quantity", "format", "sensor", "unit", "source")
_NUMBERS = r"[0-9][0-9.:TZ+-]*"


def store_provenance(
    target: ImportTarget, read_as: Sequence[ReadAs], accepted: pl.Series, *, source: str, now: datetime
) -> None:
    """Store how an import read each quantity, unless the same was said of its source before.

    Args:
        target: the home and its lake.
        read_as: how each quantity was read.
        accepted: slots that the import accepted.
        source: file or service that the readings came from.
        now: the instant of the import, with offset.
    """
    lake, name = target.lake, target.site_name
    slots = pl.DataFrame({"slot_start": accepted}).with_columns(pl.lit(name).alias(HOME))
    offered = provenance_rows(read_as, slots, timezone=target.site.timezone, source=source, now=now)
    day = offered["local_day"].min()
    if not isinstance(day, date):
        return
    new = unknown_provenance(offered, lake.read(IMPORT_PROVENANCE, name))
    if new.is_empty():
        return
    lake.merge_days(IMPORT_PROVENANCE, name, (day, day), lambda stored: merged_provenance(stored, new))


def provenance_rows(
    read_as: Sequence[ReadAs], accepted: pl.DataFrame, *, timezone: str, source: str, now: datetime
) -> pl.DataFrame:
    """Return rows of `import_provenance`, from the first slot on that was accepted of each home.

    Args:
        read_as: how each quantity was read.
        accepted: `site` and `slot_start` of what the import accepted.
        timezone: IANA zone of the homes.
        source: file or service that the readings came from.
        now: the instant of the import, with offset.
    """
    first = per_home(accepted, pl.col("slot_start").min().alias("first_slot")).drop_nulls()
    if not read_as or first.is_empty():
        return pl.DataFrame(schema=IMPORT_PROVENANCE.schema)
    once = pl.DataFrame([asdict(one) for one in read_as]).unique(
        ["quantity", "sensor"], keep="last", maintain_order=True
    )
    rows = first.join(once, how="cross")
    return stored_rows(IMPORT_PROVENANCE, rows, site_name="", timezone=timezone, source=source, now=now)


def unknown_provenance(offered: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that say something else of their source than the stored ones.

    Treatments that differ only in their numbers are the same: the service reads a source every few minutes.
    """
    kind = pl.col("treatment").str.replace_all(_NUMBERS, "0").alias("_kind")
    keys = [HOME, *_SAID, "_kind"]
    return offered.with_columns(kind).join(stored.with_columns(kind), on=keys, how="anti").drop("_kind")


def merged_provenance(stored: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return the stored rows with new ones, which replace those of the same slot, quantity, sensor and source."""
    return pl.concat([stored, new]).unique([HOME, *IMPORT_PROVENANCE.key], keep="last", maintain_order=True)
