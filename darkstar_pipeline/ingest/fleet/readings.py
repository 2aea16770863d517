"""Readings of many homes in one tidy file, imported into the fleet's lake by the rules of a single home.

Each home's rows are parsed by themselves, so that a home with a wrong unit or clock is refused and stops no other. What
differs from the import of one home: no provenance is stored, since all come from tidy files.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import ConfigurationError, DataRefusedError
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.ingest.fleet.bucket_changes import MergeCounts, OfferedRemarks, merge_bucket
from darkstar_pipeline.ingest.fleet.report import FleetReport, counted, summed
from darkstar_pipeline.ingest.merge import Progress, stored_rows
from darkstar_pipeline.ingest.remarks import remarked_span
from darkstar_pipeline.sources.files import read_table
from darkstar_pipeline.sources.observations import (
    READINGS_COLUMNS,
    RawReadings,
    parse_observations,
    require_columns,
)
from darkstar_pipeline.sources.parsed import Parsed, no_rejects, refuse_if_mostly_bad
from darkstar_pipeline.sources.quarantine import keep_rejects
from darkstar_pipeline.sources.remarks import WHOLE_ROW, all_remarks, remarks_on_rejects
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.schemas import IMPORT_REMARKS, METER_READINGS
from planner.parallel import map_shards

SITE = "site"
LOCAL_CLOCK = "local"
"""In place of a zone: the clock of each home's own."""
_FILE_ROW = "_file_row"


@dataclass(frozen=True, kw_only=True)
class ReadingsFile:
    """A file that holds readings of many homes.

    Attributes:
        name: its name.
        others: columns that are not used.
        now: the present instant, with offset.
        clock: zone whose clock stamps without offset show; `LOCAL_CLOCK` is each home's, None refuses them.
    """

    name: str
    others: tuple[str, ...]
    now: datetime
    clock: str | None


@dataclass(frozen=True, kw_only=True)
class _Shard:
    file: ReadingsFile
    lake: BucketLake
    bucket: int
    homes: FleetHomes
    rows: pl.DataFrame


@dataclass(kw_only=True)
class _Outcome:
    counts: MergeCounts = field(default_factory=MergeCounts)
    homes: int = 0
    rejects: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    notes: Counter[str] = field(default_factory=Counter[str])
    bucket: int = 0
    damaged: str = ""


def import_readings(
    homes: FleetHomes,
    lake: BucketLake,
    path: Path,
    *,
    quarantine: Path,
    now: datetime,
    clock: str | None = None,
    progress: Progress | None = None,
) -> FleetReport:
    """Import a tidy file of readings with a column `site`.

    Args:
        homes: the fleet's homes.
        lake: its lake.
        path: Parquet or CSV, either also gzipped.
        quarantine: folder of refused rows.
        now: the present instant, with offset.
        clock: zone whose clock stamps without offset show; `LOCAL_CLOCK` is each home's, None refuses them.
        progress: called after every bucket.

    Raises:
        ConfigurationError: the file is not there or cannot be read.
        DataRefusedError: no home of the file could be imported; the lake is as it was.
    """
    raw, others = read_table(path, READINGS_COLUMNS)
    if SITE not in raw.columns:
        present = ", ".join([*raw.columns, *others][:12]) or "none"
        hint = "name the home of each row in a column site; prices go to `darkstar fleet prices`"
        raise DataRefusedError(f"{path.name} has no column {SITE}; it has {present}", hint)
    require_columns(raw, others, path.name)
    named = raw.with_columns(pl.col(SITE).cast(pl.String).str.strip_chars()).with_row_index(_FILE_ROW, offset=1)
    known = named.join(homes.rows.select(SITE), on=SITE, how="semi", maintain_order="left")
    file = ReadingsFile(name=path.name, others=others, now=now, clock=clock)
    parts = known.join(homes.buckets(), on=SITE, how="left", maintain_order="left").partition_by(
        "bucket", as_dict=True, include_key=False
    )
    shards = [
        _Shard(
            file=file,
            lake=lake,
            bucket=int(str(key[0])),
            homes=homes.only(rows[SITE].unique().to_list()),
            rows=rows,
        )
        for key, rows in sorted(parts.items(), key=lambda part: int(str(part[0][0])))
    ]
    outcomes = map_shards(_import_shard, shards, progress=progress)
    rejects = pl.concat([_of_nobody(named, known, path.name), *(part for each in outcomes for part in each.rejects)])
    kept_at = keep_rejects(quarantine, rejects.sort("row", maintain_order=True))
    report = _report(outcomes, file, rejects.height, kept_at, named.height)
    if not report.homes:
        raise _nothing(report, rejects)
    return report


