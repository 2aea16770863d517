"""The run of a training in MLflow, with everything needed to understand and repeat it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl

from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.tracking.mlflow_store import code_version, log_values, open_run
from darkstar_pipeline.tracking.pages import dagster_tags
from planner.artifacts.bundle import Bundle

if TYPE_CHECKING:
    from mlflow import MlflowClient

BUNDLE_FOLDER = "bundle"
IDENTITY = "bundle_identity"

Curve = Sequence[tuple[int, float]]
Days = tuple[date, date]


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One training, as its run remembers it.

    Attributes:
        train: first and last local day learned from.
        validation: first and last day that choices were made on; None where there was none.
        test: first and last day of the figures in `metrics`; None where there was none.
        content_hash: of the data that was learned from.
        seeds: everything that was drawn follows from these.
        params: every hyper-parameter and further fact by name.
        metrics: figures by plain name, such as `captured_share, cost_vs_mpc, cost_vs_mpc_low, cost_vs_mpc_high,
            cost_vs_mpc_pct, breaches`.
        curves: figures that changed while learning, by name: `(step, value)` in order.
        days: a row a test day and policy with its cost, kept as an artifact.
        artifacts: further files by name; pictures are files too.
        tags: what the run can be found by, besides what is always noted.
        parent_run_id: the run it is a part of.
        dagster_run_id: the run that asked for it, for the link back.
    """

    train: Days
    validation: Days | None = None
    test: Days | None = None
    content_hash: str = ""
    seeds: tuple[int, ...] = ()
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    curves: Mapping[str, Curve] = field(default_factory=dict[str, Curve])
    days: pl.DataFrame | None = None
    artifacts: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    parent_run_id: str | None = None
    dagster_run_id: str | None = None


def window_text(days: Days | None) -> str:
    """Return a window as text; empty for none."""
    return "" if days is None else f"{days[0]} to {days[1]}"


def run_tags(context: Context, name: str, bundle: Bundle, run: TrainingRun) -> dict[str, str]:
    """Return the tags of a run and of the version made of it."""
    manifest = bundle.manifest
    parent = {} if run.parent_run_id is None else {"mlflow.parentRunId": run.parent_run_id}
    return {
        **run.tags,
        "site": context.site_name,
        "model": name,
        "kind": manifest.kind,
        "algorithm": manifest.algorithm,
        "data_window": window_text(run.train),
        "content_hash": run.content_hash,
        "tariff_version": manifest.tariff,
        "config_version": config_version(context.site_settings, "policies"),
        "code_version": code_version(),
        IDENTITY: bundle.identity,
        **parent,
        **dagster_tags(run.dagster_run_id),
    }


def log_training(
    client: "MlflowClient", experiment_id: str, folder: Path, run: TrainingRun, tags: Mapping[str, str]
) -> str:
    """Leave a run that holds the bundle in `folder`.

    Args:
        client: the store.
        experiment_id: of the experiment of trainings.
        folder: the bundle.
        run: what to remember.
        tags: from `run_tags`.

    Returns:
        The run's id.
    """
    windows = {name: window_text(getattr(run, name)) for name in ("train", "validation", "test")}
    params = {**run.params, **{f"{name}_days": text for name, text in windows.items() if text}}
    params["seeds"] = ", ".join(str(seed) for seed in run.seeds)
    with open_run(client, experiment_id, f"{tags['model']} {tags['algorithm']}", tags) as run_id:
        log_values(client, run_id, run.metrics, params, run.curves)
        client.log_artifacts(run_id, str(folder), artifact_path=BUNDLE_FOLDER)
        _log_files(client, run_id, run)
    return run_id


def _log_files(client: "MlflowClient", run_id: str, run: TrainingRun) -> None:
    """Keep the days behind the figures, and the files of the run, as artifacts."""
    if run.days is None and not run.artifacts:
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        if run.days is not None:
            run.days.write_parquet(folder / "days.parquet")
        for file, content in run.artifacts.items():
            (folder / file).write_bytes(content)
        client.log_artifacts(run_id, name)
