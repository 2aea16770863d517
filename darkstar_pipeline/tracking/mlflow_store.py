"""MLflow's store, and runs that are opened, filled and closed in it.

The store is SQLite under `<home>/mlflow` unless `MLFLOW_TRACKING_URI` names a server. Two processes that create a
store or an experiment at the same moment corrupt or misfile (reproduced), so both happen once, under a file lock, and a
run is opened by its experiment's id. What does not belong here: the run of an evaluation (`evaluation_run`); runs of
trainings and registered models (`models`).
"""

import logging
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from darkstar_pipeline.context import MLFLOW_FOLDER
from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.state.file_lock import hold_lock
from darkstar_pipeline.tracking.pages import MLFLOW_PAGE, page

if TYPE_CHECKING:
    from mlflow import MlflowClient

EVALUATIONS = "evaluation"
TRAININGS = "training"
DRIFTS = "drift"
EXPERIMENTS = (EVALUATIONS, TRAININGS, DRIFTS)
DATABASE = "mlflow.db"
LOCAL_ADDRESS = "sqlite:///{}"
"""Address of a store in a file."""
_OF_THE_STORE = frozenset({"mlflow", "sqlalchemy", "sqlite3", "alembic"})
"""Packages whose errors mean that the store failed; MLflow lets those of its database through."""
_SERVER_HINT = "check MLFLOW_TRACKING_URI, or unset it to keep runs locally"
_NEEDED = ("alembic_version", "experiments", "registered_models", "model_versions")
LOCKED_SECONDS = 3.0
_METRICS_A_CALL, _PARAMS_A_CALL = 900, 100  # MLflow takes 1000 items a call, of which 100 parameters


@contextmanager
def translate_mlflow_errors(home: Path) -> Generator[None]:
    """Translate MLflow's errors into one that says what to do.

    Raises:
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    _silence()
    try:
        yield
    except Exception as error:
        packages = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
        if packages.isdisjoint(_OF_THE_STORE):
            raise
        message = f"MLflow at {tracking_uri(home)} refused: {' '.join(str(error).split())}"
        hint = "`darkstar doctor` says what is wrong with it" if is_local_store() else _SERVER_HINT
        raise OutsideServiceError(message, hint) from error


def tracking_uri(home: Path) -> str:
    """Return the address of the store: `MLFLOW_TRACKING_URI`, by default SQLite under the state folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or LOCAL_ADDRESS.format(home / MLFLOW_FOLDER / DATABASE)


def store_exists(home: Path) -> bool:
    """Return whether there is a store: a server is named, or a local database exists."""
    return bool(os.environ.get("MLFLOW_TRACKING_URI")) or (home / MLFLOW_FOLDER / DATABASE).exists()


def is_local_store() -> bool:
    """Return whether the store lies in the state folder, and not on a server."""
    return not os.environ.get("MLFLOW_TRACKING_URI")


def check_local_store(home: Path, *, write: bool = False) -> None:
    """Refuse a local store that is damaged or locked at once; MLflow itself tries for 20 to 50 s.

    Args:
        home: the state folder.
        write: whether something is to be written.

    Raises:
        OutsideServiceError: it is damaged, or another program has locked it for longer than `LOCKED_SECONDS`.
    """
    database = home / MLFLOW_FOLDER / DATABASE
    if not is_local_store() or not database.exists() or not database.stat().st_size:
        return
    with translate_mlflow_errors(home), closing(sqlite3.connect(database, timeout=LOCKED_SECONDS)) as connection:
        for table in _NEEDED:
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - our own names
        if write:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()


