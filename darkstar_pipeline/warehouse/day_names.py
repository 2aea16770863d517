"""Names in the lake: which folders and files belong to it, and which are strays that somebody or something left there.

What is named exactly `<table>/site=<site>/day=<YYYY-MM-DD>/part.parquet` is read, and nothing else: a copy that a file
manager, a sync program or a person put beside it (`day=2026-11-29.bak`) is neither data nor a reason to fail.
"""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

PART = "part.parquet"
_SITE = re.compile(r"site=([A-Za-z0-9][A-Za-z0-9_-]{0,63})", re.ASCII)
_DAY = re.compile(r"day=(\d{4}-\d{2}-\d{2})", re.ASCII)


@dataclass(frozen=True)
class Stray:
    """A file or folder in the lake that is not read."""

    path: Path
    reason: str


def site_of(name: str) -> str | None:
    """Return the site that a folder's name gives; None where it gives none.

    >>> site_of("site=home"), site_of("site=home.old")
    ('home', None)
    """
    match = _SITE.fullmatch(name)
    return None if match is None else match[1]


def day_of(name: str) -> date | None:
    """Return the day that a folder's name gives; None where it gives none.

    >>> day_of("day=2026-11-29"), day_of("day=2026-11-29 (copy)"), day_of("day=2026-02-30")
    (datetime.date(2026, 11, 29), None, None)
    """
    match = _DAY.fullmatch(name)
    try:
        return None if match is None else date.fromisoformat(match[1])
    except ValueError:
        return None


def owner_of(path: Path) -> tuple[str | None, date | None]:
    """Return the site and the day that the path of a day's file gives."""
    *_, site, day, _ = path.parts
    return site_of(site), day_of(day)


def sites_in(folder: Path) -> list[str]:
    """Return the sites that a table's folder has folders of, in order."""
    return sorted(site for entry in _entries(folder) if entry.is_dir() and (site := site_of(entry.name)) is not None)


def days_in(folder: Path) -> list[date]:
    """Return the days that a site's folder has files of, ascending."""
    days = (day for entry in _entries(folder) if (day := day_of(entry.name)) is not None and _has_part(entry.path))
    return sorted(days)


def has_only_days(folder: Path) -> bool:
    """Return whether everything that a pattern `day=*/part.parquet` finds in a site's folder is a day."""
    named = [entry for entry in _entries(folder) if entry.name.startswith("day=")]
    return all(day_of(entry.name) is not None and not os.path.isdir(f"{entry.path}/{PART}") for entry in named)  # noqa: PTH112 - a year of days


def strays(root: Path, tables: Collection[str]) -> Iterator[Stray]:
    """Return what lies in the lake without belonging to it; hidden files are left alone, ours among them.

    Args:
        root: folder of the tables.
        tables: names of the declared tables.
    """
    for table in _visible(root):
        if table.name not in tables or not table.is_dir():
            yield Stray(Path(table.path), "no table of this release")
            continue
        for site in _visible(Path(table.path)):
            if site_of(site.name) is None or not site.is_dir():
                yield Stray(Path(site.path), "not the folder of a site")
                continue
            for day in _visible(Path(site.path)):
                if day_of(day.name) is None or not day.is_dir():
                    yield Stray(Path(day.path), "not the folder of a day")
                    continue
                for part in _visible(Path(day.path)):
                    if part.name != PART or not part.is_file():
                        yield Stray(Path(part.path), f"not the file {PART}")


def _has_part(folder: str) -> bool:
    return os.path.isfile(f"{folder}/{PART}")  # noqa: PTH113 - a year of days: twice as fast as a Path


def _visible(folder: Path) -> list["os.DirEntry[str]"]:
    return sorted((entry for entry in _entries(folder) if not entry.name.startswith(".")), key=lambda each: each.name)


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    """Return what is in a folder; nothing where it is none."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
