"""A backfill of the fleet in Dagster's own hands."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dagster._core.storage.runs.schema import BulkActionsTable

from assets.fleet.graph.daily_results import DAILY_RESULTS
from darkstar_pipeline.orchestration.instance import open_instance
from jobs.fleet_backfill import launch_backfill
from tests.builders.fleet_homes import fleet_settings


def test_a_launched_backfill_waits_in_dagster_with_every_group_of_every_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.chdir(tmp_path)
    backfill_id = launch_backfill(fleet_settings(2), tmp_path, date(2025, 10, 25), date(2025, 10, 26))
    with open_instance(tmp_path) as instance:
        backfill = instance.get_backfill(backfill_id)
    column: Any = BulkActionsTable.c.key.type
    assert len(backfill_id) <= column.length, "SQLite takes more, Postgres refuses it"
    assert backfill is not None
    assert backfill.status.value == "REQUESTED"
    assert backfill.asset_backfill_data is not None
    subset = backfill.asset_backfill_data.target_subset.partitions_subsets_by_asset_key[DAILY_RESULTS]
    days, groups = ("2025-10-25", "2025-10-26"), ("00of2", "01of2")
    assert set(subset.get_partition_keys()) == {f"{group}|{day}" for day in days for group in groups}
