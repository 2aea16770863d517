"""Readings of many homes in one request: checked row by row by the rules of an imported file, merged into the lake.

What differs from a file: slots are quarter-hours, so one row is enough, and a row that is refused stops no other.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.ingest.fleet.bucket_changes import MergeCounts, merge_provenance, merge_rows
from darkstar_pipeline.ingest.merge import stored_rows
from darkstar_pipeline.ingest.provenance import provenance_rows
from darkstar_pipeline.service.fleet.documents import FleetReading, FleetReadingsReport, RefusedRow
from darkstar_pipeline.sources.parsed import REASON, object_to, reason_if
from darkstar_pipeline.sources.readings.homes import MEASURED, read_as
from darkstar_pipeline.sources.readings.values import rounded, value_checks
from darkstar_pipeline.sources.resolution import NATIVE
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import IMPORT_PROVENANCE, METER_READINGS, SOC_COLUMNS
from env.home_rows import ALONE
from env.time_grid import SLOT_DTYPE, SLOT_MINUTES
from planner.wording.columns import worded

OLDEST = timedelta(days=40)
"""Older ones are imported as a file: each day that changes is an object that is replaced."""
SOURCE = "posted"
_DAMAGED = "what is stored of these homes is damaged: send it again when the operator has mended it (darkstar doctor)"
_log = logging.getLogger(__name__)
_ROW = "row"


def take_readings(
    lake: BucketLake, homes: FleetHomes, tenant: str | None, readings: Sequence[FleetReading], now: datetime
) -> FleetReadingsReport:
    """Merge readings into the lake; the later word wins, slot by slot and column by column.

    Args:
        lake: the fleet's tables.
        homes: all homes of the fleet.
        tenant: whose homes the readings may be of; None for all. Another's home is refused as one that is unknown.
        readings: the rows; of a slot that has several, each value's last one counts.
        now: the present instant.

    Raises:
        OutsideServiceError: the store failed, or other writers never ceased.
    """
    rows = _rows(readings)
    own = homes.rows if tenant is None else homes.rows.filter(pl.col("tenant") == tenant)
    known = pl.col("site").is_in(own["site"].implode())
    zones, wrong = homes.zones(rows.filter(known)["site"].unique())
    checked = object_to(rows, _checks(known, list(wrong), now))
    good = _last_words(checked.filter(pl.col(REASON).is_null()))
    counts: list[MergeCounts] = []
    damaged = [checked.clear()]
    for bucket, part in _by_bucket(lake, good):
        try:
            counts.append(_merge(lake, zones, bucket, part, now))
        except LakeUnreadableError as error:
            _log.warning("readings of bucket %d are refused: %s", bucket, error.message)
            own = checked.filter(pl.col(REASON).is_null() & pl.col("site").is_in(part["site"].to_list()))
            damaged.append(own.with_columns(pl.lit(_DAMAGED).alias(REASON)))
    refused = pl.concat([checked, *damaged]).filter(pl.col(REASON).is_not_null()).sort(_ROW)
    told = refused.select(_ROW, "site", "slot_start", reason=REASON)
    return FleetReadingsReport(
        accepted=sum(new + changed for new, changed, _ in counts),
        unchanged=sum(unchanged for *_, unchanged in counts),
        refused=[RefusedRow(**row) for row in told.iter_rows(named=True)],
    )


def _rows(readings: Sequence[FleetReading]) -> pl.DataFrame:
    """Return readings as rows, numbered, in the columns that an import has."""
    schema = {"site": pl.String, **dict.fromkeys(MEASURED, pl.Float64)}
    values = {name: [getattr(reading, name) for reading in readings] for name in schema}
    stamps = pl.Series([reading.slot_start.astimezone(UTC) for reading in readings]).cast(SLOT_DTYPE)
    return pl.DataFrame(values, schema=schema).with_row_index(_ROW).with_columns(
        slot_start=stamps,
        **{NATIVE: pl.lit(SLOT_MINUTES, pl.Int32), REASON: pl.lit(None, pl.String)},
    )  # fmt: skip


def _last_words(rows: pl.DataFrame) -> pl.DataFrame:
    """Return a row a home and slot with the last word on each value, as if its rows had come one request each."""
    kept = pl.exclude("site", "slot_start", *MEASURED).last()
    named = rows.group_by("site", "slot_start", maintain_order=True)
    return named.agg(pl.col(MEASURED).drop_nulls().last(), kept).select(rows.columns)


def _checks(known: pl.Expr, wrong: Sequence[str], now: datetime) -> list[pl.Expr]:
    """Return the checks of a row: those of a file's values, and of its home and slot."""
    slot = pl.col("slot_start")
    quarter = slot.dt.truncate(f"{SLOT_MINUTES}m")
    empty = pl.all_horizontal(pl.col(MEASURED).is_null())
    return [
        reason_if(~known, worded("there is no home {}", "site")),
        reason_if(
            pl.col("site").is_in(wrong), pl.lit("the settings of the home are wrong: GET /sites/{site} says how")
        ),
        reason_if(slot != quarter, pl.lit("slot_start is not on a quarter of an hour")),
        reason_if(slot > now, pl.lit("the slot has not begun")),
        reason_if(slot < now - OLDEST, pl.lit(f"older than {OLDEST.days} days: import it as a file")),
        reason_if(empty, pl.lit("the row holds no reading")),
        *value_checks(list(MEASURED)),
    ]


