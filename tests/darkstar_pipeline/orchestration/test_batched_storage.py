"""The batched Dagster storage keeps what Dagster's own storage keeps, only sooner."""

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from darkstar_pipeline.orchestration.batched_storage import (
    BATCH_SIZE_VARIABLE,
    DEFAULT_BATCH_SIZE,
    BatchedSqliteEventLogStorage,
)

N_DAYS = 100
DAYS = dg.DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-12-31", timezone="Europe/Stockholm")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
DEFAULT_YAML = "telemetry: {enabled: false}\n"
BATCHED_YAML = (
    DEFAULT_YAML
    + """\
storage:
  custom:
    module: darkstar_pipeline.orchestration.batched_storage
    class: BatchedSqliteStorage
    config:
      base_dir: {env: DAGSTER_HOME}
"""
)
# Polls as the web server does, on connections of its own, until both assets are whole; tells which counts it saw.
READER = """
import json, time
import dagster as dg
seen, deadline = [], time.monotonic() + 60
with dg.DagsterInstance.get() as instance:
    while time.monotonic() < deadline and (not seen or seen[-1] != [100, 100]):
        counts = [len(instance.get_materialized_partitions(dg.AssetKey(key))) for key in ("prices", "plans")]
        if not seen or counts != seen[-1]:
            seen.append(counts)
            print(json.dumps(counts), flush=True)
"""

OpenHome = Callable[[str, str], dg.DagsterInstance]


@pytest.fixture
def open_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenHome:
    """Opens the home of a name under a temporary folder, with the given `dagster.yaml`."""
    monkeypatch.setenv(BATCH_SIZE_VARIABLE, "")  # so that what the storage sets is undone after the test
    monkeypatch.delenv(BATCH_SIZE_VARIABLE)

    def open_instance(name: str, dagster_yaml: str) -> dg.DagsterInstance:
        home = tmp_path / name
        home.mkdir(exist_ok=True)
        (home / "dagster.yaml").write_text(dagster_yaml)
        monkeypatch.setenv("DAGSTER_HOME", str(home))
        return dg.DagsterInstance.get()

    return open_instance


