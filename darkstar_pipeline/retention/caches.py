"""Caches of the state folder: what is built again by itself when it is missed, so that it may go at any time.

Emptied beside running services: a cache's rows are removed in one transaction of its own database, and temporary files
go only where their writer is long dead. What plans keep in memory ends with their process.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from darkstar_pipeline.retention.kinds import size_of, sweep_all_leftovers
from darkstar_pipeline.state.folder_names import CACHE_FILE, FETCHING_FOLDER
from planner.artifacts.atomic_files import leftovers
from planner.wording.messages import phrase

ANSWERS, TEMPORARY = phrase("answers of sources"), phrase("temporary files")
LOCKED_SECONDS = 5.0
"""Wait for a service that writes to the cache [s]."""


@dataclass(frozen=True, kw_only=True)
class Cache:
    """A cache.

    Attributes:
        name: what it holds.
        place: where it lies.
        size: its size [B].
        rebuilt: when it is built again, and what it costs meanwhile.
        problem: why it could not be emptied; empty where it could, or was not asked to.
    """

    name: str
    place: str
    size: int
    rebuilt: str
    problem: str = ""


def caches(home: Path) -> list[Cache]:
    """Return the caches of a state folder with their sizes."""
    file = home / FETCHING_FOLDER / CACHE_FILE
    return [
        Cache(
            name=ANSWERS,
            place=str(file),
            size=sum(size_of(path) for path in _parts(file)),
            rebuilt=phrase("at the next fetch, which asks its sources for everything again"),
        ),
        Cache(
            name=TEMPORARY,
            place=str(home),
            size=_leftover_bytes(home),
            rebuilt=phrase("never: writers that were killed left them"),
        ),
    ]


def clear_caches(home: Path) -> list[Cache]:
    """Empty the caches; each is returned with the size that went, and why it could not be emptied."""
    found: list[Cache] = []
    for cache, empty in zip(caches(home), (_empty_answers, _sweep), strict=True):
        problem = _problem_of(empty, home)
        left = next(each.size for each in caches(home) if each.name == cache.name)
        found.append(
            Cache(
                name=cache.name,
                place=cache.place,
                size=max(cache.size - left, 0),
                rebuilt=cache.rebuilt,
                problem=problem,
            )
        )
    return found


def caches_document(found: list[Cache]) -> dict[str, Any]:
    """Return caches by the names of their document, the same in the CLI and the API."""
    return {"caches": [asdict(each) for each in found], "bytes": sum(each.size for each in found)}


def _problem_of(empty: Callable[[Path], None], home: Path) -> str:
    try:
        empty(home)
    except (OSError, sqlite3.Error) as error:
        return phrase("{error}; try again in a minute", error=str(error))
    return ""


def _empty_answers(home: Path) -> None:
    """Remove the rows of the cache; a file that is no database any more goes as a whole.

    Raises:
        sqlite3.Error: a service is writing to it.
        OSError: it cannot be removed.
    """
    file = home / FETCHING_FOLDER / CACHE_FILE
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(file, timeout=LOCKED_SECONDS, isolation_level=None)) as database:
            tables = [
                name
                for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
                if not str(name).startswith("sqlite_")
            ]
            database.execute("BEGIN IMMEDIATE")
            for name in tables:
                database.execute(f'DELETE FROM "{name}"')  # noqa: S608 - a name from the database itself
            database.execute("COMMIT")
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError:  # of a service that is writing
        raise
    except sqlite3.DatabaseError:  # damaged: whoever has it open goes on with the old file
        for path in _parts(file):
            path.unlink(missing_ok=True)


def _sweep(home: Path) -> None:
    sweep_all_leftovers(home)


def _parts(file: Path) -> list[Path]:
    """Return a database and what SQLite keeps beside it."""
    return [file, *(file.with_name(f"{file.name}-{part}") for part in ("wal", "shm", "journal"))]


def _leftover_bytes(home: Path) -> int:
    """Return the bytes of what killed writers left, as `sweep_all_leftovers` would remove it."""
    return sum(size_of(path) for place, _, _ in os.walk(home) for path in leftovers(Path(place)))
