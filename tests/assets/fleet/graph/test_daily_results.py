"""The fleet's days in Dagster: what a partition tells, and that neither a home nor a bucket stops the others."""

import warnings
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.fleet import outcomes
from assets.fleet.graph.backfill_plan import WRITTEN
from assets.fleet.graph.daily_results import DAILY_RESULTS, IMPORTED
from assets.fleet.graph.partitions import Partition
from assets.fleet.shards import FleetShard, ShardReport
from darkstar_pipeline.config.fleet.engine import EngineSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.definitions import build_definitions
from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.fleet.homes_file import fleet_of
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.warehouse.buckets.object_names import object_key
from darkstar_pipeline.warehouse.schemas import METER_READINGS, POLICY_DAILY_RESULTS, RAW_SPOT_PRICES, TABLES
from jobs.fleet import FLEET_REFRESH, day_tags
from tests.builders.fleet_homes import fill_fleet, fleet_settings

DAY = date(2025, 10, 26)  # 100 slots
HOMES = {f"home-{number}": {} for number in range(1, 5)} | {"unpriced": {}}
BUCKETS = 2


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path]:
    """Homes in two buckets, one of them without prices."""
    engine = EngineSettings(workers=1)  # in this process
    settings, state = fleet_settings(BUCKETS).model_copy(update={"engine": engine}), tmp_path_factory.mktemp("fleet")
    fill_fleet(settings, state, HOMES, [DAY])
    lake = fleet_lake(fleet_of(settings), state)
    bucket = lake.bucket("unpriced")
    prices = lake.read(RAW_SPOT_PRICES, bucket)
    days = prices["local_day"].unique().to_list()
    lake.write_days(RAW_SPOT_PRICES, bucket, days, prices.filter(prices["site"] != "unpriced"))
    return settings, state


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster without files."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture(scope="module")
def run(fleet: tuple[Settings, Path], instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """A day of all buckets."""
    return materialized(fleet, instance)


def materialized(fleet: tuple[Settings, Path], instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    settings, state = fleet
    job = build_definitions(settings, state).resolve_job_def(FLEET_REFRESH)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=dg.BetaWarning)
        return job.execute_in_process(instance=instance, tags=day_tags(fleet_of(settings), DAY), raise_on_error=False)


def told(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """Metadata of each materialized partition."""
    found = [event.materialization for event in result.get_asset_materialization_events()]
    return {str(each.partition): {name: value.value for name, value in each.metadata.items()} for each in found}


def test_a_day_of_all_buckets_is_one_run_and_an_event_a_group(run: dg.ExecuteInProcessResult) -> None:
    assert run.success
    assert set(told(run)) == {Partition("00of2", DAY).key, Partition("01of2", DAY).key}


def test_a_group_tells_homes_rows_shares_and_the_worst_by_name(
    run: dg.ExecuteInProcessResult, fleet: tuple[Settings, Path]
) -> None:
    lake = fleet_lake(fleet_of(fleet[0]), fleet[1])
    for bucket in range(BUCKETS):
        metadata = told(run)[Partition(f"{bucket:02}of2", DAY).key]
        own = [name for name in HOMES if lake.bucket(name) == bucket and name != "unpriced"]
        rows = lake.read(POLICY_DAILY_RESULTS, bucket, DAY, DAY)
        assert metadata["homes"] == len(own)
        assert metadata["dagster/partition_row_count"] == rows.height == 3 * len(own)
        assert 0 < metadata["captured share, value"] <= 1 + 1e-9
        assert all(name in metadata["worst homes, value"] for name in own)


def test_a_home_without_prices_is_left_out_with_the_reason_and_its_bucket_goes_on(
    run: dg.ExecuteInProcessResult, fleet: tuple[Settings, Path]
) -> None:
    bucket = fleet_lake(fleet_of(fleet[0]), fleet[1]).bucket("unpriced")
    metadata = told(run)[Partition(f"{bucket:02}of2", DAY).key]
    assert metadata["homes left out"] == 1
    assert f"| no prices from {DAY} to {DAY} | 1 |" in metadata["homes left out, and why"]
    other = told(run)[Partition(f"{1 - bucket:02}of2", DAY).key]
    assert other["homes left out"] == 0
    assert "homes left out, and why" not in other


def test_checks_count_what_they_rest_on(run: dg.ExecuteInProcessResult) -> None:
    checks = {each.check_name: each for each in run.get_asset_check_evaluations()}
    assert checks["oracle_bounds"].passed
    assert checks["no_breaches"].passed
    assert not checks["every_home"].passed
    left_out = {name: value.value for name, value in checks["every_home"].metadata.items()}
    assert (left_out["homes"], left_out["with_older_results"]) == (1, 0)
    assert f"| no prices from {DAY} to {DAY} | 1 |" in str(left_out["reasons"])
    assert not checks["usable_share"].passed, "four of five homes are fewer than nine of ten"
    assert checks["usable_share"].metadata["share"].value == pytest.approx(0.8)


def test_a_bucket_that_fails_leaves_the_others_done_and_the_run_names_it(
    fleet: tuple[Settings, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_the_other(shard: FleetShard) -> ShardReport:
        if shard.bucket == 1:
            raise OutsideServiceError("the store refused", "ask again")
        return real(shard)

    real = outcomes.backfill_shard
    monkeypatch.setattr(outcomes, "backfill_shard", only_the_other)
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialized(fleet, instance)
        assert not result.success
        assert instance.get_materialized_partitions(DAILY_RESULTS) == {Partition("00of2", DAY).key}
    failure = result.failure_data_for_node("fleet__daily_results")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "a bucket failed, and the others are done: bucket 1: the store refused" in str(
        failure.user_failure_data.description
    )


def test_a_damaged_object_fails_its_bucket_and_is_named(fleet: tuple[Settings, Path]) -> None:
    lake, key = fleet_lake(fleet_of(fleet[0]), fleet[1]), object_key(METER_READINGS, 1, DAY)
    stored = lake.store.get(key)
    assert stored is not None
    lake.store.put(key, stored.data[:-100] + bytes(100))
    try:
        with dg.DagsterInstance.ephemeral() as instance:
            result = materialized(fleet, instance)
            assert instance.get_materialized_partitions(DAILY_RESULTS) == {Partition("00of2", DAY).key}
    finally:
        lake.store.put(key, stored.data)
    failure = result.failure_data_for_node("fleet__daily_results")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert key in str(failure.user_failure_data.description)


def test_a_plan_names_the_tables_that_a_day_of_a_bucket_writes(
    run: dg.ExecuteInProcessResult, fleet: tuple[Settings, Path]
) -> None:
    assert run.success
    lake = fleet_lake(fleet_of(fleet[0]), fleet[1])
    imported = {table.name for table in IMPORTED}
    written = {table.name for table in TABLES.values() if lake.objects(table, DAY)} - imported
    assert written == {table.name for table in WRITTEN}
