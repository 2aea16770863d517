"""Rows of many homes merged into a bucket of the fleet's lake by the rules of a single home; nobody's rows are lost."""

from collections.abc import Callable, Collection
from datetime import date
from functools import partial
from typing import NamedTuple

import polars as pl

from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.ingest.merge import compared_rows, merged_rows, new_and_changed
from darkstar_pipeline.ingest.provenance import merged_provenance, unknown_provenance
from darkstar_pipeline.ingest.remarks import merged_remarks, remarked_days
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake, RowsChangedError
from darkstar_pipeline.warehouse.buckets.object_store import CHANGE_ATTEMPTS, attempts_on
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import IMPORT_PROVENANCE, IMPORT_REMARKS, Table


class MergeCounts(NamedTuple):
    """Offered rows that are new, that change a stored one, and that say what the lake says already."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0


class Merged(NamedTuple):
    """Outcome of offered rows: their counts, and the homes of which something is new or changed."""

    counts: MergeCounts
    touched: list[str]


class Offered(NamedTuple):
    """Rows that an import offers to a bucket, in the lake's columns.

    Attributes:
        rows: new rows of its table, one per key.
        provenance: how each quantity was read.
        remarks: what was refused or altered.
        spans: what the import says something of, see `remarked_spans`.
    """

    rows: pl.DataFrame
    provenance: pl.DataFrame
    remarks: pl.DataFrame
    spans: pl.DataFrame


def merge_bucket(lake: BucketLake, table: Table, bucket: int, offered: Offered, source: str) -> tuple[MergeCounts, str]:
    """Merge what an import offers; return the counts, and what is damaged, for which nothing is merged.

    Args:
        lake: the fleet's lake.
        table: table of the rows.
        bucket: the bucket.
        offered: rows of the bucket's homes.
        source: file or service that the rows came from.

    Raises:
        OutsideServiceError: the store failed, or other writers never ceased.
    """
    counts = MergeCounts()
    try:
        counts, touched = merge_rows(lake, table, bucket, offered.rows)
        merge_provenance(lake, bucket, offered.provenance.filter(pl.col("site").is_in(touched)))
        merge_remarks(lake, bucket, offered.remarks, offered.spans, source)
    except LakeUnreadableError as error:
        return counts, error.message
    return counts, ""


def merge_rows(lake: BucketLake, table: Table, bucket: int, offered: pl.DataFrame) -> Merged:
    """Merge new rows of a bucket's homes into those of the lake, and write the days that change.

    Args:
        lake: the fleet's lake.
        table: a table with `source` and `imported_at`.
        bucket: the bucket.
        offered: new rows, one per key.

    Raises:
        OutsideServiceError: the store failed, or other writers never ceased.
    """
    first, last = offered[table.day_column].min(), offered[table.day_column].max()
    if not (isinstance(first, date) and isinstance(last, date)):
        return Merged(MergeCounts(), [])
    found: list[tuple[int, int, list[str]]] = []

    def merged(stored: pl.DataFrame) -> pl.DataFrame:
        compared = compared_rows(stored, offered, table)
        changed = merged_rows(compared, table)
        found.append((*new_and_changed(compared), changed["site"].unique(maintain_order=True).to_list()))
        return changed

    _change(lake, table, bucket, (first, last), offered["site"].unique().to_list(), merged)
    new, changed, touched = found[0]  # where another writer came in between, the second time has written a part already
    return Merged(MergeCounts(new=new, changed=changed, unchanged=offered.height - new - changed), touched)


def merge_remarks(lake: BucketLake, bucket: int, offered: pl.DataFrame, spans: pl.DataFrame, source: str) -> None:
    """Merge the remarks of an import on a bucket's homes into those of the lake; only days that change are written.

    Args:
        lake: the fleet's lake.
        bucket: the bucket.
        offered: remarks in the lake's columns.
        spans: what the import says something of, see `remarked_spans`.
        source: file or service that the readings came from.
    """
    days = remarked_days(spans)
    if days is None or (
        offered.is_empty() and not any(days[0] <= day <= days[1] for day in lake.days(IMPORT_REMARKS, bucket))
    ):
        return
    sites: list[str] = spans["site"].to_list()
    change = partial(merged_remarks, offered=offered, source=source, spans=spans)
    _change(lake, IMPORT_REMARKS, bucket, days, sites, change)


def merge_provenance(lake: BucketLake, bucket: int, offered: pl.DataFrame) -> None:
    """Store how an import read each quantity of a bucket's homes, unless the same was said of its source on that day.

    Args:
        lake: the fleet's lake.
        bucket: the bucket.
        offered: rows of `import_provenance`.
    """
    first, last = offered["local_day"].min(), offered["local_day"].max()
    if not (isinstance(first, date) and isinstance(last, date)):
        return

    def merged(stored: pl.DataFrame) -> pl.DataFrame:
        new = unknown_provenance(offered, stored)
        touched = new.select("site", "local_day").unique()
        days = stored.join(touched, on=["site", "local_day"], how="semi")
        return merged_provenance(days, new)

    _change(lake, IMPORT_PROVENANCE, bucket, (first, last), offered["site"].unique().to_list(), merged)


def _change(
    lake: BucketLake,
    table: Table,
    bucket: int,
    days: tuple[date, date],
    sites: Collection[str],
    change: Callable[[pl.DataFrame], pl.DataFrame],
) -> None:
    """Read days of homes and replace those that `change` returns all rows of, again where another writer was faster."""
    try:
        for attempt in attempts_on(RowsChangedError):
            with attempt:
                stored = lake.read(table, bucket, *days, sites=sites)
                _replace(lake, table, bucket, stored, change(stored))
    except RowsChangedError as error:
        message = f"{table.name}, bucket {bucket}: other writers changed its rows {CHANGE_ATTEMPTS} times meanwhile"
        raise OutsideServiceError(message, "run it again, with one import of a home at a time") from error


def _replace(lake: BucketLake, table: Table, bucket: int, stored: pl.DataFrame, changed: pl.DataFrame) -> None:
    """Write rows of some homes and days; homes of the same days together, so that no home gets days of another."""
    together: dict[tuple[date, ...], list[str]] = {}
    for site, days in changed.group_by("site", maintain_order=True).agg(pl.col(table.day_column).unique()).iter_rows():
        together.setdefault(tuple(sorted(days)), []).append(site)
    for days, sites in together.items():
        own = pl.col("site").is_in(sites) & pl.col(table.day_column).is_in(list(days))
        lake.replace_sites(table, bucket, days, changed.filter(own), sites, expected=stored.filter(own))
