"""Provenance of an import: how each quantity was read, stored where it differs from what is stored already."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime

import polars as pl

from darkstar_pipeline.ingest.merge import stored_rows
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.sources.parsed import ReadAs
from darkstar_pipeline.warehouse.schemas import IMPORT_PROVENANCE

_SAID = ("quantity", "format", "sensor", "unit", "source")
_NUMBERS = r"[0-9][0-9.:TZ+-]*"


def store_provenance(
    target: ImportTarget, read_as: Sequence[ReadAs], accepted: pl.Series, *, source: str, now: datetime
) -> None:
    """Store how an import read each quantity, unless the same was said of its source before.

    Treatments that differ only in their numbers are the same: the service reads a source every few minutes.

    Args:
        target: the home and its lake.
        read_as: how each quantity was read.
        accepted: slots that the import accepted.
        source: file or service that the readings came from.
        now: the instant of the import, with offset.
    """
    first = accepted.min()
    if not (read_as and isinstance(first, datetime)):
        return
    lake, name = target.lake, target.site_name
    frame = pl.DataFrame([asdict(one) for one in read_as]).with_columns(pl.lit(first).alias("first_slot"))
    once = frame.unique(["quantity", "sensor"], keep="last", maintain_order=True)
    offered = stored_rows(IMPORT_PROVENANCE, once, site_name=name, site=target.site, source=source, now=now)
    new = _unknown(offered, lake.read(IMPORT_PROVENANCE, name))
    day = offered["local_day"][0]
    if new.is_empty() or not isinstance(day, date):
        return

    def merged(stored: pl.DataFrame) -> pl.DataFrame:
        return pl.concat([stored, new]).unique(["site", *IMPORT_PROVENANCE.key], keep="last", maintain_order=True)

    lake.merge_days(IMPORT_PROVENANCE, name, (day, day), merged)


def _unknown(offered: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that say something else of their source than the stored ones."""
    kind = pl.col("treatment").str.replace_all(_NUMBERS, "0").alias("_kind")
    keys = [*_SAID, "_kind"]
    return offered.with_columns(kind).join(stored.with_columns(kind), on=keys, how="anti").drop("_kind")
