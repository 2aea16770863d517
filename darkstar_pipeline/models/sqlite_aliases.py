"""Moving aliases in a local MLflow store without MLflow, whose import alone takes 2 s, and 12 s on a busy machine.

A rollback must not wait for that. An alias is one row of the store's SQLite file; it is written here only where that
file has the very schema this was written for, else MLflow does it (`aliases`).
"""

import sqlite3
from contextlib import closing
from pathlib import Path

SCHEMA = "dc11669786a5"
"""Migration of the store that MLflow 3.17 makes (`alembic_version`)."""
BUSY_SECONDS = 20.0  # as long as MLflow itself waits for another writer
_WORKSPACE = "default"  # the only one of a store without workspaces


def move_local_champion(database: Path, name: str, version: int | None) -> bool:
    """Give `champion` to a version, or to none, and take `challenger` from it, in one transaction.

    Args:
        database: the store's file.
        name: the registered model.
        version: the champion; None for none.

    Returns:
        Whether it was done; False leaves it to MLflow: another schema, no such version, or SQLite refuses.
    """
    if not database.is_file():
        return False
    try:
        with closing(sqlite3.connect(database, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if not _known(connection, name, version):
                connection.execute("ROLLBACK")
                return False
            _write(connection, name, version)
            connection.execute("COMMIT")
    except sqlite3.Error:
        return False
    return True


def _known(connection: sqlite3.Connection, name: str, version: int | None) -> bool:
    """Whether the store has the schema this is written for, and the version."""
    schemas = [row[0] for row in connection.execute("SELECT version_num FROM alembic_version")]
    if schemas != [SCHEMA]:
        return False
    if version is None:
        return True
    found = connection.execute(
        "SELECT count(*) FROM model_versions WHERE workspace = ? AND name = ? AND version = ?",
        (_WORKSPACE, name, version),
    )
    return found.fetchone()[0] == 1


def _write(connection: sqlite3.Connection, name: str, version: int | None) -> None:
    """Replace the champion's row; a challenger that won is none any more."""
    of_model = "DELETE FROM registered_model_aliases WHERE workspace = ? AND name = ? AND alias = "
    connection.execute(f"{of_model} 'champion'", (_WORKSPACE, name))
    if version is None:
        return
    connection.execute(f"{of_model} 'challenger' AND version = ?", (_WORKSPACE, name, version))
    connection.execute(
        "INSERT INTO registered_model_aliases (workspace, name, alias, version) VALUES (?, ?, 'champion', ?)",
        (_WORKSPACE, name, version),
    )
