from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.orchestration.instance import open_instance
from darkstar_pipeline.retention.dagster_runs import RUNS_FOLDER, DagsterRuns
from darkstar_pipeline.retention.rules import Rule
from tests.builders.elsewhere_storage import store_elsewhere
from tests.builders.waiting import until

RULE = Rule(setting="retention.dagster_days", days=30, at_least=0, budget=10**9)
SETTINGS = Settings.model_validate({"sites": {"home": {}}})


@dg.asset(check_specs=[dg.AssetCheckSpec("fine", asset="thing")])
def thing() -> dg.MaterializeResult:
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="fine", passed=True)])


@pytest.mark.thorough
def test_ended_runs_go_with_their_events_and_one_that_has_not_ended_stays(tmp_path: Path) -> None:
    kind = DagsterRuns(home=tmp_path, rule=RULE)
    assert kind.items() == []
    assert not (tmp_path / "dagster").exists(), "looking makes nothing"
    with open_instance(tmp_path) as instance:
        ended = [dg.materialize([thing], instance=instance).run_id for _ in range(2)]
        open_run = instance.create_run_for_job(dg.Definitions([thing]).resolve_implicit_global_asset_job_def())
    shard = tmp_path / "dagster" / RUNS_FOLDER / f"{ended[0]}.db"
    items = {item.name: item for item in kind.items()}
    assert {name for name, item in items.items() if not item.needed} == set(ended)
    assert items[ended[0]].size >= shard.stat().st_size
    assert abs(items[ended[0]].at - datetime.now(UTC)) < timedelta(minutes=5)
    kind.remove([items[ended[0]], items[open_run.run_id]])
    assert not shard.exists()
    with open_instance(tmp_path) as instance:
        assert {run.run_id for run in instance.get_runs()} == {ended[1], open_run.run_id}
        assert instance.get_latest_materialization_event(dg.AssetKey("thing")) is not None, "the later run has it"
    import sqlite3

    index = sqlite3.connect(tmp_path / "dagster" / RUNS_FOLDER / "index.db")
    for table in ("event_logs", "asset_check_executions"):
        found = index.execute(f"SELECT DISTINCT run_id FROM {table}").fetchall()  # noqa: S608 - our own names
        assert (ended[0],) not in found, table
        assert (ended[1],) in found
    index.close()
    shard.write_bytes(b"")  # what a kill between Dagster's two stores leaves
    left = next(item for item in kind.items() if item.name == ended[0])
    kind.remove([left])
    until(lambda: not shard.exists(), "the file is gone")


def test_runs_of_a_storage_at_another_place_go_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    store_elsewhere(tmp_path / "home", tmp_path / "server")
    stale = tmp_path / "home" / "dagster" / RUNS_FOLDER / "of-before-the-move.db"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"")
    job = dg.Definitions([thing]).resolve_implicit_global_asset_job_def()
    with open_instance(tmp_path / "home") as instance:
        for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED):
            instance.create_run_for_job(job, status=status)
    kind = DagsterRuns(home=tmp_path / "home", rule=RULE)
    items = kind.items()
    assert sorted((item.size, item.needed) for item in items) == [(0, ""), (0, "it has not ended")]
    kind.remove(items)
    with open_instance(tmp_path / "home") as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.STARTED]


def test_a_store_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "dagster" / "history").mkdir(parents=True)
    (tmp_path / "dagster" / "history" / "runs.db").write_bytes(b"no database" * 1000)
    with pytest.raises(OutsideServiceError, match="Dagster's store refused"):
        DagsterRuns(home=tmp_path, rule=RULE).items()
