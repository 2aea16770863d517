"""A file of homes imported into a fleet: all of it or nothing, and what is added, changed and removed is told."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.fleet.columns import DEFAULT_TENANT, HOMES_SCHEMA, SITE, TENANT
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.fleet.homes_file import change_homes, fleet_of
from darkstar_pipeline.ingest.fleet.cells import ROW, named_columns, read_homes_file, typed_cells
from darkstar_pipeline.ingest.fleet.checks import Progress, check_homes, name_faults
from darkstar_pipeline.ingest.fleet.faults import MOST_SHOWN, sentences
from darkstar_pipeline.sources.parsed import REJECT_SCHEMA
from darkstar_pipeline.sources.quarantine import keep_rejects
from planner.wording.counts import counted

HOMES_A_BUCKET = 1000
"""More homes in a bucket make its files large and its shards long; about half of it is right."""
_OLD = "_old_"


@dataclass(frozen=True, kw_only=True)
class HomesImport:
    """The result of an import of homes.

    Attributes:
        file: name of the file.
        rows: homes in it.
        added: names of homes that are new.
        changed: names of homes of which a cell changes.
        columns: columns that change, with the number of homes.
        unchanged: number of homes that stay as they were.
        missing: names of homes that the file does not have.
        removed: whether those are removed.
        total: homes of the fleet afterwards.
        notes: remarks for the person who imports.
    """

    file: str
    rows: int
    added: list[str]
    changed: list[str]
    columns: dict[str, int]
    unchanged: int
    missing: list[str]
    removed: bool
    total: int
    notes: tuple[str, ...]


def import_homes(
    settings: Settings,
    home: Path,
    file: Path,
    *,
    quarantine: Path,
    remove_missing: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> HomesImport:
    """Import a file of homes.

    A column that the file has replaces that of its homes, an empty cell by the fleet's default; one that it does not
    have stays as it was. Homes that it does not have stay.

    Args:
        settings: the whole configuration.
        home: the state folder.
        file: CSV or Parquet, a row a home.
        quarantine: folder of the list of refused cells.
        remove_missing: remove the homes that the file does not have.
        dry_run: tell what would happen, and change nothing.
        progress: called now and then while homes are checked.

    Raises:
        ConfigurationError: the configuration has no fleet, or the file cannot be read.
        DataRefusedError: a cell is wrong; the homes are as they were.
    """
    fleet = fleet_of(settings)
    raw, _, others = read_homes_file(file)
    typed, unread = typed_cells(raw)
    wrong_names = name_faults(settings, typed.join(unread.filter(column=SITE), left_on=ROW, right_on="row", how="anti"))
    results: list[HomesImport] = []

    def change(stored: pl.DataFrame) -> pl.DataFrame | None:
        offered = _over_stored(typed, stored)
        checked = check_homes(fleet, offered, progress)
        faults = pl.concat([unread, wrong_names, checked.faults]).sort("row", maintain_order=True)
        if faults.height:
            raise _refusal(file.name, faults, quarantine)
        missing = stored.join(offered, on=SITE, how="anti")
        kept = missing.clear() if remove_missing else missing
        rows = pl.concat([offered.drop(ROW), kept])
        notes = [*_notes(file.name, others, fleet, rows.height), *(_doubt(*each) for each in checked.doubts.items())]
        result = _compared(stored, offered, missing, file.name, notes, removed=remove_missing, total=rows.height)
        results.append(result)
        same = not (result.added or result.changed or (remove_missing and result.missing))
        return None if dry_run or same else rows

    change_homes(home, change)
    return results[0]


def _over_stored(typed: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Return the file's homes with the stored cells in columns that the file does not have."""
    absent = [name for name in HOMES_SCHEMA if name not in typed.columns]
    rows = typed.join(stored.select(SITE, *absent), on=SITE, how="left", maintain_order="left")
    return rows.with_columns(pl.col(TENANT).fill_null(DEFAULT_TENANT)).select(ROW, *HOMES_SCHEMA.names())


def _compared(
    stored: pl.DataFrame,
    offered: pl.DataFrame,
    missing: pl.DataFrame,
    file: str,
    notes: list[str],
    *,
    removed: bool,
    total: int,
) -> HomesImport:
    """Return what the homes of a file change."""
    names = [name for name in HOMES_SCHEMA if name != SITE]
    both = offered.join(stored.rename({name: f"{_OLD}{name}" for name in names}), on=SITE, how="inner")
    differ = both.select(SITE, *(pl.col(name).ne_missing(pl.col(f"{_OLD}{name}")) for name in names))
    counts = differ.select(pl.col(names).sum()).row(0, named=True)
    changed = differ.filter(pl.any_horizontal(names))[SITE].sort().to_list()
    return HomesImport(
        file=file,
        rows=offered.height,
        added=offered.join(stored, on=SITE, how="anti")[SITE].sort().to_list(),
        changed=changed,
        columns={name: count for name, count in counts.items() if count},
        unchanged=both.height - len(changed),
        missing=missing[SITE].sort().to_list(),
        removed=removed,
        total=total,
        notes=tuple(notes),
    )


def _notes(file: str, others: tuple[str, ...], fleet: FleetSettings, homes: int) -> list[str]:
    """Return remarks on columns that are not used and on the number of buckets."""
    notes = [f"{file}: columns not used: {named_columns(others)}"] if others else []
    if homes > HOMES_A_BUCKET * fleet.buckets:
        wanted = min(-(-homes * 2 // HOMES_A_BUCKET), 9999)
        notes.append(
            f"{counted(homes, 'home')} in {counted(fleet.buckets, 'bucket')} are {homes // fleet.buckets} in each: "
            f"set fleet.buckets to about {wanted} before readings are imported"
        )
    return notes


def _doubt(words: str, homes: int) -> str:
    return f"{words} ({counted(homes, 'home')})"


def _refusal(file: str, faults: pl.DataFrame, quarantine: Path) -> DataRefusedError:
    """Return the error for wrong cells: the first of them, and the file of all."""
    listed = faults.select(
        pl.lit(file).alias("file"),
        "row",
        "reason",
        pl.col("value").alias("raw"),
        pl.lit(None).alias("slot_start"),
        pl.col("column").alias("quantity"),
    ).cast(dict(REJECT_SCHEMA))  # pyright: ignore[reportArgumentType]
    kept_at = keep_rejects(quarantine, listed)
    more = faults.height - MOST_SHOWN
    shown = sentences(faults.head(MOST_SHOWN).iter_rows(named=True)) + (f"; and {more} more" if more > 0 else "")
    return DataRefusedError(
        f"{file}: {shown}", f"nothing was imported; correct these cells: {kept_at} lists all {faults.height}"
    )
