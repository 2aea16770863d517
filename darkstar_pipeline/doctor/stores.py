"""Checks that the stores of Dagster and MLflow are in order."""

import http.client
import os
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

from darkstar_pipeline.context import DAGSTER_FOLDER, MLFLOW_FOLDER
from darkstar_pipeline.doctor.finding import CheckResult, failed, passed, warned
from darkstar_pipeline.state.sqlite_files import open_to_read

ANSWER_SECONDS = 3
_PRIMARY_CODE = 0xFF  # of SQLite's extended codes: https://sqlite.org/rescode.html#pve


def check_dagster(home: Path) -> CheckResult:
    """Check that every Dagster program of this machine would use the state folder's instance."""
    folder = home / DAGSTER_FOLDER
    named = os.environ.get("DAGSTER_HOME")
    if named is not None and Path(named).absolute() != folder:
        remedy = "unset DAGSTER_HOME, or point it to the state folder's"
        return warned("dagster", f"DAGSTER_HOME is {named}, darkstar uses {folder}", remedy)
    if not folder.is_dir():
        return passed("dagster", f"{folder} will be made by the first backfill")
    return _databases("dagster", folder, sorted(folder.rglob("*.db")))


def check_mlflow(home: Path) -> CheckResult:
    """Check that the tracking store can be opened, or its server answers."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if uri.startswith(("http://", "https://")):
        return _server(uri)
    folder = home / MLFLOW_FOLDER
    store = folder / "mlflow.db"
    if not store.exists():
        return passed("mlflow", f"{store} will be made by the first evaluation that is tracked")
    return _databases("mlflow", folder, [store])


def _databases(check: str, folder: Path, files: list[Path]) -> CheckResult:
    """Have SQLite look over its files."""
    for file in files:
        if (trouble := _trouble(file)) is not None:
            return failed(check, f"{file}: {trouble}", "move it away; runs are lost, days and results are not")
    return passed(check, f"{folder}, {len(files)} database files in order")


def _trouble(file: Path) -> str | None:
    """Return what is wrong with a database file; None where nothing is."""
    try:
        with open_to_read(file, timeout=ANSWER_SECONDS) as connection:
            answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return None if _is_locked(error) else str(error)
    return None if answer == "ok" else answer


def _is_locked(error: sqlite3.DatabaseError) -> bool:
    """Return whether a writer is at work, which is no trouble."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)  # errors of Python's own module have none
    return code & _PRIMARY_CODE in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _server(uri: str) -> CheckResult:
    """Check that an MLflow server answers."""
    parts = urlsplit(uri)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc.rpartition("@")[2], timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/health")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return failed("mlflow", f"{uri} does not answer: {error}", "start the server, or unset MLFLOW_TRACKING_URI")
    finally:
        connection.close()
    return passed("mlflow", f"{uri} answers ({status})")
