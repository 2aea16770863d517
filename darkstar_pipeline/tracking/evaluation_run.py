"""The run that an evaluation leaves in MLflow, with a child run for each policy.

What does not belong here: what is evaluated, and how (`planner.evaluation.verdict`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import polars as pl

from darkstar_pipeline.tracking.mlflow_store import (
    EVALUATIONS,
    code_version,
    log_values,
    open_run,
    open_store,
    run_url,
    translate_mlflow_errors,
)
from darkstar_pipeline.tracking.pages import dagster_tags
from planner.evaluation.verdict import POWER_COLUMNS

if TYPE_CHECKING:
    from mlflow import MlflowClient

BOUND = "oracle"  # the lower bound is no policy that could be the best
_LOGGED = ("days", "cost", "captured_share", "cost_vs_mpc", "cost_vs_mpc_low", "cost_vs_mpc_high", "breaches")


@dataclass(frozen=True, kw_only=True)
class EvaluationRecord:
    """One evaluation, as its run records it.

    Attributes:
        site: name of the home.
        first: first local day of the window.
        last: last local day of the window.
        totals: one row per policy, as `planner.evaluation.verdict` returns them.
        days: one row per day and policy, kept as an artifact.
        content_hash: hash of the data that was evaluated.
        config_version: fingerprint of the settings that the figures hold for.
        params: further facts, logged as parameters.
        pictures: PNG files by name.
        dagster_run_id: the Dagster run that evaluated, for the link back.
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
        """Return the tags that the run can be found by."""
        tags = {
            "site": self.site,
            "data_window": f"{self.first} to {self.last}",
            "content_hash": self.content_hash,
            "config_version": self.config_version,
            "code_version": code_version(),
            "best_policy": self.best_policy() or "none",
        }
        return {**tags, **dagster_tags(self.dagster_run_id)}

    def best_policy(self) -> str | None:
        """Return the policy with the lowest bill that could be run; None where only the bound was evaluated."""
        costs = {row["policy"]: row["total_cost"] for row in self.totals.to_dicts() if row["policy"] != BOUND}
        return min(costs, key=lambda policy: (costs[policy], policy)) if costs else None


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """A run in MLflow, and its page."""

    run_id: str
    experiment_id: str
    url: str


def log_evaluation(home: Path, record: EvaluationRecord) -> TrackedRun:
    """Log a run with one child per policy, so that MLflow's table of runs compares policies and evaluations alike.

    The run itself carries the figures of the best policy (tag `best_policy`) under plain names, and the bill of each
    policy as `cost_<policy>`, its demand charge included; each child carries the figures of its own policy under the
    same plain names.

    Args:
        home: the state folder.
        record: the evaluation.

    Raises:
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    with translate_mlflow_errors(home):
        client, experiments = open_store(home)
        experiment_id = experiments[EVALUATIONS]
        run_id = _log_evaluation(client, experiment_id, record)
    return TrackedRun(run_id=run_id, experiment_id=experiment_id, url=run_url(experiment_id, run_id))


def _log_evaluation(client: "MlflowClient", experiment_id: str, record: EvaluationRecord) -> str:
    """Create, fill and close the run and its children."""
    rows: dict[str, dict[str, Any]] = {str(row["policy"]): row for row in record.totals.to_dicts()}
    mpc, tags, metrics = rows.get("mpc"), record.tags(), run_metrics(record)
    with open_run(client, experiment_id, f"{record.site} {record.first} to {record.last}", tags) as run_id:
        log_values(client, run_id, metrics, {**record.params, "site": record.site, "policies": ", ".join(rows)})
        for policy, row in rows.items():
            child_tags = {**tags, "policy": policy, "mlflow.parentRunId": run_id}
            with open_run(client, experiment_id, policy, child_tags) as child:
                log_values(client, child, _figures(row, mpc), {"policy": policy})
        _log_files(client, run_id, record)
    return run_id


def run_metrics(record: EvaluationRecord) -> dict[str, float]:
    """Return the metrics of the run itself: the best policy's figures, and the bill of each policy."""
    rows: dict[str, dict[str, Any]] = {str(row["policy"]): row for row in record.totals.to_dicts()}
    best = record.best_policy()
    metrics = {f"cost_{policy}": float(row["total_cost"]) for policy, row in rows.items()}
    if best is not None:
        metrics |= _figures(rows[best], rows.get("mpc"))
    return {**metrics, "breaches": float(sum(int(row["breaches"]) for row in rows.values()))}


def _figures(row: Mapping[str, Any], mpc: Mapping[str, Any] | None) -> dict[str, float]:
    """Return a policy's figures under plain names; those that are not known are left out."""
    names = (*_LOGGED, *(POWER_COLUMNS if row["power_cost"] else ()))
    figures = {name: float(row[name]) for name in names if row.get(name) is not None}
    if mpc is not None and mpc["total_cost"] and row.get("cost_vs_mpc") is not None:
        figures["cost_vs_mpc_pct"] = 100 * float(row["cost_vs_mpc"]) / abs(float(mpc["total_cost"]))
    return figures


def _log_files(client: "MlflowClient", run_id: str, record: EvaluationRecord) -> None:
    """Keep the days behind the totals, the totals as a table, and the pictures as artifacts."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        record.days.write_parquet(folder / "days.parquet")
        record.totals.write_csv(folder / "totals.csv")
        for picture, content in record.pictures.items():
            (folder / picture).write_bytes(content)
        client.log_artifacts(run_id, name)
