"""MLflow: the store, how runs are opened and filled, and the run that an evaluation leaves.

The store is SQLite under `<home>/mlflow` unless `MLFLOW_TRACKING_URI` names a server. Two processes that create a
store or an experiment at the same moment corrupt or misfile (reproduced), so both happen once, under a file lock, and a
run is opened by its experiment's id. What does not belong here: what is evaluated, and how
(`planner.evaluation.verdict`); runs of trainings and registered models (`models`).
"""

import logging
import os
import shutil
import subprocess
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import polars as pl

from darkstar_pipeline.context import MLFLOW_FOLDER
from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.state.file_lock import hold_lock

if TYPE_CHECKING:
    from mlflow import MlflowClient

EVALUATIONS = "evaluation"
TRAININGS = "training"
EXPERIMENTS = (EVALUATIONS, TRAININGS)
DATABASE = "mlflow.db"
DEFAULT_PAGE = "http://127.0.0.1:5000"  # where `darkstar ui` shows a local store
_METRICS_A_CALL, _PARAMS_A_CALL = 900, 100  # MLflow takes 1000 items a call, of which 100 parameters
BOUND = "oracle"  # the lower bound is no policy that could be the best
_LOGGED = ("days", "cost", "captured_share", "cost_vs_mpc", "cost_vs_mpc_low", "cost_vs_mpc_high", "breaches")


@dataclass(frozen=True, kw_only=True)
class EvaluationRecord:
    """One evaluation, as its run remembers it.

    Attributes:
        site: name of the home.
        first: first local day of the window.
        last: last local day of the window.
        totals: a row a policy, as `planner.evaluation.verdict` gives them.
        days: a row a day and policy, kept as an artifact.
        content_hash: of the data that was evaluated.
        config_version: of the settings the figures hold for.
        params: further facts, logged as parameters.
        pictures: PNG files by name.
        dagster_run_id: the run that asked for it, for the link back.
    """

    site: str
    first: date
    last: date
    totals: pl.DataFrame
    days: pl.DataFrame
    content_hash: str
    config_version: str
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    pictures: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    dagster_run_id: str | None = None

    def tags(self) -> dict[str, str]:
        """What the run can be found by."""
        found = {
            "site": self.site,
            "data_window": f"{self.first} to {self.last}",
            "content_hash": self.content_hash,
            "config_version": self.config_version,
            "code_version": code_version(),
            "best_policy": self.best_policy() or "none",
        }
        return found if self.dagster_run_id is None else {**found, "dagster/run_id": self.dagster_run_id}

    def best_policy(self) -> str | None:
        """The cheapest policy that could be run; None where only the bound was evaluated."""
        costs = {row["policy"]: row["cost"] for row in self.totals.to_dicts() if row["policy"] != BOUND}
        return min(costs, key=lambda policy: (costs[policy], policy)) if costs else None


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """Where a run can be found again."""

    run_id: str
    experiment_id: str
    url: str


def log_evaluation(home: Path, record: EvaluationRecord) -> TrackedRun:
    """Leave a run with one child a policy, so that MLflow's table of runs compares policies and evaluations alike.

    The run itself carries the figures of the best policy (tag `best_policy`) under plain names, and everyone's cost as
    `cost_<policy>`; each child carries its own policy's figures under the same plain names.

    Args:
        home: the state folder.
        record: what was found.

    Raises:
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    with translate_mlflow_errors(home):
        client, experiments = open_store(home)
        experiment_id = experiments[EVALUATIONS]
        run_id = _log_evaluation(client, experiment_id, record)
    return TrackedRun(run_id=run_id, experiment_id=experiment_id, url=run_url(experiment_id, run_id))


@contextmanager
def translate_mlflow_errors(home: Path) -> Generator[None]:
    """Turn what MLflow refuses into an error that a person can act on.

    Raises:
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    _silence()
    from mlflow.exceptions import MlflowException  # two seconds, paid only where MLflow is used

    try:
        yield
    except MlflowException as error:
        message = f"MLflow at {tracking_uri(home)} did not do as asked: {' '.join(str(error).split())}"
        raise OutsideServiceError(message, "check MLFLOW_TRACKING_URI, or unset it to keep runs locally") from error


def tracking_uri(home: Path) -> str:
    """Where MLflow keeps runs: `MLFLOW_TRACKING_URI`, by default SQLite under the state folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home / MLFLOW_FOLDER / DATABASE}"


def local_database(home: Path) -> Path | None:
    """File of the local store; None where a server is named."""
    return None if os.environ.get("MLFLOW_TRACKING_URI") else home / MLFLOW_FOLDER / DATABASE


def store_exists(home: Path) -> bool:
    """Whether there is anything to look into: a server is named, or a local store was made."""
    database = local_database(home)
    return database is None or database.exists()


def run_url(experiment_id: str, run_id: str) -> str:
    """The page of a run: on the server where there is one, else where `darkstar ui` shows the local store."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    page = uri.rstrip("/") if uri.startswith(("http://", "https://")) else DEFAULT_PAGE
    return f"{page}/#/experiments/{experiment_id}/runs/{run_id}"


