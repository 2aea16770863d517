"""A plan of a backfill says what Dagster and the lake will make of it."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.automation_tick_evaluation_context import build_run_requests_with_backfill_policies
from dagster._core.definitions.events import AssetKeyPartitionKey

from assets.fleet.graph.backfill_plan import (
    MPC_SECONDS,
    BackfillPlan,
    plan_backfill,
    runs_of,
)
from assets.fleet.graph.daily_results import DAILY_RESULTS
from assets.fleet.graph.partitions import Partition, group_keys
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fleet.capacity import Measured
from darkstar_pipeline.fleet.homes_file import change_homes
from env.time_grid import days_between
from jobs.fleet import fleet_definitions
from tests.builders.fleet_homes import fleet_settings, home_rows

FIRST, TODAY = date(2025, 1, 1), date(2025, 12, 31)


def planned(settings: Settings, state: Path, last: date, **events: Any) -> BackfillPlan:
    """The plan of a fleet of three homes that has run nothing, or what `events` say."""
    change_homes(state, lambda _: home_rows({f"home-{number}": {} for number in range(3)}))
    with dg.DagsterInstance.ephemeral() as instance:
        if events:
            instance.report_runless_asset_event(dg.AssetMaterialization(DAILY_RESULTS, metadata=events["metadata"]))
        return plan_backfill(settings, state, FIRST, last, instance=instance, today=TODAY)


@pytest.mark.parametrize(("buckets", "days"), [(16, 1), (16, 10), (16, 40), (3, 2), (3, 70), (40, 31)])
def test_runs_are_those_that_dagster_makes_of_the_same_partitions(tmp_path: Path, buckets: int, days: int) -> None:
    settings = fleet_settings(buckets)
    groups = group_keys(buckets)
    keys = {
        AssetKeyPartitionKey(DAILY_RESULTS, Partition(group, day).key)
        for group in groups
        for day in days_between(FIRST, FIRST + timedelta(days=days - 1))
    }
    with dg.DagsterInstance.ephemeral() as instance:
        requests = build_run_requests_with_backfill_policies(
            keys, fleet_definitions(settings, tmp_path).resolve_asset_graph(), instance
        )
    assert len(requests) == runs_of(days, len(groups))


def test_a_year_of_a_fleet_that_has_run_nothing_rests_on_the_benchmark(tmp_path: Path) -> None:
    plan = planned(fleet_settings(16), tmp_path, TODAY)
    assert (plan.home_days, plan.partitions, plan.runs) == (3 * 365, 16 * 365, 16 * 12)
    assert plan.files == 10 * 16 * 365
    assert plan.core_hours == pytest.approx(3 * 365 * Measured().backfill_seconds / 3600)
    assert plan.size == 3 * 365 * Measured().stored_bytes
    assert plan.core_hours_from == plan.size_from == "measured elsewhere (RESULTS.md)"


def test_mpc_takes_longer_where_nothing_has_run(tmp_path: Path) -> None:
    plan = planned(fleet_settings(16, defaults={"first_day": "2025-01-01"}), tmp_path, FIRST)
    assert plan.core_hours == pytest.approx(3 * (Measured().backfill_seconds + MPC_SECONDS) / 3600)


def test_core_hours_rest_on_past_runs_where_there_are_any(tmp_path: Path) -> None:
    plan = planned(fleet_settings(1), tmp_path, FIRST, metadata={"homes": 50, "processor seconds": 25.0})
    assert plan.core_hours == pytest.approx(3 * 0.5 / 3600)
    assert plan.core_hours_from == "50 home-days of its last runs"


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (date(2021, 12, 31), TODAY, "2021-12-31 is before 2022-01-01"),
        (FIRST, TODAY + timedelta(days=2), "2026-01-02 is after tomorrow, 2026-01-01"),
    ],
)
def test_days_that_are_no_partitions_are_refused(tmp_path: Path, first: date, last: date, message: str) -> None:
    settings = Settings.model_validate({"fleet": {}})
    change_homes(tmp_path, lambda _: home_rows({"home": {}}))
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(ConfigurationError, match=message):
        plan_backfill(settings, tmp_path, first, last, instance=instance, today=TODAY)


def test_a_fleet_without_homes_has_no_plan(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(ConfigurationError, match="has no homes"):
        plan_backfill(fleet_settings(), tmp_path, FIRST, FIRST, instance=instance, today=TODAY)