def _two_assets(*, fail: bool = False) -> list[dg.AssetsDefinition]:
    """Two daily assets, the second with a check and metadata of its own for each day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=dg.BetaWarning)
        policy = dg.BackfillPolicy.single_run()

        @dg.asset(partitions_def=DAYS, backfill_policy=policy, code_version="1")
        def prices() -> dg.MaterializeResult:
            return dg.MaterializeResult(metadata={"rows": 96})

        check = dg.AssetCheckSpec("whole", asset="plans")

        @dg.asset(partitions_def=DAYS, backfill_policy=policy, code_version="1", deps=[prices], check_specs=[check])
        def plans(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
            if fail:
                raise dg.Failure("planted")
            for day in context.partition_keys:
                context.add_asset_metadata({"day": day}, asset_key="plans", partition_key=day)
            return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True, check_name="whole")])

    return [prices, plans]


def _run_range(instance: dg.DagsterInstance, *, fail: bool = False) -> str:
    """Materializes the first hundred days of both assets in one run and gives its id."""
    days = DAYS.get_partition_keys()
    tags = {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[N_DAYS - 1]}
    result = dg.materialize(
        _two_assets(fail=fail), instance=instance, tags=tags, run_config=QUIET, raise_on_error=False
    )
    assert result.success is not fail
    return result.run_id


def _logged_events(instance: dg.DagsterInstance, run_id: str) -> list[tuple[object, ...]]:
    """Everything about assets in the log of a run, in order, that does not name the run or the moment."""
    events = [entry.get_dagster_event() for entry in instance.all_logs(run_id) if entry.is_dagster_event]
    return [
        (event.event_type_value, event.step_key, event.asset_key, event.partition, _materialization(event))
        for event in events
    ]


def _materialization(event: dg.DagsterEvent) -> object:
    return event.step_materialization_data.materialization if event.is_step_materialization else None


def _index_of(instance: dg.DagsterInstance, key: str) -> object:
    """Return what the index of all runs holds about an asset: days, numbers of events, tags and the newest event."""
    asset_key = dg.AssetKey(key)
    records = instance.fetch_materializations(asset_key, limit=1000).records
    planned = instance.event_log_storage.get_latest_planned_materialization_info(asset_key)
    newest = instance.get_latest_materialization_event(asset_key)
    assert planned is not None
    assert newest is not None
    assert newest.asset_materialization is not None
    return (
        instance.get_materialized_partitions(asset_key),
        [(record.storage_id, record.partition_key) for record in records],
        instance.event_log_storage.get_event_tags_for_asset(asset_key),
        newest.asset_materialization.partition,
        planned.storage_id,
    )


@pytest.mark.slow
@pytest.mark.thorough
def test_storage_keeps_what_the_default_keeps_when_one_run_covers_many_days(open_home: OpenHome) -> None:
    with open_home("default", DEFAULT_YAML) as default:
        default_run = _run_range(default)
        log = _logged_events(default, default_run)
        index = [_index_of(default, key) for key in ("prices", "plans")]
    with open_home("batched", BATCHED_YAML) as batched:
        assert isinstance(batched.event_log_storage, BatchedSqliteEventLogStorage)
        batched_run = _run_range(batched)
        assert _logged_events(batched, batched_run) == log
        assert [_index_of(batched, key) for key in ("prices", "plans")] == index
    assert [entry[0] for entry in log].count("ASSET_MATERIALIZATION") == 2 * N_DAYS


@pytest.mark.thorough
@pytest.mark.slow
def test_storage_shows_whole_batches_only_when_another_process_reads_meanwhile(open_home: OpenHome) -> None:
    with (
        open_home("batched", BATCHED_YAML) as instance,
        subprocess.Popen([sys.executable, "-c", READER], stdout=subprocess.PIPE, text=True) as reader,
    ):
        assert reader.stdout is not None
        seen = [json.loads(reader.stdout.readline())]
        _run_range(instance)
        seen += [json.loads(line) for line in reader.stdout]
    assert reader.returncode == 0
    assert seen[0] == [0, 0]
    assert seen[-1] == [N_DAYS, N_DAYS]
    assert {count for counts in seen for count in counts} == {0, N_DAYS}


@pytest.mark.slow
def test_home_reads_the_same_when_switched_back_to_the_default_storage(open_home: OpenHome) -> None:
    with open_home("home", BATCHED_YAML) as batched:
        run_id = _run_range(batched)
        log, index = _logged_events(batched, run_id), _index_of(batched, "plans")
    with open_home("home", DEFAULT_YAML) as default:
        assert type(default.event_log_storage) is SqliteEventLogStorage
        assert _logged_events(default, run_id) == log
        assert _index_of(default, "plans") == index


@pytest.mark.slow
def test_storage_marks_the_days_of_a_failed_asset_when_its_run_fails(open_home: OpenHome) -> None:
    with open_home("home", BATCHED_YAML) as instance:
        _run_range(instance, fail=True)
        storage = instance.event_log_storage
        attempts = storage.get_latest_asset_partition_materialization_attempts_without_materializations
        assert len(attempts(dg.AssetKey("plans"))) == N_DAYS
        assert len(attempts(dg.AssetKey("prices"))) == 0
        assert len(instance.get_materialized_partitions(dg.AssetKey("prices"))) == N_DAYS


@pytest.mark.slow
@pytest.mark.thorough
def test_new_home_opens_when_four_processes_open_it_first_at_once(tmp_path: Path) -> None:
    home = tmp_path / "new"
    home.mkdir()
    (home / "dagster.yaml").write_text(BATCHED_YAML)
    command = [sys.executable, "-c", "import dagster; dagster.DagsterInstance.get().get_runs()"]
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    openers = [subprocess.Popen(command, env=environment) for _ in range(4)]
    assert [opener.wait(timeout=60) for opener in openers] == [0, 0, 0, 0]


def test_storage_sets_the_batch_size_when_none_is_set(open_home: OpenHome) -> None:
    with open_home("home", BATCHED_YAML):
        assert os.environ[BATCH_SIZE_VARIABLE] == str(DEFAULT_BATCH_SIZE)


def test_storage_respects_the_batch_size_when_one_is_set(open_home: OpenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BATCH_SIZE_VARIABLE, "7")
    with open_home("home", BATCHED_YAML):
        assert os.environ[BATCH_SIZE_VARIABLE] == "7"
