"""Files outside the lake that are written whole or not at all: configuration, exports, pictures."""

import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from darkstar_pipeline.errors import ConfigurationError

FileIdentity: TypeAlias = tuple[int, int, int]
"""Inode, time of the last change [ns] and size [B]."""


@contextmanager
def atomic_write(path: Path) -> Generator[Path]:
    """Write a file under a temporary name and move it into place when all went well.

    Args:
        path: where the file is to be; its folder has to exist. A link is followed, the mode of an old file is kept.

    Yields:
        The temporary path to write to.

    Raises:
        ConfigurationError: the folder does not exist, or `path` is a folder.
    """
    target = path.expanduser().resolve()
    if not target.parent.is_dir():
        raise ConfigurationError(f"cannot write {path}: its folder does not exist", f"mkdir -p {target.parent}")
    if target.is_dir():
        raise ConfigurationError(f"cannot write {path}: it is a folder", "name a file in it")
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
        _sync(temporary)
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
        _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def file_identity(path: Path) -> FileIdentity:
    """What changes whenever a file is replaced; zeros where there is none."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_mtime_ns, found.st_size


def _sync(path: Path) -> None:
    """Have the disk hold what was written to a file or folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
