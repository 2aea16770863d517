"""Rows of many homes merged into a bucket of the fleet's lake by the rules of a single home; nobody's rows are lost."""

from collections.abc import Callable, Collection
from datetime import date
from typing import NamedTuple

import polars as pl

from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.ingest.merge import compared_rows, merged_rows, new_and_changed
from darkstar_pipeline.ingest.remarks import RemarkedSpan, merged_remarks
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake, RowsChangedError
from darkstar_pipeline.warehouse.buckets.object_store import CHANGE_ATTEMPTS, attempts_on
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import IMPORT_REMARKS, Table


class MergeCounts(NamedTuple):
    """Offered rows that are new, that change a stored one, and that say what the lake says already."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0


class OfferedRemarks(NamedTuple):
    """Remarks of an import on one home.

    Attributes:
        rows: remarks in the lake's columns.
        span: what the import says something of.
        days: its first and last local day.
    """

    rows: pl.DataFrame
    span: RemarkedSpan
    days: tuple[date, date]


def merge_bucket(
    lake: BucketLake, table: Table, bucket: int, rows: pl.DataFrame, remarks: dict[str, OfferedRemarks], source: str
) -> tuple[MergeCounts, str]:
    """Merge rows and remarks of a bucket's homes; return the counts, and what is damaged, for which nothing is merged.

    Args:
        lake: the fleet's lake.
        table: table of the rows.
        bucket: the bucket.
        rows: new rows, one per key.
        remarks: of the homes that the import says something of.
        source: file or service that the rows came from.

    Raises:
        OutsideServiceError: the store failed, or other writers never ceased.
    """
    counts = MergeCounts()
    try:
        if rows.height:
            counts = merge_rows(lake, table, bucket, rows)
        merge_remarks(lake, bucket, remarks, source)
    except LakeUnreadableError as error:
        return counts, error.message
    return counts, ""


def merge_rows(lake: BucketLake, table: Table, bucket: int, offered: pl.DataFrame) -> MergeCounts:
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
        return MergeCounts()
    counts: list[tuple[int, int]] = []

    def merged(stored: pl.DataFrame) -> pl.DataFrame:
        compared = compared_rows(stored, offered, table)
        counts.append(new_and_changed(compared))
        return merged_rows(compared, table)

    _change(lake, table, bucket, (first, last), offered["site"].unique().to_list(), merged)
    new, changed = counts[0]  # where another writer came in between, the second time has written a part already
    return MergeCounts(new=new, changed=changed, unchanged=offered.height - new - changed)


def merge_remarks(lake: BucketLake, bucket: int, offered: dict[str, OfferedRemarks], source: str) -> None:
    """Merge the remarks of an import on a bucket's homes into those of the lake; only days that change are written.

    Args:
        lake: the fleet's lake.
        bucket: the bucket.
        offered: remarks by home, of all homes that the import says something of.
        source: file or service that the readings came from.
    """
    if not offered:
        return
    first = min(each.days[0] for each in offered.values())
    last = max(each.days[1] for each in offered.values())
    said = any(each.rows.height for each in offered.values())
    if not said and not any(first <= day <= last for day in lake.days(IMPORT_REMARKS, bucket)):
        return

    def merged(stored: pl.DataFrame) -> pl.DataFrame:
        known = {key[0]: rows for key, rows in stored.partition_by("site", as_dict=True).items()}
        none = stored.clear()
        parts = [
            merged_remarks(_of_days(known.get(site, none), each.days), each.rows, source, each.span)
            for site, each in offered.items()
            if site in known or each.rows.height
        ]
        return pl.concat([none, *parts])

    _change(lake, IMPORT_REMARKS, bucket, (first, last), list(offered), merged)


def _of_days(rows: pl.DataFrame, days: tuple[date, date]) -> pl.DataFrame:
    return rows.filter(pl.col("local_day").is_between(*days))


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