def _import_shard(shard: _Shard) -> _Outcome:
    """Import the readings of a bucket's homes."""
    outcome = _Outcome()
    rows: list[pl.DataFrame] = []
    remarks: dict[str, OfferedRemarks] = {}
    for key, part in shard.rows.partition_by(SITE, as_dict=True, maintain_order=True).items():
        name = str(key[0])
        try:
            site = shard.homes[name]
        except ConfigurationError as error:  # of a class that is gone, say
            outcome.refused[name] = error.message
            continue
        parsed = _parsed(shard.file, site, part, name, outcome)
        if parsed is None:
            continue
        outcome.homes += 1
        outcome.notes.update(parsed.notes)
        in_table = partial(stored_rows, site_name=name, site=site, source=shard.file.name, now=shard.file.now)
        rows.append(in_table(METER_READINGS, parsed.rows))
        said = all_remarks([parsed.remarks, *remarks_on_rejects(parsed.rejects, site.timezone, WHOLE_ROW)])
        if (span := remarked_span(said, parsed.rows["slot_start"])) is not None:
            offered = in_table(IMPORT_REMARKS, said)
            remarks[name] = OfferedRemarks(offered, span, span.days(site.timezone))
    every = pl.concat(rows) if rows else pl.DataFrame(schema=METER_READINGS.schema)
    outcome.counts, outcome.damaged = merge_bucket(
        shard.lake, METER_READINGS, shard.bucket, every, remarks, shard.file.name
    )
    outcome.bucket = shard.bucket
    if outcome.damaged and outcome.counts == MergeCounts():
        outcome.homes = 0
    return outcome


def _parsed(file: ReadingsFile, site: SiteSettings, part: pl.DataFrame, name: str, outcome: _Outcome) -> Parsed | None:
    """Return what was read of a home; None where it is refused as a whole, which is noted."""
    clock = site.timezone if file.clock == LOCAL_CLOCK else file.clock
    raw = RawReadings(file=file.name, rows=part.drop(_FILE_ROW), others=file.others)
    try:
        parsed = parse_observations(raw, site=site, now=file.now, clock=clock)
        numbers = part.select(pl.col(_FILE_ROW).cast(pl.Int64).alias("row"))
        places = (parsed.rejects["row"] - 1).to_list()
        outcome.rejects.append(parsed.rejects.with_columns(numbers["row"].gather(places)))
        refuse_if_mostly_bad(parsed, file.name, kept_at="the quarantine")
    except DataRefusedError as error:
        outcome.refused[name] = f"{error.message} ({error.hint})" if error.hint else error.message
        return None
    return parsed


def _of_nobody(named: pl.DataFrame, known: pl.DataFrame, file: str) -> pl.DataFrame:
    """Return the rows of homes that are not in the fleet as refused ones."""
    strange = named.join(known.select(_FILE_ROW), on=_FILE_ROW, how="anti", maintain_order="left")
    if strange.is_empty():
        return no_rejects()
    site = pl.col(SITE)
    reason = (
        pl.when(site.is_null())
        .then(pl.lit("site is empty"))
        .otherwise(pl.format("no home of the fleet is called {}", site))
    )
    columns = {
        "file": pl.lit(file),
        "row": pl.col(_FILE_ROW).cast(pl.Int64),
        "reason": reason,
        "raw": pl.struct(pl.exclude(_FILE_ROW)).struct.json_encode(),
        "slot_start": pl.lit(None),
        "quantity": pl.lit(None),
    }
    schema = no_rejects().schema
    return strange.select(value.cast(schema[name]).alias(name) for name, value in columns.items())


def _report(
    outcomes: list[_Outcome], file: ReadingsFile, rejected: int, kept_at: Path | None, rows: int
) -> FleetReport:
    counts = summed(outcome.counts for outcome in outcomes)
    notes: Counter[str] = Counter()
    for outcome in outcomes:
        notes.update(outcome.notes)
    return FleetReport(
        kind="readings",
        file=file.name,
        homes=sum(outcome.homes for outcome in outcomes),
        rows_read=rows,
        rows_rejected=rejected,
        quarantine_file=kept_at,
        slots_new=counts.new,
        slots_changed=counts.changed,
        slots_unchanged=counts.unchanged,
        refused={name: reason for outcome in outcomes for name, reason in sorted(outcome.refused.items())},
        notes=counted(notes),
        damaged={outcome.bucket: outcome.damaged for outcome in outcomes if outcome.damaged},
    )


def _nothing(report: FleetReport, rejects: pl.DataFrame) -> DataRefusedError:
    """Return the error for a file of which no home could be imported."""
    if report.damaged:
        bucket, reason = next(iter(report.damaged.items()))
        message = f"no home of {report.file} got its readings; bucket {bucket}: {reason}"
        return DataRefusedError(message, "`darkstar doctor --repair --all` sets damaged objects aside")
    if report.refused:
        name, reason = next(iter(report.refused.items()))
        return DataRefusedError(f"none of {len(report.refused)} homes could be imported; {name}: {reason}")
    reason = rejects["reason"][0]
    return DataRefusedError(f"{report.file}: no row is of a home of the fleet; {reason}", "darkstar fleet homes")
