"""Log files that other programs append to are kept from growing for ever."""

import os
from pathlib import Path

from planner.artifacts.atomic_files import atomic_file


def shorten_log(path: Path, most_bytes: int) -> int:
    """Move the end of a log that is too long into `NAME.1`, and empty the log.

    Whoever writes the log keeps it open, so that it must be emptied and not replaced; its writer has to append
    (`O_APPEND`). What is written between copying and emptying, an instant, is lost. A kill between the two leaves the
    lines in both files.

    Args:
        path: the log.
        most_bytes: size from which on it is shortened; so much of its end is kept, less half [B].

    Returns:
        Bytes that this freed.
    """
    try:
        size = path.stat().st_size
    except OSError:
        return 0
    if size <= most_bytes:
        return 0
    old = path.with_name(f"{path.name}.1")
    before = old.stat().st_size if old.exists() else 0
    with path.open("rb") as log:
        log.seek(size - most_bytes // 2)
        log.readline()  # not the end of a line
        end = log.read(most_bytes)
    with atomic_file(old) as temporary:
        temporary.write_bytes(end)
    os.truncate(path, 0)
    return size + before - len(end)
