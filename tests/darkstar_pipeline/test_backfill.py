"""A backfill fills the lake once and for all: repeated, interrupted or cut into pieces, the lake is the same."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation  # no public name

from assets.graph import ASSET_NAMES
from darkstar_pipeline.backfill import BackfillReport, close_dead_runs, run_backfill, selected
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.definitions import build_definitions, homes
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.orchestration.instance import open_instance
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    ORACLE_DAILY_RESULTS,
    POLICY_DAILY_RESULTS,
    RAW_SPOT_PRICES,
    RUN_TABLES,
    TABLES,
)
from tests.builders.small_home import DAYS, FIRST, LAST, SHORT_DAY, small_context
from tests.builders.tracking import with_empty_store

# MLflow warns of its own dependencies' changes while it is imported; nothing of ours.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]

STORED = ASSET_NAMES[:-1]  # the verdict fills no table and takes as long as all others
ANSWER = """
import json, sys
from datetime import date
from pathlib import Path
from darkstar_pipeline.backfill import run_backfill
from tests.builders.small_home import FIRST, LAST, small_context
context = small_context(Path(sys.argv[1]), filled=False)
run_backfill(context, FIRST, LAST, progress=lambda done, total: print(json.dumps([done, total]), flush=True))
"""


@pytest.fixture(scope="module", autouse=True)
def _own_environment() -> Iterator[None]:
    """No Dagster home and no MLflow server from outside."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("DAGSTER_HOME", "MLFLOW_TRACKING_URI"):
            environment.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Context, BackfillReport]:
    """The small home's fortnight, backfilled."""
    context = small_context(with_empty_store(tmp_path_factory, tmp_path_factory.mktemp("state")))
    return context, run_backfill(context, FIRST, LAST)


def copy_imports(context: Context, state: Path) -> Context:
    """Another home with the same imports and nothing else."""
    for table in (RAW_SPOT_PRICES, METER_READINGS):
        shutil.copytree(context.home / "lake" / table.name, state / "lake" / table.name)
    return small_context(state, filled=False)


def contents(context: Context) -> dict[str, pl.DataFrame]:
    """Every file of a lake, by place."""
    root = context.home / "lake"
    files = sorted(root.glob("*/site=*/day=*/part.parquet"))
    return {str(file.relative_to(root)): pl.read_parquet(file, hive_partitioning=False) for file in files}


def assert_same(one: Context, other: Context) -> None:
    """Both lakes hold the same files, row for row."""
    ours, theirs = contents(one), contents(other)
    assert list(ours) == list(theirs)
    assert [place for place in ours if not ours[place].equals(theirs[place])] == []


def test_backfill_fills_every_table_and_tells_what_it_did(done: tuple[Context, BackfillReport]) -> None:
    context, report = done
    assert report.assets == ASSET_NAMES
    assert report.days == len(DAYS)
    unfilled = {
        "meter_statistics",
        "import_provenance",
        "import_remarks",
        "raw_weather",
        *(table.name for table in RUN_TABLES),
    }
    for table in (TABLES[name] for name in set(TABLES) - unfilled):
        assert context.lake.days(table, "home") == DAYS, table.name
    made = set(TABLES) - unfilled - {"raw_spot_prices", "meter_readings", "price_repairs"}
    assert report.rows == sum(context.lake.read(TABLES[name], "home").height for name in made)


def test_refused_day_is_left_out_with_its_reason_and_the_rest_goes_on(done: tuple[Context, BackfillReport]) -> None:
    context, report = done
    assert list(report.left_out) == [SHORT_DAY]
    assert "missing" in report.left_out[SHORT_DAY]
    for table in (ORACLE_DAILY_RESULTS, POLICY_DAILY_RESULTS):
        assert context.lake.read(table, "home", SHORT_DAY, SHORT_DAY).is_empty()
        assert context.lake.read(table, "home")["day"].n_unique() == len(DAYS) - 1


def test_results_bound_and_break_nothing(done: tuple[Context, BackfillReport]) -> None:
    context, _ = done
    oracle = context.lake.read(ORACLE_DAILY_RESULTS, "home").select("day", bound="cost")
    policies = context.lake.read(POLICY_DAILY_RESULTS, "home").join(oracle, on="day")
    assert set(policies["policy"]) == {"idle", "self_consumption", "mpc", "value"}
    assert policies.filter(pl.col("cost") < pl.col("bound") - 1e-6).is_empty()
    assert policies["breaches"].sum() == 0