def open_store(home: Path) -> tuple["MlflowClient", dict[str, str]]:
    """A client, and the ids of the experiments by name; the first call of a home creates both, cheap to repeat."""
    _silence()
    from mlflow import MlflowClient

    uri = tracking_uri(home)
    with hold_lock(home / MLFLOW_FOLDER / ".setup.lock"):
        database = home / MLFLOW_FOLDER / DATABASE
        if not os.environ.get("MLFLOW_TRACKING_URI") and not database.exists():
            _create_database(database)
        client = MlflowClient(tracking_uri=uri)
        if uri not in _KNOWN:
            _KNOWN[uri] = {name: _experiment(client, name, home) for name in EXPERIMENTS}
    return client, _KNOWN[uri]


_KNOWN: dict[str, dict[str, str]] = {}
_KIND = {"mlflow.experimentKind": "custom_model_development"}  # else its page offers tools for chat models


def _create_database(database: Path) -> None:
    """Make MLflow's tables beside the place and move the whole file in; the caller holds the lock.

    MLflow makes them in dozens of steps; killed half way through, it finds some of them there and never starts again.
    """
    from mlflow.store.db import utils  # what `mlflow db upgrade` calls on an empty database

    with atomic_write(database) as temporary:
        engine = utils.create_sqlalchemy_engine_with_retry(f"sqlite:///{temporary}")  # pyright: ignore[reportUnknownMemberType] - untyped
        try:
            utils._initialize_tables(engine)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType] - MLflow is pinned
        finally:
            engine.dispose()


def _silence() -> None:
    """No telemetry, which MLflow decides on import, and no report of every migration that makes a store."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _experiment(client: "MlflowClient", name: str, home: Path) -> str:
    """Id of the experiment of that name, made where it is missing; the caller holds the lock."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    local = not os.environ.get("MLFLOW_TRACKING_URI")  # a server keeps files where it wants
    place = (home / MLFLOW_FOLDER / "artifacts" / name).as_uri() if local else None
    return str(client.create_experiment(name, artifact_location=place, tags=_KIND))


def _log_evaluation(client: "MlflowClient", experiment_id: str, record: EvaluationRecord) -> str:
    """Create, fill and close the run and its children."""
    rows: dict[str, dict[str, Any]] = {str(row["policy"]): row for row in record.totals.to_dicts()}
    mpc, best, tags = rows.get("mpc"), record.best_policy(), record.tags()
    metrics = {f"cost_{policy}": float(row["cost"]) for policy, row in rows.items()}
    if best is not None:
        metrics |= _figures(rows[best], mpc)
    metrics["breaches"] = float(sum(int(row["breaches"]) for row in rows.values()))
    with open_run(client, experiment_id, f"{record.site} {record.first} to {record.last}", tags) as run_id:
        log_values(client, run_id, metrics, {**record.params, "site": record.site, "policies": ", ".join(rows)})
        for policy, row in rows.items():
            child_tags = {**tags, "policy": policy, "mlflow.parentRunId": run_id}
            with open_run(client, experiment_id, policy, child_tags) as child:
                log_values(client, child, _figures(row, mpc), {"policy": policy})
        _log_files(client, run_id, record)
    return run_id


@contextmanager
def open_run(client: "MlflowClient", experiment_id: str, name: str, tags: Mapping[str, str]) -> Generator[str]:
    """A run that is closed in the end: finished, or failed where its filling was."""
    run_id = str(client.create_run(experiment_id, run_name=name, tags=dict(tags)).info.run_id)
    status = "FAILED"
    try:
        yield run_id
        status = "FINISHED"
    finally:
        client.set_terminated(run_id, status)


def _figures(row: Mapping[str, Any], mpc: Mapping[str, Any] | None) -> dict[str, float]:
    """A policy's figures under plain names; what could not be said is left out."""
    figures = {name: float(row[name]) for name in _LOGGED if row.get(name) is not None}
    if mpc is not None and mpc["cost"] and row.get("cost_vs_mpc") is not None:
        figures["cost_vs_mpc_pct"] = 100 * float(row["cost_vs_mpc"]) / abs(float(mpc["cost"]))
    return figures


def log_values(
    client: "MlflowClient",
    run_id: str,
    metrics: Mapping[str, float],
    params: Mapping[str, object],
    curves: Mapping[str, Iterable[tuple[int, float]]] | None = None,
) -> None:
    """Metrics and parameters in as few calls as MLflow takes: 8 ms a call, whatever it carries.

    Args:
        client: the store.
        run_id: an open run.
        metrics: figures by name.
        params: facts by name.
        curves: figures that changed while learning, by name: step and value.
    """
    from mlflow.entities import Metric, Param
    from mlflow.utils.time import get_current_time_millis

    now = get_current_time_millis()
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


def _log_files(client: "MlflowClient", run_id: str, record: EvaluationRecord) -> None:
    """The days behind the totals, the totals as a table, and the pictures."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        record.days.write_parquet(folder / "days.parquet")
        record.totals.write_csv(folder / "totals.csv")
        for picture, content in record.pictures.items():
            (folder / picture).write_bytes(content)
        client.log_artifacts(run_id, name)


def code_version() -> str:
    """The installed version, and the commit where this is a checkout."""
    installed = version("darkstar-pipeline")
    root = Path(__file__).resolve().parents[2]
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return installed
    asked = subprocess.run(  # noqa: S603 - fixed words, our own folder
        [git, "-C", str(root), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    )
    return f"{installed}+{asked.stdout.strip()}" if asked.returncode == 0 else installed