def run_url(experiment_id: str, run_id: str) -> str:
    """Return the page of a run: on the server where there is one, else where `darkstar ui` shows the local store."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    is_server = uri.startswith(("http://", "https://"))
    address = without_user(uri).rstrip("/") if is_server else page(MLFLOW_PAGE)
    return f"{address}/#/experiments/{experiment_id}/runs/{run_id}"


def without_user(uri: str) -> str:
    """Return an address without user and password, as a page is opened by."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def open_store(home: Path) -> tuple["MlflowClient", dict[str, str]]:
    """Return a client, and the ids of the experiments by name; the first call creates the store and the experiments."""
    _silence()
    from mlflow import MlflowClient

    uri = tracking_uri(home)
    with hold_lock(home / MLFLOW_FOLDER / ".setup.lock"):
        database = home / MLFLOW_FOLDER / DATABASE
        if not os.environ.get("MLFLOW_TRACKING_URI") and not database.exists():
            _create_database(database)
        check_local_store(home)
        client = MlflowClient(tracking_uri=uri)
        if uri not in _experiments:
            _experiments[uri] = {name: _experiment(client, name, home) for name in EXPERIMENTS}
    return client, _experiments[uri]


_experiments: dict[str, dict[str, str]] = {}
_KIND = {"mlflow.experimentKind": "custom_model_development"}  # else its page offers tools for chat models


def _create_database(database: Path) -> None:
    """Create MLflow's tables beside the place and move the whole file in; the caller holds the lock.

    MLflow creates them in dozens of steps; killed half way through, it finds some of them there and never starts again.
    """
    from darkstar_pipeline.tracking.mlflow_internals import create_tables

    with atomic_write(database) as temporary:
        create_tables(temporary)


def _silence() -> None:
    """Turn off telemetry, which MLflow decides on import, and reports of every migration that creates a store."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _experiment(client: "MlflowClient", name: str, home: Path) -> str:
    """Return the id of an experiment, created where it is missing; the caller holds the lock."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    local = not os.environ.get("MLFLOW_TRACKING_URI")  # a server keeps files where it wants
    place = (home / MLFLOW_FOLDER / "artifacts" / name).as_uri() if local else None
    return str(client.create_experiment(name, artifact_location=place, tags=_KIND))


@contextmanager
def open_run(client: "MlflowClient", experiment_id: str, name: str, tags: Mapping[str, str]) -> Generator[str]:
    """Open a run and close it in the end: finished, or failed where filling it raised."""
    run_id = str(client.create_run(experiment_id, run_name=name, tags=dict(tags)).info.run_id)
    status = "FAILED"
    try:
        yield run_id
        status = "FINISHED"
    finally:
        client.set_terminated(run_id, status)


def log_values(
    client: "MlflowClient",
    run_id: str,
    metrics: Mapping[str, float],
    params: Mapping[str, object],
    curves: Mapping[str, Iterable[tuple[int, float]]] | None = None,
) -> None:
    """Log metrics and parameters in as few calls as MLflow allows: 8 ms a call, whatever it carries.

    Args:
        client: the store.
        run_id: an open run.
        metrics: figures by name.
        params: facts by name.
        curves: figures that changed while learning, by name: step and value.
    """
    from mlflow.entities import Metric, Param

    now = time.time_ns() // 1_000_000
    figures = [Metric(name, value, now, 0) for name, value in metrics.items()]
    figures += [Metric(name, value, now, step) for name, curve in (curves or {}).items() for step, value in curve]
    facts = [Param(name, str(value)) for name, value in params.items()]
    calls = max(-(-len(figures) // _METRICS_A_CALL), -(-len(facts) // _PARAMS_A_CALL))
    for call in range(calls):
        client.log_batch(
            run_id,
            metrics=figures[call * _METRICS_A_CALL : (call + 1) * _METRICS_A_CALL],
            params=facts[call * _PARAMS_A_CALL : (call + 1) * _PARAMS_A_CALL],
        )


def code_version() -> str:
    """Return the installed version, and the commit where this is a checkout."""
    installed = version("darkstar-pipeline")
    root = Path(__file__).resolve().parents[2]
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return installed
    revision = subprocess.run(  # noqa: S603 - fixed words, our own folder
        [git, "-C", str(root), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    )
    return f"{installed}+{revision.stdout.strip()}" if revision.returncode == 0 else installed
