"""Calculations in processes of their own: progress, one at a time, and an end by hand."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from darkstar_pipeline.config.fleet.engine import EngineSettings
from darkstar_pipeline.service.engine.background_jobs import BackgroundJobs, BusyError, JobState
from planner import parallel
from tests.builders.waiting import until


def wait_for(gate: str, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Tell a quarter, and end as the file says once it is there."""
    progress(1, 4)
    while not Path(gate).exists():
        time.sleep(0.01)
    if Path(gate).read_text() == "wrong":
        raise ValueError("wrong days")
    return {"answer": 42}


def engine_of(progress: Callable[[int, int], None]) -> dict[str, Any]:
    """The workers of the engine that shards of this process run on."""
    del progress
    return {"workers": parallel._engine.get()._settings().workers}  # pyright: ignore[reportAttributeAccessIssue] - of the chosen engine


def state_of(jobs: BackgroundJobs, name: str) -> JobState:
    found = jobs.find(name)
    assert found is not None
    return found


@pytest.mark.thorough  # three processes start
def test_calculations_tell_progress_one_at_a_time_and_can_be_cancelled(tmp_path: Path) -> None:
    jobs, gate = BackgroundJobs("sums are being worked out"), tmp_path / "gate"
    name = jobs.start(wait_for, str(gate))
    until(lambda: state_of(jobs, name).progress == 0.25, "a quarter is done", seconds=60)
    with pytest.raises(BusyError, match="already"):
        jobs.start(wait_for, str(gate))
    assert jobs.cancel(name)
    assert state_of(jobs, name) == JobState("cancelled")
    gate.write_text("go")
    other = jobs.start(wait_for, str(gate))
    until(lambda: state_of(jobs, other).state != "running", "it is done", seconds=60)
    assert state_of(jobs, other) == JobState("done", progress=1.0, document={"answer": 42})
    gate.write_text("wrong")
    third = jobs.start(wait_for, str(gate))
    until(lambda: state_of(jobs, third).state != "running", "it has failed", seconds=60)
    assert state_of(jobs, third) == JobState("failed", error="wrong days")
    assert not jobs.cancel("00000000")
    assert jobs.find("00000000") is None


@pytest.mark.thorough  # a process starts
def test_shards_of_a_calculation_run_on_the_configured_engine() -> None:
    jobs = BackgroundJobs("sums are being worked out")
    name = jobs.start(engine_of, engine=EngineSettings(workers=3))
    until(lambda: state_of(jobs, name).state != "running", "it is done", seconds=60)
    assert state_of(jobs, name).document == {"workers": 3}
