"""SQLite files give room back to the system: what was deleted in them leaves free pages, which only VACUUM returns."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from darkstar_pipeline.state.sqlite_files import open_to_read

LEAST_FREE = 8 * 2**20
LEAST_SHARE = 0.25
"""A file is written anew where so much of it is free [B and share]."""
_BUSY_SECONDS = 5.0


def free_bytes(path: Path) -> int:
    """Return the bytes of free pages in a database; 0 where there is none or it cannot be read."""
    if not path.is_file() or not path.stat().st_size:
        return 0
    try:
        with open_to_read(path) as connection:
            pages = connection.execute("PRAGMA freelist_count").fetchone()[0]
            return int(pages) * int(connection.execute("PRAGMA page_size").fetchone()[0])
    except sqlite3.Error:
        return 0


def give_back(path: Path) -> str:
    """Have a database return its free pages where they are many; whoever uses it goes on.

    A kill leaves the old file whole: SQLite writes the new one beside it and copies it in one transaction.

    Returns:
        Why it was not done; empty where it was, or need not be.
    """
    free = free_bytes(path)
    if free < LEAST_FREE or free < LEAST_SHARE * path.stat().st_size:
        return ""
    if shutil.disk_usage(path.parent).free < 2 * path.stat().st_size:
        return f"{path.name} has {free / 2**20:.0f} MiB to give back, and the disk lacks the room to write it anew"
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        return f"{path.name} was not written anew: {error}"
    return ""
