"""Files at places that a person may have named: written whole or not at all, with an error that says what is wrong."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.state.privacy import shared_mode
from planner.artifacts.atomic_files import atomic_file

FileIdentity: TypeAlias = tuple[int, int, int]
"""Inode, time of the last change [ns] and size [B]."""


@contextmanager
def atomic_write(path: Path, *, shared: bool = False) -> Generator[Path]:
    """Write a file under a temporary name and move it into place when the block ends without an error.

    Args:
        path: the file; its folder has to exist. A link is followed, the mode of an old file is kept.
        shared: a file that a person asked for at a place of their own; others may read it where their umask says so.

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
    with atomic_file(target) as temporary:
        yield temporary
        if shared:
            temporary.chmod(shared_mode())


def file_identity(path: Path) -> FileIdentity:
    """Return what changes whenever a file is replaced; zeros where there is none."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_mtime_ns, status.st_size
