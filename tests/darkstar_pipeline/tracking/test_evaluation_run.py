"""An evaluation leaves a run that answers which policy was cheaper."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.tracking.evaluation_run import EvaluationRecord, TrackedRun, log_evaluation
from darkstar_pipeline.tracking.mlflow_store import open_store

# MLflow warns of its own dependencies' changes while it is imported; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def record(**changes: object) -> EvaluationRecord:
    figures = [("idle", 20.0, None), ("mpc", 11.0, 0.9), ("oracle", 10.0, 1.0), ("self_consumption", 15.0, 0.5)]
    totals = pl.DataFrame(
        [
            {
                "policy": policy,
                "days": 3,
                "cost": cost,
                "captured_share": share,
                "cost_vs_mpc": cost - 11.0,
                "cost_vs_mpc_low": cost - 12.0,
                "cost_vs_mpc_high": cost - 10.0,
                "breaches": 1 if policy == "idle" else 0,
                "power_cost": 0.0,
                "total_cost": cost,
            }
            for policy, cost, share in figures
        ]
    )
    plain: dict[str, object] = {
        "site": "home",
        "first": date(2026, 1, 1),
        "last": date(2026, 1, 3),
        "totals": totals,
        "days": pl.DataFrame({"day": [date(2026, 1, 1)], "policy": ["mpc"], "cost": [11.0]}),
        "content_hash": "abc",
        "config_version": "def",
        "params": {"battery.capacity_kwh": 34.2},
        "pictures": {"verdict.png": b"png"},
        "dagster_run_id": "dagster-1",
    }
    return EvaluationRecord(**{**plain, **changes})  # pyright: ignore[reportArgumentType] - literals above


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrackedRun]:
    """A home with one logged evaluation."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("MLFLOW_TRACKING_URI", raising=False)
        return home, log_evaluation(home, record())


def test_run_carries_the_best_policys_figures_under_plain_names(tracked: tuple[Path, TrackedRun]) -> None:
    home, run = tracked
    data = open_store(home)[0].get_run(run.run_id).data
    assert data.tags["best_policy"] == "mpc"
    assert data.metrics["captured_share"] == 0.9
    assert data.metrics["cost_vs_mpc_pct"] == 0.0
    assert data.metrics["breaches"] == 1.0
    assert data.metrics["cost_self_consumption"] == 15.0
    assert data.params["battery.capacity_kwh"] == "34.2"


def test_run_can_be_found_by_what_it_rests_on(tracked: tuple[Path, TrackedRun]) -> None:
    home, run = tracked
    tags = open_store(home)[0].get_run(run.run_id).data.tags
    assert tags["dagster/run_id"] == "dagster-1"
    assert (tags["content_hash"], tags["config_version"], tags["site"]) == ("abc", "def", "home")
    assert tags["data_window"] == "2026-01-01 to 2026-01-03"
    assert tags["code_version"]


def test_run_has_a_child_a_policy_that_is_compared_by_the_same_names(tracked: tuple[Path, TrackedRun]) -> None:
    home, run = tracked
    client, experiments = open_store(home)
    children = client.search_runs([experiments["evaluation"]], f"tags.`mlflow.parentRunId` = '{run.run_id}'")
    costs = {child.data.tags["policy"]: child.data.metrics["cost"] for child in children}
    assert costs == {"idle": 20.0, "mpc": 11.0, "oracle": 10.0, "self_consumption": 15.0}
    idle = next(child for child in children if child.data.tags["policy"] == "idle")
    assert idle.data.metrics["cost_vs_mpc_pct"] == pytest.approx(100 * 9 / 11)
    assert "captured_share" not in idle.data.metrics


def test_run_keeps_days_and_pictures_under_the_state_folder(tracked: tuple[Path, TrackedRun]) -> None:
    home, run = tracked
    kept = {path.name for path in (home / "mlflow" / "artifacts" / "evaluation" / run.run_id / "artifacts").iterdir()}
    assert kept == {"days.parquet", "totals.csv", "verdict.png"}


def test_run_is_closed_as_failed_when_its_filling_fails(tracked: tuple[Path, TrackedRun]) -> None:
    home, _ = tracked
    with pytest.raises(FileNotFoundError):
        log_evaluation(home, record(pictures={"no/such/folder.png": b"png"}))
    client, experiments = open_store(home)
    newest = client.search_runs(
        [experiments["evaluation"]], "tags.best_policy = 'mpc' and attributes.status = 'FAILED'"
    )
    assert [run.info.run_name for run in newest] == ["home 2026-01-01 to 2026-01-03"]


def test_error_names_the_server_when_it_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(OutsideServiceError, match=r"127\.0\.0\.1:9"):
        log_evaluation(tmp_path, record())
