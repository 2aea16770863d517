"""A fleet's run as a job of a real Ray cluster leaves the rows that a run in this process leaves."""

import os
import sys
import warnings
from collections.abc import Generator
from datetime import date
from pathlib import Path
from typing import Any, cast

import dagster as dg
import polars as pl
import pytest
import yaml

from darkstar_pipeline.config.settings import Settings, home_dir, load_settings
from darkstar_pipeline.definitions import build_definitions, found_configuration
from darkstar_pipeline.fleet.homes_file import fleet_of
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.orchestration.instance import open_instance
from darkstar_pipeline.warehouse.schemas import POLICY_DAILY_RESULTS, POLICY_SCHEDULES
from jobs.fleet import FLEET_REFRESH, day_tags
from tests.builders.fleet_homes import fill_fleet
from tests.builders.waiting import until

DAY = date(2025, 10, 26)
BUCKETS = 2
FLEET = {
    "buckets": BUCKETS,
    "defaults": {"first_day": "2025-01-01", "policies": ["idle", "self_consumption", "value"]},
}
LONGEST_WAIT = 240.0  # Ray's agents come up in half a minute on two busy cores [s]


def refresh() -> dg.JobDefinition:
    """The job of the configuration that the environment names, as a worker on Ray finds it."""
    return build_definitions(*found_configuration()).resolve_job_def(FLEET_REFRESH)


@pytest.fixture
def ray_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Generator[str]:
    """Address of a cluster of one node that takes jobs, in whose environment the fleet's configuration is."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "state" / "dagster"))
    monkeypatch.setenv("DARKSTAR_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "darkstar.yaml"))
    monkeypatch.chdir(tmp_path)  # Dagster prefers the `.env` of a working directory, and the checkout has one
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_DASHBOARD_STARTUP_TIMEOUT_S", str(int(LONGEST_WAIT)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 2, "include_dashboard": True, "dashboard_port": 0, "object_store_memory": 150_000_000}
        cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        yield f"http://{cast('Any', cluster.head_node).webui_url}"
    finally:
        cluster.shutdown()


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")  # of Ray's own modules
def test_a_run_on_ray_leaves_the_rows_of_a_run_in_this_process(ray_jobs: str, tmp_path: Path) -> None:
    options = {"address": ray_jobs, "num_cpus": 1, "metadata": {"quotes": "2026"}}
    runs = {"launcher": "ray", "options": options}
    (tmp_path / "darkstar.yaml").write_text(
        yaml.safe_dump({"engine": {"workers": 1}, "fleet": {**FLEET, "runs": runs}})
    )
    settings, state = load_settings(), home_dir()
    homes = {f"home-{number}": {} for number in range(3)}
    for folder in (state, tmp_path / "here"):
        fill_fleet(settings, folder, homes, [DAY])
    tags = day_tags(fleet_of(settings), DAY)
    with open_instance(state) as instance:
        launcher: Any = instance.run_launcher
        until(lambda: takes_jobs(launcher.client), "a job taken", LONGEST_WAIT, pause_seconds=0.5)
        job = dg.reconstructable(refresh)
        run = instance.create_run_for_job(
            job.get_definition(), tags=dict(tags), job_code_origin=job.get_python_origin()
        )
        instance.launch_run(run.run_id, cast("Any", None))
        until(lambda: ended(instance, launcher, run), "the run's end", LONGEST_WAIT, pause_seconds=0.5)
        assert status(instance, run) is dg.DagsterRunStatus.SUCCESS, launcher.client.get_job_logs(
            f"dagster-run-{run.run_id}"
        )
        assert len(instance.get_materialized_partitions(dg.AssetKey(["fleet", "daily_results"]))) == BUCKETS
    with dg.DagsterInstance.ephemeral() as alone:
        here = build_definitions(settings, tmp_path / "here").resolve_job_def(FLEET_REFRESH)
        assert here.execute_in_process(instance=alone, tags=dict(tags)).success
    assert rows(settings, state).equals(rows(settings, tmp_path / "here"))


def rows(settings: Settings, state: Path) -> pl.DataFrame:
    """What the policies did and paid on the day, of all buckets."""
    lake = fleet_lake(fleet_of(settings), state)
    frames = [
        lake.read(table, bucket, DAY, DAY)
        for table in (POLICY_SCHEDULES, POLICY_DAILY_RESULTS)
        for bucket in range(BUCKETS)
    ]
    found = pl.concat(frames, how="diagonal")
    assert found.height
    return found


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    known = instance.get_run_by_id(run.run_id)
    assert known is not None
    return known.status


def ended(instance: dg.DagsterInstance, launcher: Any, run: dg.DagsterRun) -> bool:
    ends = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
    return status(instance, run) in ends or launcher.check_run_worker_health(run).status.value == "FAILED"


def takes_jobs(client: Any) -> bool:
    try:
        client.submit_job(entrypoint="true")
    except RuntimeError:  # the node's agent is not up yet
        return False
    return True
