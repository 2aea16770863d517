"""Checks that the stores of Dagster and MLflow are in order."""

import http.client
import os
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

from darkstar_pipeline.context import DAGSTER_FOLDER, MLFLOW_FOLDER
from darkstar_pipeline.doctor.finding import CheckResult, failed, passed, warned
from darkstar_pipeline.errors import ConfigurationError, without_credentials
from darkstar_pipeline.orchestration.instance import CONFIG_NAME, open_instance, other_storage
from darkstar_pipeline.state.sqlite_files import open_to_read
from planner.wording.counts import counted

ANSWER_SECONDS = 3
CONNECT_SECONDS = "PGCONNECT_TIMEOUT"
"""Where Postgres' own client looks for how long it may take to connect [s]."""
_PRIMARY_CODE = 0xFF  # of SQLite's extended codes: https://sqlite.org/rescode.html#pve


def check_dagster(home: Path) -> CheckResult:
    """Check that every Dagster program of this machine would use the state folder's instance, and that it opens."""
    folder = home / DAGSTER_FOLDER
    named = os.environ.get("DAGSTER_HOME")
    if named is not None and Path(named).absolute() != folder:
        remedy = "unset DAGSTER_HOME, or point it to the state folder's"
        return warned("dagster", f"DAGSTER_HOME is {named}, darkstar uses {folder}", remedy)
    if not folder.is_dir():
        return passed("dagster", f"{folder} will be made by the first backfill")
    try:
        elsewhere = other_storage(folder)
    except ConfigurationError as error:
        return failed("dagster", error.message, error.hint)
    if elsewhere:
        return _storage(home, folder, elsewhere)
    return _databases("dagster", folder, sorted(folder.rglob("*.db")))


def _storage(home: Path, folder: Path, kind: str) -> CheckResult:
    """Check that a storage that is no file of the folder answers, through Dagster."""
    place = f"storage {kind} of {folder / CONFIG_NAME}"
    if unset := CONNECT_SECONDS not in os.environ:
        os.environ[CONNECT_SECONDS] = str(ANSWER_SECONDS)
    try:
        with open_instance(home) as instance:
            runs = instance.get_runs_count()
    except Exception as error:  # noqa: BLE001 - of Dagster, SQLAlchemy or the server's driver
        said = without_credentials(" ".join(str(error).split())[:300])
        return failed("dagster", f"{place}: {said}", "start its server, install its package, or correct `storage`")
    finally:
        if unset:
            del os.environ[CONNECT_SECONDS]
    return passed("dagster", f"{place} answers: {counted(runs, 'run')}")


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
    return passed(check, f"{folder}, {counted(len(files), 'database file')} in order")


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
