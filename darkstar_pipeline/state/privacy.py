"""Files of the state are their owner's alone, whatever umask a program was started with, and whatever made them."""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PRIVATE = 0o077
_before: list[int] = []  # umask that this process was started with, where it was changed
_OWN_FOLDERS = frozenset(
    {"aside", "dagster", "fetching", "lake", "logs", "mlflow", "models", "pictures", "quarantine", "service", "ui"}
)
_OWN_FILES = frozenset({"state.json", "retention.json"})


@dataclass(frozen=True)
class OpenFiles:
    """Files and folders of a state folder that others may read or enter.

    Attributes:
        count: number of such files and folders.
        first: one of them; None where there is none.
    """

    count: int
    first: Path | None


def keep_files_private() -> None:
    """Have this process and those it starts make files as 0600 and folders as 0700."""
    before = os.umask(_PRIVATE)
    if not _before:
        _before.append(before)


def shared_mode() -> int:
    """Return the mode of a file that a person asked for at a place of their own: as their umask says."""
    if _before:
        return 0o666 & ~_before[0]
    mask = os.umask(_PRIVATE)
    os.umask(mask)
    return 0o666 & ~mask


def find_open_files(home: Path) -> OpenFiles:
    """Return what others may read or enter of the state: files of a release that went by the umask.

    Only what is Darkstar's own is looked at, since a state folder may be a folder with other things in it.
    """
    return _go_over(home, mend=False)


def mend_modes(home: Path) -> OpenFiles:
    """Take from everybody but its owner what `find_open_files` finds; a mode that may not be changed stays.

    Returns:
        What was found before.
    """
    return _go_over(home, mend=True)


def _go_over(home: Path, *, mend: bool) -> OpenFiles:
    """Look at the mode of every file and folder; links are left alone."""
    count, first = 0, None
    for path in _own(home):
        with suppress(OSError):
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode) or not mode & _PRIVATE:
                continue
            count, first = count + 1, first or path
            if mend:
                path.chmod(stat.S_IMODE(mode) & ~_PRIVATE)
    return OpenFiles(count, first)


def _own(home: Path) -> list[Path]:
    """Return the files and folders of the state, and the state folder itself where there is nothing else in it."""
    try:
        entries = sorted(home.iterdir())
    except OSError:
        return []
    own = [path for path in entries if path.name in _OWN_FOLDERS or path.name in _OWN_FILES]
    others = [path for path in entries if path not in own and not path.name.startswith(".")]
    found = [*own] if others or not own else [home, *own]
    for folder in own:
        if folder.is_symlink() or not folder.is_dir():
            continue
        for place, folders, files in os.walk(folder):
            found += [Path(place) / name for name in (*folders, *files)]
    return found
