"""Repair of the lake: what does not belong there is moved aside, never deleted; rows that belong there stay."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from darkstar_pipeline.context import LAKE_FOLDER
from darkstar_pipeline.doctor.lake_rows import day_files, wrong_rows
from darkstar_pipeline.warehouse.day_names import owner_of, strays
from darkstar_pipeline.warehouse.lake import Lake, LakeUnreadableError, SchemaMismatchError
from darkstar_pipeline.warehouse.schemas import TABLES, Table
from planner.artifacts.atomic_files import make_folder, sync

ASIDE_FOLDER = "aside"


@dataclass(frozen=True)
class Repaired:
    """A repair.

    Attributes:
        path: what was wrong: a file, or an object by its whole name.
        aside: where it is now.
        note: what was done, and what is left to do.
    """

    path: Path | str
    aside: Path | str
    note: str


def repair_lake(home: Path, *, now: datetime) -> list[Repaired]:
    """Move strays and unreadable days aside, and rewrite days with doubled or foreign rows.

    Args:
        home: the state folder; `aside/<time>/` in it takes what is moved.
        now: the present instant.
    """
    lake, place = Lake(home / LAKE_FOLDER), home / ASIDE_FOLDER / now.strftime("%Y%m%dT%H%M%SZ")
    done = [_moved(lake, stray.path, place, f"moved aside: {stray.reason}") for stray in strays(lake.root, TABLES)]
    done += [_rewritten(lake, wrong.table, wrong.path, place) for wrong in wrong_rows(lake.root)]
    for table in TABLES.values():
        for path in day_files(lake.root, table):
            if (problem := _problem(lake, table, path)) is not None:
                done.append(_moved(lake, path, place, f"moved aside: {problem}; import or backfill that day again"))
    return done


def _problem(lake: Lake, table: Table, path: Path) -> str | None:
    """Return why a day cannot be read; None where it can."""
    try:
        lake.read_paths(table, [path])
    except LakeUnreadableError:
        return "it cannot be read"
    return None


def _rewritten(lake: Lake, table: Table, path: Path, place: Path) -> Repaired:
    """Keep the rows of a day that belong there, under the writer's lock; the old file goes aside."""
    site, day = owner_of(path)
    if site is None or day is None:
        message = f"{path} is no day of the lake"
        raise ValueError(message)
    aside = _unused(place / path.relative_to(lake.root))
    make_folder(aside.parent)

    def rightful(rows: pl.DataFrame) -> pl.DataFrame:
        shutil.copy2(path, aside)
        sync(aside)  # before the old file is replaced or removed
        return rows

    try:
        written = lake.merge_days(table, site, (day, day), rightful)
    except SchemaMismatchError:  # a value is missing where one is required
        written = {}
    if not written:
        path.unlink()
        return Repaired(path, aside, "moved aside: no row of it belongs there; import or backfill that day again")
    return Repaired(path, aside, f"{written[day]} rows that belong there are kept")


def _moved(lake: Lake, path: Path, place: Path, note: str) -> Repaired:
    aside = _unused(place / path.relative_to(lake.root))
    make_folder(aside.parent)
    shutil.move(path, aside)
    return Repaired(path, aside, note)


def _unused(path: Path) -> Path:
    """Return a name that nothing has."""
    names = (path.with_name(f"{path.name}-{number}") for number in range(2, 10_000))
    return path if not path.exists() else next(name for name in names if not name.exists())