def _by_bucket(lake: BucketLake, rows: pl.DataFrame) -> list[tuple[int, pl.DataFrame]]:
    buckets = {site: lake.bucket(site) for site in rows["site"].unique()}
    if not buckets:
        return []
    placed = rows.with_columns(bucket=pl.col("site").replace_strict(buckets, return_dtype=pl.Int64))
    return [(int(str(key[0])), part) for key, part in placed.partition_by("bucket", as_dict=True).items()]


def _merge(lake: BucketLake, zones: Mapping[str, str], bucket: int, rows: pl.DataFrame, now: datetime) -> MergeCounts:
    """Merge the rows of a bucket; each home's local days follow from its own zone."""
    taken = rounded(rows, list(MEASURED)).drop(_ROW, REASON, "bucket")
    placed = taken.with_columns(pl.col("site").replace_strict(zones, return_dtype=pl.String).alias("_zone"))
    parts = [
        stored_rows(METER_READINGS, own, site_name=ALONE, timezone=str(key[0]), source=SOURCE, now=now)
        for key, own in placed.partition_by("_zone", as_dict=True, include_key=False, maintain_order=True).items()
    ]
    merged = merge_rows(lake, METER_READINGS, bucket, pl.concat(parts))
    try:
        merge_provenance(lake, bucket, _provenance(placed.filter(pl.col("site").is_in(merged.touched)), now))
    except LakeUnreadableError as error:  # the readings are stored, and told as such
        _log.warning("what readings of bucket %d were read as is not stored: %s", bucket, error.message)
    return merged.counts


def _provenance(placed: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return what the quantities that each home has sent are read as."""
    by_zone = placed.partition_by("_zone", as_dict=True, maintain_order=True)
    parts = [
        provenance_rows(read_as(MEASURED), own, timezone=str(key[0]), source=SOURCE, now=now)
        for key, own in by_zone.items()
    ]
    quantity = pl.when(pl.col("variable").is_in(SOC_COLUMNS)).then(pl.lit("soc_percent")).otherwise("variable")
    sent = placed.unpivot(MEASURED, index="site").drop_nulls("value").select("site", quantity=quantity)
    every = pl.concat([pl.DataFrame(schema=IMPORT_PROVENANCE.schema), *parts])
    return every.join(sent, on=["site", "quantity"], how="semi", maintain_order="left")
