"""The version of the state folder's layout, and how an older folder is brought up to it.

New columns need no version: a day file of an older release lacks them, and reading gives null. The number rises only
where files move or change their meaning; then a migration takes its place in `MIGRATIONS`. Each is killed and begun
anew without harm: it must change nothing that is already as it should be.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.state.file_lock import hold_lock

STATE_FILE = "state.json"
STATE_VERSION = 1
LOCK = ".state.lock"
UNMARKED = 1
"""A folder without the file: every release before there was one."""

Migration = Callable[[Path], None]
"""Brings a state folder up by one version; may be run again after being killed."""
MIGRATIONS: Mapping[int, Migration] = {}
"""By the version that it starts from."""


def read_state_version(home: Path) -> int:
    """The version of a state folder.

    Raises:
        ConfigurationError: its file is damaged.
    """
    path = home / STATE_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return UNMARKED
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}", "restore it from a backup") from error
    return parse_state_version(text, str(path))


def parse_state_version(text: str, where: str) -> int:
    """The version that a state file's text tells.

    Raises:
        ConfigurationError: it tells none.
    """
    try:
        document: Any = json.loads(text)
        version = document["version"]
    except (json.JSONDecodeError, RecursionError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{where} is damaged: it tells no version", "restore it from a backup") from error
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ConfigurationError(f"{where} is damaged: {version!r:.40} is no version", "restore it from a backup")
    return version


def refuse_newer_state(version: int, where: str, newest: int = STATE_VERSION) -> None:
    """Refuse what a newer release made.

    Raises:
        ConfigurationError: naming both versions.
    """
    if version > newest:
        message = f"{where} is of state version {version}, this release knows up to {newest}"
        raise ConfigurationError(message, "install the newer Darkstar again, or restore a backup of before the upgrade")


def migrate_state(home: Path, *, migrations: Mapping[int, Migration] = MIGRATIONS, newest: int = STATE_VERSION) -> int:
    """Bring a state folder up to this release, and mark it; one that is not there or empty stays so.

    Args:
        home: the state folder.
        migrations: by the version that each starts from.
        newest: version of this release.

    Returns:
        The version that it had.

    Raises:
        ConfigurationError: a newer release made it, or its file is damaged.
    """
    found = read_state_version(home)
    refuse_newer_state(found, str(home), newest)
    if (found == newest and (home / STATE_FILE).exists()) or not _holds_anything(home):
        return found
    with hold_lock(home / LOCK):
        found = read_state_version(home)  # another process may have been first
        for version in range(found, newest):
            migrations[version](home)
            _mark(home, version + 1)
        if not (home / STATE_FILE).exists():
            _mark(home, newest)
    return found


def _holds_anything(home: Path) -> bool:
    """Return whether the folder holds anything to migrate; looking at a home creates nothing."""
    return home.is_dir() and next(home.iterdir(), None) is not None


def _mark(home: Path, version: int) -> None:
    """Write the version down."""
    with atomic_write(home / STATE_FILE) as temporary:
        temporary.write_text(json.dumps({"version": version}) + "\n", encoding="utf-8")
