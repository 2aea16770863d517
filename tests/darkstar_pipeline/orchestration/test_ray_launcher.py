"""A fleet's run as a job of a real Ray cluster leaves the rows that a run in this process leaves."""

import os
import socket
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any, cast

import dagster as dg
import polars as pl
import pytest
import yaml

from benchmarks.cluster.ray_nodes import RayNodes, ray_nodes
from darkstar_pipeline.config.settings import Settings, home_dir, load_settings
from darkstar_pipeline.definitions import build_definitions, found_configuration
from darkstar_pipeline.fleet.homes_file import fleet_of
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.orchestration.instance import open_instance
from darkstar_pipeline.warehouse.schemas import POLICY_DAILY_RESULTS, POLICY_SCHEDULES
from jobs.fleet import FLEET_REFRESH, day_tags
from tests.builders.fleet_homes import fill_fleet
from tests.builders.ray_cluster import agent_logs, jobs_address
from tests.builders.waiting import until

DAY = date(2025, 10, 26)
BUCKETS = 2
FLEET = {
    "buckets": BUCKETS,
    "defaults": {"first_day": "2025-01-01", "policies": ["idle", "self_consumption", "value"]},
}
RAY_AGENT_PORT = 52365
LONGEST_WAIT = 240.0  # Ray's agents come up in half a minute on two busy cores [s]


def refresh() -> dg.JobDefinition:
    """The job of the configuration that the environment names, as a worker on Ray finds it."""
    return build_definitions(*found_configuration()).resolve_job_def(FLEET_REFRESH)


@pytest.fixture
def ray_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Generator[RayNodes]:
    """A cluster of one node that takes jobs, in whose environment the fleet's configuration is."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "state" / "dagster"))
    monkeypatch.setenv("DARKSTAR_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "darkstar.yaml"))
    monkeypatch.chdir(tmp_path)  # Dagster prefers the `.env` of a working directory, and the checkout has one
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for name in ("STARTUP_TIMEOUT_S", "SUBPROCESS_MODULE_WAIT_READY_TIMEOUT"):
        monkeypatch.setenv(f"RAY_DASHBOARD_{name}", str(int(LONGEST_WAIT)))
    with agents_port_taken(), ray_nodes(num_cpus=2, include_dashboard=True) as nodes:
        yield nodes


@contextmanager
def agents_port_taken() -> Generator[None]:
    """Listen where an agent of Ray does of its own accord, as another cluster on the machine would (or does)."""
    with ExitStack() as stack:
        with suppress(OSError):  # another cluster has it already
            stack.enter_context(socket.create_server(("", RAY_AGENT_PORT)))
        yield


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")  # of Ray's own modules
def test_a_run_on_ray_leaves_the_rows_of_a_run_in_this_process(ray_jobs: RayNodes, tmp_path: Path) -> None:
    options = {"address": jobs_address(ray_jobs), "num_cpus": 1, "metadata": {"quotes": "2026"}}
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
        wait_for_jobs(launcher.client, ray_jobs)
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


def wait_for_jobs(client: Any, nodes: RayNodes) -> None:
    """Wait until a job is taken; where none is, tell what Ray answered and what its agent wrote."""
    answers: list[str] = []

    def takes_jobs() -> bool:
        try:
            client.submit_job(entrypoint="true")
        except RuntimeError as error:  # the node's agent is not up yet
            answers.append(str(error))
            return False
        return True

    try:
        until(takes_jobs, "a job taken", LONGEST_WAIT, pause_seconds=0.5)
    except AssertionError as error:
        error.add_note(f"Ray's last answer: {answers[-1]}\n{agent_logs(nodes)}")
        raise
