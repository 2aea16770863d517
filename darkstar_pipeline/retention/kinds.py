"""The interface of a kind of state, and the kinds that are plain files: plans, checkpoints, refused rows, pictures."""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Protocol

from darkstar_pipeline.retention.rules import Item, Rule
from planner.artifacts.atomic_files import LEFTOVER_SECONDS, sweep_leftovers

_LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
"""A file system may hold later times than the calendar has."""


class Kind(Protocol):
    """A kind of state that retention removes the oldest of."""

    @property
    def name(self) -> str:
        """Its name in reports."""
        ...

    @property
    def rule(self) -> Rule:
        """The rule of how much of it is kept."""
        ...

    @property
    def folders(self) -> Sequence[Path]:
        """Where it lies."""
        ...

    @property
    def batch(self) -> int:
        """Number of items that one call of `remove` takes."""
        ...

    def items(self) -> list[Item]:
        """Return all items; none where there is no such state."""
        ...

    def remove(self, items: Sequence[Item]) -> None:
        """Remove items; those that have become needed meanwhile stay. A kill leaves what a repetition completes."""
        ...


@dataclass(frozen=True, kw_only=True)
class FilesKind:
    """Files or folders that are removed one by one.

    Attributes:
        name: name of the kind.
        rule: how much of it is kept.
        folders: where it lies.
        find: returns the paths that are there.
        dated: returns when a path was made or changed.
    """

    name: str
    rule: Rule
    folders: Sequence[Path]
    find: Callable[[], Iterable[Path]]
    dated: Callable[[Path], datetime]
    batch: int = 20

    def items(self) -> list[Item]:
        """Return an item a path; one that goes meanwhile is none."""
        found: list[Item] = []
        for path in self.find():
            with suppress(OSError):
                found.append(Item(name=str(path), at=self.dated(path), size=size_of(path)))
        return found

    def remove(self, items: Sequence[Item]) -> None:
        """Remove paths; a folder that was changed since it was looked at stays."""
        for item in items:
            path = Path(item.name)
            try:
                if self.dated(path) > item.at:
                    continue
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            except FileNotFoundError:
                continue


def by_day_name(path: Path) -> datetime:
    """Return the last instant of the day that a folder is named by; the calendar's last day has one, too."""
    return datetime.combine(date.fromisoformat(path.name), time.max, UTC)


def by_last_change(path: Path) -> datetime:
    """Return when a file, or the newest file of a folder, was last changed.

    Raises:
        OSError: it is gone.
    """
    newest = path.lstat().st_mtime
    for place, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                newest = max(newest, os.lstat(f"{place}/{name}").st_mtime)
    return datetime.fromtimestamp(min(newest, _LATEST), UTC)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of the files below a folder; files that go meanwhile count nothing."""
    if not path.is_dir():
        try:
            return path.lstat().st_size
        except OSError:
            return 0
    total = 0
    for place, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                total += os.lstat(f"{place}/{name}").st_size
    return total


def sweep_all_leftovers(home: Path, *, age_seconds: float = LEFTOVER_SECONDS) -> int:
    """Remove temporary files and folders that killed writers left anywhere in the state folder; their number."""
    return sum(sweep_leftovers(Path(place), age_seconds=age_seconds) for place, _, _ in os.walk(home))
