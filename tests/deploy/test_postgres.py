"""Dagster's and MLflow's records in a real Postgres, by the deployed files as they are."""

import os
import subprocess
import sys
from collections.abc import Generator
from datetime import date
from pathlib import Path

import dagster as dg
import httpx2
import pytest
import yaml

from assets.fleet.graph.daily_results import DAILY_RESULTS
from darkstar_pipeline.definitions import build_definitions
from darkstar_pipeline.doctor.stores import check_dagster
from darkstar_pipeline.fleet.homes_file import fleet_of
from darkstar_pipeline.retention.dagster_runs import DagsterRuns
from darkstar_pipeline.retention.rules import Rule
from jobs.fleet import FLEET_REFRESH, day_tags
from jobs.fleet_backfill import launch_backfill
from tests.builders.fleet_homes import fill_fleet, fleet_settings
from tests.builders.postgres import Postgres, postgres
from tests.builders.waiting import until
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.filterwarnings("ignore")]
DAY = date(2025, 10, 26)
BUCKETS = 2
TOKEN = "a-token-of-the-tests"  # noqa: S105 - of a server that ends with its test
LONGEST_WAIT = 240.0


@pytest.fixture(scope="module")
def server() -> Generator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture
def instance_file(server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The deployed `dagster.yaml` where Dagster looks for it; host and port alone are the test's."""
    document = yaml.safe_load((ROOT / "deploy" / "dagster_postgres.yaml").read_text())
    document["storage"]["postgres"]["postgres_db"] |= {"hostname": "127.0.0.1", "port": server.port}
    path = tmp_path / "dagster" / "dagster.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(document))
    monkeypatch.setenv("DAGSTER_HOME", str(path.parent))
    monkeypatch.setenv("DARKSTAR_POSTGRES_PASSWORD", server.password)
    monkeypatch.chdir(tmp_path)
    return path


def test_a_fleets_backfills_and_runs_are_known_to_every_machine_that_asks_postgres(
    instance_file: Path, tmp_path: Path
) -> None:
    settings = fleet_settings(BUCKETS)
    fill_fleet(settings, tmp_path, {f"home-{number}": {} for number in range(3)}, [DAY])
    backfill_id = launch_backfill(settings, tmp_path, DAY, DAY)
    job = build_definitions(settings, tmp_path).resolve_job_def(FLEET_REFRESH)
    with dg.DagsterInstance.get() as instance:
        assert job.execute_in_process(instance=instance, tags=day_tags(fleet_of(settings), DAY)).success
    with dg.DagsterInstance.get() as other:
        waiting = other.get_backfill(backfill_id)
        assert waiting is not None
        assert waiting.status.value == "REQUESTED"
        assert [run.status for run in other.get_runs()] == [dg.DagsterRunStatus.SUCCESS]
        assert len(other.get_materialized_partitions(DAILY_RESULTS)) == BUCKETS
    assert not list(instance_file.parent.rglob("*.db")), "nothing is kept in SQLite"
    assert "answers: 1 run" in check_dagster(tmp_path).detail
    kind = DagsterRuns(home=tmp_path, rule=Rule(setting="retention.dagster_days", days=30, at_least=0, budget=10**9))
    kind.remove(kind.items())
    with dg.DagsterInstance.get() as after:
        assert after.get_runs_count() == 0


def test_mlflow_keeps_runs_in_postgres_and_their_files_behind_the_token(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracking import MlflowClient

    log = tmp_path / "log"
    environment = {
        **os.environ,
        "DARKSTAR_HOME": str(tmp_path / "state"),
        "DARKSTAR_TOKEN": TOKEN,
        "MLFLOW_BACKEND_STORE_URI": server.address("mlflow"),
        "PYTHONUNBUFFERED": "1",
    }
    words = ["--port=0", f"--artifacts-destination={tmp_path / 'artifacts'}"]
    command = [sys.executable, "-m", "darkstar_pipeline.service.door.mlflow_page", *words]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
    try:
        until(lambda: _address(log) is not None, "MLflow's address", LONGEST_WAIT, pause_seconds=0.2)
        address = str(_address(log))
        assert httpx2.get(f"{address}/", timeout=30.0).status_code == 401
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
        client = MlflowClient(address)
        run = client.create_run(client.create_experiment("fleet"))
        client.log_metric(run.info.run_id, "captured_share", 0.9)
        client.log_text(run.info.run_id, "kept", "note.txt")
    finally:
        process.terminate()
        process.wait(30.0)
    kept = MlflowClient(server.address("mlflow"))
    assert kept.get_run(run.info.run_id).data.metrics == {"captured_share": 0.9}
    assert [path.read_text() for path in (tmp_path / "artifacts").rglob("note.txt")] == ["kept"]


def _address(log: Path) -> str | None:
    """The address that the server says it is at."""
    words = log.read_text().split()
    return next((word for word in words if word.startswith("http://127.0.0.1:")), None)
