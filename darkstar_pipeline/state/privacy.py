"""Files of the state are their owner's alone, whatever umask a program was started with."""

import os

_PRIVATE = 0o077
_before: list[int] = []  # umask that this process was started with, where it was changed


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
