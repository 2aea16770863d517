"""Files and folders that are written whole or not at all, and the sweeping of what a killed writer left behind.

A writer fills a temporary name beside the target, has the disk hold it, and renames it. What does not belong here:
locks (`darkstar_pipeline.state.file_lock`), and messages to a person who named a place that cannot be written to.
"""

import os
import re
import secrets
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LEFTOVER_SECONDS = 24 * 3600.0
"""A temporary file unchanged for so long belongs to a writer that was killed: the longest write, a backup, takes
minutes."""
_AT_FDCWD, _EXCHANGE = -100, 2  # of renameat2(2), Linux 3.15
_LEFTOVER = re.compile(r"\.[0-9a-f]{16}\.tmp")


@contextmanager
def atomic_file(path: Path) -> Generator[Path]:
    """Write a file under a temporary name and move it into place when the block ends without an error.

    The mode of a file that is replaced is kept.

    Args:
        path: the file; its folder has to exist.

    Yields:
        The temporary path to write to.
    """
    sweep_leftovers(path.parent)
    temporary = _temporary(path.parent)
    try:
        yield temporary
        sync(temporary)
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Generator[Path]:
    """Fill a folder under a temporary name and move it into place when the block ends without an error.

    A folder that is there already is exchanged for the new one in one step, where the system can (Linux), and removed.

    Args:
        path: the folder; its parent has to exist.

    Yields:
        The temporary folder, which is empty.
    """
    sweep_leftovers(path.parent)
    temporary, old = _temporary(path.parent), _temporary(path.parent)
    temporary.mkdir()
    try:
        yield temporary
        for path_within in temporary.rglob("*"):
            sync(path_within)
        sync(temporary)
        if not path.exists():
            temporary.rename(path)
        elif not exchange(temporary, path):
            path.rename(old)
            temporary.rename(path)
        sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it that are missing, and have the disk hold that they are there.

    Without that, a file that was written safely into a new folder is lost with the folder when the power fails.

    Args:
        path: the folder; one that is there is left as it is.
        mode: of folders that are made, less the umask.
    """
    missing: list[Path] = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(mode=mode, exist_ok=True)
        sync(folder.parent)


def exchange(first: Path, second: Path) -> bool:
    """Swap two files or folders in one step; False where the system cannot, and then nothing has changed."""
    import ctypes  # 10 ms that most writers need not pay

    try:
        swap: Any = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return swap(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _EXCHANGE) == 0


def sync(path: Path) -> None:
    """Have the disk hold what was written to a file or folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def leftovers(folder: Path, *, age_seconds: float = LEFTOVER_SECONDS) -> list[Path]:
    """Return the temporary files and folders that killed writers left in a folder, and not below it.

    Args:
        folder: folder to look through; a missing one has no leftovers.
        age_seconds: time without a change after which a temporary name counts as left behind [s].
    """
    oldest = time.time() - age_seconds
    try:
        with os.scandir(folder) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if _LEFTOVER.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime < oldest
            ]
    except OSError:  # gone meanwhile, or not to be read: sweeping is no reason to fail
        return []


def sweep_leftovers(folder: Path, *, age_seconds: float = LEFTOVER_SECONDS) -> int:
    """Remove what `leftovers` finds; return the number of names removed."""
    removed = 0
    for path in leftovers(folder, age_seconds=age_seconds):
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            removed += 1
        except OSError:  # another writer swept it first, or may not be removed
            continue
    return removed


def _temporary(folder: Path) -> Path:
    """Return a name in the folder that no file has, of the form that `sweep_leftovers` knows."""
    return folder / f".{secrets.token_hex(8)}.tmp"