def test_run_links_to_its_mlflow_run_and_back(done: tuple[Context, BackfillReport]) -> None:
    from darkstar_pipeline.tracking.mlflow_store import open_store

    context, report = done
    with open_instance(context.home) as instance:
        run = instance.get_run_by_id(report.run_id)
        event = instance.get_latest_materialization_event(dg.AssetKey("evaluation_report"))
    assert run is not None
    tracked = open_store(context.home)[0].get_run(run.tags["mlflow/run_id"])
    assert tracked.data.tags["dagster/run_id"] == report.run_id
    assert tracked.data.metrics["breaches"] == 0
    assert tracked.data.metrics["captured_share"] > 0
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert str(metadata["mlflow run"].value).endswith(tracked.info.run_id)
    assert "| mpc |" in str(metadata["totals"].value)
    assert "data:image/png;base64" in str(metadata["verdict"].value)


def test_page_shows_row_counts_pictures_and_why_a_day_is_left_out(done: tuple[Context, BackfillReport]) -> None:
    context, _ = done
    key = dg.AssetKey("policy_schedules")
    with open_instance(context.home) as instance:
        records = instance.fetch_materializations(dg.AssetRecordsFilter(key), limit=100).records
    shown = {record.partition_key: record.asset_materialization for record in records}
    assert {str(day) for day in DAYS} == set(shown)
    sizes = {key: len(json.dumps(str(event))) for key, event in shown.items()}
    assert max(sizes.values()) < 100_000
    refused, last = shown[str(SHORT_DAY)], shown[str(LAST)]
    assert refused is not None
    assert last is not None
    assert refused.metadata["dagster/partition_row_count"].value == 0
    assert "missing" in str(refused.metadata["left out"].value)
    assert last.metadata["days left out"].value == 1
    assert "data:image/png;base64" in str(last.metadata[str(LAST)].value)


def test_checks_warn_with_counts_and_stop_nothing(done: tuple[Context, BackfillReport]) -> None:
    context, _ = done
    key = dg.AssetCheckKey(dg.AssetKey("data_quality_daily"), "days_usable")
    with open_instance(context.home) as instance:
        record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record is not None
    assert record.event is not None
    assert record.event.dagster_event is not None
    evaluation = record.event.dagster_event.event_specific_data
    assert isinstance(evaluation, AssetCheckEvaluation)
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    assert evaluation.metadata["usable_days"].value == len(DAYS) - 1
    assert evaluation.metadata["refused_days"].value == 1


def test_repeating_changes_nothing_and_progress_is_reported(
    done: tuple[Context, BackfillReport], tmp_path: Path
) -> None:
    shutil.copytree((done[0].home / "lake"), tmp_path / "lake")
    context, reports = small_context(tmp_path, filled=False), list[tuple[int, int]]()
    select = ",".join(STORED)
    run_backfill(context, FIRST, LAST, select=select, progress=lambda count, total: reports.append((count, total)))
    assert_same(context, done[0])
    assert reports == [(count, len(STORED)) for count in range(len(STORED) + 1)]


@pytest.mark.thorough
def test_lake_is_the_same_when_the_range_is_cut_and_backfilled_out_of_order(
    done: tuple[Context, BackfillReport], tmp_path: Path
) -> None:
    context, cut = copy_imports(done[0], tmp_path), date(2025, 10, 26)
    for first, last in ((cut, LAST), (FIRST, cut - timedelta(days=1))):
        run_backfill(context, first, last, select=",".join(STORED))
    assert_same(context, done[0])


@pytest.mark.thorough
def test_lake_is_the_same_when_a_killed_backfill_is_run_again(
    done: tuple[Context, BackfillReport], tmp_path: Path
) -> None:
    context = copy_imports(done[0], tmp_path)
    with started(tmp_path) as process:
        process.kill()
    run_backfill(context, FIRST, LAST, select=",".join(STORED))
    assert_same(context, done[0])
    with open_instance(context.home) as instance:
        statuses = [run.status for run in instance.get_runs()]
    assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    assert list((tmp_path / "dagster" / "owners").iterdir()) == []


