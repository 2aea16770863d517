"""SQLite files that are looked at while their programs use them, or after these were killed."""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

_PRIMARY_CODE = 0xFF  # of SQLite's extended codes: https://sqlite.org/rescode.html#pve


@contextmanager
def open_to_read(path: Path, timeout: float = 5.0) -> Generator[sqlite3.Connection]:
    """Open a database to read it.

    A writer that was killed leaves a journal that has to be rolled back before anybody can read, which takes writing:
    a connection that may only read says that the database is read-only until some program has written to it.

    Args:
        path: the file.
        timeout: how long another connection's lock is waited for [s].

    Raises:
        sqlite3.Error: it is damaged, locked, or not there.
    """
    address = path.resolve().as_uri()
    connection = sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=timeout)
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_READONLY:
            raise
        connection = sqlite3.connect(f"{address}?mode=rw", uri=True, timeout=timeout)
    except BaseException:
        connection.close()
        raise
    with closing(connection):
        yield connection
