"""Readings of many homes in one tidy file, imported into the fleet's lake by the rules of a single home.

Homes are parsed side by side, each by its own rows, so that a home with a wrong unit or clock is refused and stops no
other.
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
from darkstar_pipeline.ingest.fleet.bucket_changes import MergeCounts, Offered, merge_bucket
from darkstar_pipeline.ingest.fleet.report import FleetReport, counted, summed
from darkstar_pipeline.ingest.merge import Progress, stored_rows
from darkstar_pipeline.ingest.provenance import provenance_rows
from darkstar_pipeline.ingest.remarks import remarked_spans
from darkstar_pipeline.sources.files import read_table
from darkstar_pipeline.sources.observations import READINGS_COLUMNS, require_columns
from darkstar_pipeline.sources.parsed import mostly_bad, no_rejects
from darkstar_pipeline.sources.quarantine import keep_rejects
from darkstar_pipeline.sources.readings.homes import RawReadings, parse_homes
from darkstar_pipeline.sources.remarks import WHOLE_ROW, all_remarks, remarks_on_rejects
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.schemas import IMPORT_REMARKS, METER_READINGS
from env.home_rows import ALONE
from planner.parallel import map_shards
from planner.wording.columns import worded

SITE = "site"
LOCAL_CLOCK = "local"
"""In place of a zone: the clock of each home's own."""
_FILE_ROW = "_file_row"
_BATCH_ROWS = 100_000
"""Rows that are parsed at once: a thousand homes' day."""


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
    outcome = _Outcome(bucket=shard.bucket)
    sites = _settings(shard.homes, outcome.refused)
    zones: dict[str, list[str]] = {}
    for name, site in sites.items():
        zones.setdefault(site.timezone, []).append(name)
    parts = [
        _parsed(shard.file, batch, sites, timezone, outcome)
        for timezone, names in sorted(zones.items())
        for batch in _batches(shard.rows.filter(pl.col(SITE).is_in(names)))
    ]
    if parts:
        offered = Offered(*(pl.concat(frames) for frames in zip(*parts, strict=True)))
        counts, damaged = merge_bucket(shard.lake, METER_READINGS, shard.bucket, offered, shard.file.name)
        outcome.counts, outcome.damaged = counts, damaged
        if damaged and counts == MergeCounts():
            outcome.homes = 0
    return outcome


def _settings(homes: FleetHomes, refused: dict[str, str]) -> dict[str, SiteSettings]:
    """Return the settings of homes; those whose settings are wrong are noted as refused."""
    sites: dict[str, SiteSettings] = {}
    for name in homes:
        try:
            sites[name] = homes[name]
        except ConfigurationError as error:  # of a class that is gone, say
            refused[name] = error.message
    return sites


def _batches(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Return rows in pieces of whole homes, so that memory does not grow with the number of homes."""
    counts = rows.group_by(SITE, maintain_order=True).agg(pl.len().alias("_rows"))
    numbered = counts.select(SITE, ((pl.col("_rows").cum_sum() - 1) // _BATCH_ROWS).alias("_batch"))
    placed = rows.join(numbered, on=SITE, maintain_order="left")
    return placed.partition_by("_batch", maintain_order=True, include_key=False)


def _parsed(
    file: ReadingsFile, rows: pl.DataFrame, sites: dict[str, SiteSettings], timezone: str, outcome: _Outcome
) -> Offered:
    """Return what homes of one time zone offer to the lake; what is refused of them is noted."""
    clock = timezone if file.clock == LOCAL_CLOCK else file.clock
    raw = RawReadings(file=file.name, rows=rows.drop(_FILE_ROW), others=file.others, homes=rows[SITE])
    parsed = parse_homes(raw, sites, timezone, now=file.now, clock=clock)
    numbers = rows[_FILE_ROW].cast(pl.Int64)
    rejects = parsed.rejects.with_columns(numbers.gather(parsed.rejects["row"] - 1).alias("row"))
    read = rows.group_by(SITE).agg(pl.len().alias("rows"))
    bad = mostly_bad(parsed.rows, rejects, read, file.name, kept_at="the quarantine")
    refused = {**parsed.refused, **bad}
    outcome.refused |= {
        name: f"{error.message} ({error.hint})" if error.hint else error.message for name, error in refused.items()
    }
    outcome.rejects.append(rejects.drop(SITE))
    rest = ~pl.col(SITE).is_in(list(refused))
    outcome.notes.update(dict(parsed.notes.filter(rest).group_by("note").len().iter_rows()))
    outcome.homes += read.filter(rest).height
    accepted = parsed.rows.filter(rest)
    said = all_remarks([parsed.remarks, *remarks_on_rejects(rejects, timezone, WHOLE_ROW)]).filter(rest)
    in_table = partial(stored_rows, site_name=ALONE, timezone=timezone, source=file.name, now=file.now)
    return Offered(
        rows=in_table(METER_READINGS, accepted),
        provenance=provenance_rows(parsed.read_as, accepted, timezone=timezone, source=file.name, now=file.now),
        remarks=in_table(IMPORT_REMARKS, said),
        spans=remarked_spans(said, accepted, timezone),
    )


def _of_nobody(named: pl.DataFrame, known: pl.DataFrame, file: str) -> pl.DataFrame:
    """Return the rows of homes that are not in the fleet as refused ones."""
    strange = named.join(known.select(_FILE_ROW), on=_FILE_ROW, how="anti", maintain_order="left")
    if strange.is_empty():
        return no_rejects()
    site = pl.col(SITE)
    reason = (
        pl.when(site.is_null())
        .then(pl.lit("site is empty"))
        .otherwise(worded("no home of the fleet is called {}", site))
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
        return DataRefusedError(f"no home could be imported, of {len(report.refused)}; {name}: {reason}")
    reason = rejects["reason"][0]
    return DataRefusedError(f"{report.file}: no row is of a home of the fleet; {reason}", "darkstar fleet homes")