@pytest.mark.thorough
def test_run_is_left_alone_while_its_process_lives_and_closed_when_that_is_interrupted(
    done: tuple[Context, BackfillReport], tmp_path: Path
) -> None:
    copy_imports(done[0], tmp_path)
    with started(tmp_path) as process, open_instance(tmp_path) as instance:
        assert close_dead_runs(instance, tmp_path) == []
        assert [run.is_finished for run in instance.get_runs()] == [False]
        process.send_signal(signal.SIGINT)
        process.wait()
        assert [run.is_finished for run in instance.get_runs()] == [True]
    assert process.returncode in {130, -signal.SIGINT}


@contextmanager
def started(state: Path) -> Iterator[subprocess.Popen[str]]:
    """A backfill in a process of its own, in the middle of its graph."""
    command = [sys.executable, "-c", ANSWER, str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)[0] == len(STORED) // 2:
                break
        yield process


def test_selection_takes_dagsters_words(tmp_path: Path) -> None:
    settings = Settings(default_site="home", sites={"home": SiteSettings(), "garden": SiteSettings()})
    definitions = build_definitions(settings, tmp_path)
    home, garden = homes(settings, tmp_path)
    for select, names in {
        "spot_prices": ["spot_prices"],
        "policy_schedules+": ["policy_schedules", "policy_daily_results", "training_episodes", "evaluation_report"],
        "policy_schedules*": ["policy_schedules", "policy_daily_results", "training_episodes", "evaluation_report"],
        "+slot_observations": ["slot_observations"],
        "*": list(ASSET_NAMES),
        "spot_prices, group:oracle": ["spot_prices", "oracle_schedules", "oracle_daily_results"],
    }.items():
        assert [key.path for key in selected(home, definitions, select)] == [[name] for name in names]
    assert [key.path for key in selected(garden, definitions, "policy_schedules+")] == [
        ["garden", "policy_schedules"],
        ["garden", "policy_daily_results"],
        ["garden", "training_episodes"],
        ["garden", "evaluation_report"],
    ]


@pytest.mark.parametrize("select", ["no_such_asset", "raw_spot_prices", "spot_prices)", ""])
def test_selection_is_refused_when_it_selects_no_daily_asset(tmp_path: Path, select: str) -> None:
    settings = Settings(sites={"home": SiteSettings()})
    with pytest.raises(ConfigurationError):
        selected(homes(settings, tmp_path)[0], build_definitions(settings, tmp_path), select)


def test_part_of_the_graph_is_materialized_when_selected(done: tuple[Context, BackfillReport], tmp_path: Path) -> None:
    context = copy_imports(done[0], tmp_path)
    report = run_backfill(context, FIRST, LAST, select="spot_prices,slot_observations")
    assert report.assets == ("spot_prices", "slot_observations")
    assert context.lake.days(DATA_QUALITY_DAILY, "home") == []


def test_backfill_is_refused_when_nothing_was_imported_for_the_range(tmp_path: Path) -> None:
    context = small_context(tmp_path)
    with pytest.raises(DataMissingError, match=r"no prices and no observations .* from 2025-03-01 to 2025-03-02"):
        run_backfill(context, date(2025, 3, 1), date(2025, 3, 2))
    assert not (tmp_path / "dagster").exists()


def test_backfill_is_refused_when_the_range_cannot_be(tmp_path: Path) -> None:
    context = small_context(tmp_path)
    with pytest.raises(ConfigurationError, match="before it starts"):
        run_backfill(context, LAST, FIRST)
    with pytest.raises(ConfigurationError, match="before the first day"):
        run_backfill(context, date(2024, 12, 31), LAST)
    with pytest.raises(DataMissingError, match="after tomorrow"):
        run_backfill(context, FIRST, date(2999, 1, 1))


def test_backfill_says_so_when_no_day_can_be_used(tmp_path: Path) -> None:
    context = small_context(tmp_path)
    report = run_backfill(context, SHORT_DAY, SHORT_DAY)
    assert list(report.left_out) == [SHORT_DAY]
    assert context.lake.read(POLICY_DAILY_RESULTS, "home", SHORT_DAY, SHORT_DAY).is_empty()
