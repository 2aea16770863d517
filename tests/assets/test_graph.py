"""The graph as a whole: its names, its arrows, and its descriptions."""

from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from assets.fetched.prices import raw_spot_prices_asset
from assets.fetched.weather import fetched_weather_asset
from assets.graph import ASSET_NAMES, daily_assets
from assets.home import Home
from assets.partitions import daily_partitions
from assets.raw import RAW_TABLES, raw_specs
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.orchestration.resources import SITE_KEY, TABLE_KEY
from darkstar_pipeline.warehouse.schemas import RUN_TABLES, TABLES
from tests.builders.small_home import small_context

# The outside relies on these names; arrows as DESIGN draws them, as far as they exist.
ARROWS = {
    "spot_prices": {"raw_spot_prices"},
    "slot_observations": {"raw_meter_readings"},
    "data_quality_daily": {"slot_observations", "spot_prices", "meter_statistics"},
    "slot_forecasts": {"raw_meter_readings", "meter_statistics", "raw_weather", "aurora_models"},
    "oracle_schedules": {"slot_observations", "spot_prices", "data_quality_daily"},
    "oracle_daily_results": {"oracle_schedules", "data_quality_daily"},
    "policy_schedules": {
        "slot_observations",
        "spot_prices",
        "slot_forecasts",
        "data_quality_daily",
        "raw_meter_readings",  # the days before, which `value` and MPC take their scenarios from
        "meter_statistics",
    },
    "policy_daily_results": {"policy_schedules", "oracle_daily_results", "data_quality_daily"},
    "training_episodes": {"policy_daily_results", "oracle_daily_results", "data_quality_daily"},
    "evaluation_report": {"policy_daily_results", "oracle_daily_results", "oracle_schedules"},
}


@pytest.fixture
def specs(home: Home) -> dict[str, dg.AssetSpec]:
    return {spec.key.path[-1]: spec for asset in daily_assets(home) for spec in asset.specs}


def test_graph_has_the_arrows_of_the_design(specs: dict[str, dg.AssetSpec]) -> None:
    assert {name: {dep.asset_key.path[-1] for dep in spec.deps} for name, spec in specs.items()} == ARROWS
    assert tuple(specs) == ASSET_NAMES


def test_every_asset_presents_itself(specs: dict[str, dg.AssetSpec], home: Home) -> None:
    for spec in [*specs.values(), *raw_specs(home)]:
        assert spec.description, spec.key
        assert spec.group_name, spec.key
        assert spec.kinds, spec.key
        assert list(spec.owners) == ["team:home"], spec.key  # nobody is told by e-mail
        assert spec.metadata[SITE_KEY] == "home"
        assert spec.partitions_def == daily_partitions(home.settings)


def test_every_table_is_shown_with_its_declared_columns(specs: dict[str, dg.AssetSpec], home: Home) -> None:
    shown = [spec for spec in [*specs.values(), *raw_specs(home)] if TABLE_KEY in spec.metadata]
    beside = {"price_repairs", "import_provenance", "import_remarks", *(table.name for table in RUN_TABLES)}
    assert {spec.metadata[TABLE_KEY] for spec in shown} == set(TABLES) - beside
    for spec in shown:
        table, schema = TABLES[spec.metadata[TABLE_KEY]], spec.metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns] == [column.name for column in table.every_column]
        assert all(column.description for column in schema.columns)


def test_every_daily_asset_covers_any_range_in_one_run(home: Home) -> None:
    policies = {asset.key.path[-1]: asset.backfill_policy for asset in daily_assets(home)}
    assert all(policy == dg.BackfillPolicy.single_run() for policy in policies.values())


def test_checks_block_only_where_structure_is_broken(home: Home) -> None:
    blocking = {spec.name for asset in daily_assets(home) for spec in asset.check_specs if spec.blocking}
    assert blocking == {"has_prices", "has_readings"}


def test_imported_tables_cost_a_run_nothing(home: Home) -> None:
    assert {spec.key.path[-1] for spec in raw_specs(home)} == set(RAW_TABLES)


def test_keys_have_the_homes_name_before_them_when_it_is_not_the_default(tmp_path: Path) -> None:
    garden = Home(context=small_context(tmp_path, filled=False), prefix=("garden-house",))
    keys = {key.to_user_string() for asset in daily_assets(garden) for key in asset.keys}
    assert keys == {f"garden-house/{name}" for name in ASSET_NAMES}
    parents = {dep.asset_key.path[0] for asset in daily_assets(garden) for spec in asset.specs for dep in spec.deps}
    assert parents == {"garden-house"}


def test_forecasts_look_back_as_far_as_they_average(specs: dict[str, dg.AssetSpec], home: Home) -> None:
    (mapping,) = {
        dep.partition_mapping
        for dep in specs["slot_forecasts"].deps
        if dep.asset_key.path[-1] in {"raw_meter_readings", "meter_statistics"}
    }
    partitions = daily_partitions(home.settings)
    subset = partitions.subset_with_partition_keys([date(2025, 10, 26).isoformat()])
    assert isinstance(mapping, dg.TimeWindowPartitionMapping)
    found = mapping.get_upstream_mapped_partitions_result_for_partitions(subset, partitions, partitions)
    assert sorted(found.partitions_subset.get_partition_keys()) == [f"2025-10-{day}" for day in range(19, 26)]


@pytest.mark.parametrize(
    ("to", "owners"),
    [(["me@example.org", "admin@localhost"], ["me@example.org"]), (["admin@localhost"], ["team:home"])],
)
def test_those_who_are_told_by_e_mail_own_the_assets(tmp_path: Path, to: list[str], owners: list[str]) -> None:
    email = {"host": "mail.example.org", "sender": "darkstar@example.org", "to": to}
    site = SiteSettings.model_validate({"notifications": {"email": email}})
    context = open_context("home", settings=Settings(sites={"home": site}), home=tmp_path)
    for asset in daily_assets(Home(context=context)):
        assert {owner for spec in asset.specs for owner in spec.owners} == set(owners)


def test_assets_that_fetch_stand_in_the_pool_of_their_first_source(tmp_path: Path) -> None:
    sources = {"prices": {"order": ["energy_charts", "elprisetjustnu"]}, "weather": {"order": []}}
    settings = Settings.model_validate({"sites": {"home": {"sources": sources}}})
    home = Home(context=open_context("home", settings=settings, home=tmp_path))
    assert raw_spot_prices_asset(home).op.pool == "source_energy_charts"
    assert fetched_weather_asset(home).op.pool is None
