"""The IO manager stores any range of days in one go and reads the same days back."""

from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from darkstar_pipeline.orchestration.resources import SITE_KEY, TABLE_KEY, LakeIOManager, WarehouseResource
from darkstar_pipeline.warehouse.lake import Lake, SchemaMismatchError
from darkstar_pipeline.warehouse.schemas import PRICE_REPAIRS, SLOT_OBSERVATIONS, SPOT_PRICES, Table
from env.time_grid import grid

DAYS = dg.DailyPartitionsDefinition("2025-10-01", end_date="2025-11-01", timezone="Europe/Stockholm")
FIRST, LAST = date(2025, 10, 25), date(2025, 10, 27)


def output(table: Table, first: date = FIRST, last: date = LAST) -> dg.OutputContext:
    keys = dg.PartitionKeyRange(first.isoformat(), last.isoformat())
    with dg.partition_loading_context():
        return dg.build_output_context(
            asset_key=dg.AssetKey(table.name),
            definition_metadata={TABLE_KEY: table.name, SITE_KEY: "home"},
            asset_partitions_def=DAYS,
            asset_partition_key_range=keys,
        )


def loading(table: Table, first: date, last: date) -> dg.InputContext:
    return dg.build_input_context(
        upstream_output=output(table),
        asset_partitions_def=DAYS,
        asset_partition_key_range=dg.PartitionKeyRange(first.isoformat(), last.isoformat()),
    )


@pytest.fixture
def rows() -> pl.DataFrame:
    slots = grid(FIRST, LAST, "Europe/Stockholm").with_columns(site=pl.lit("home"), load_kwh=pl.lit(0.25))
    absent = [
        pl.lit(None, kind).alias(name) for name, kind in SLOT_OBSERVATIONS.schema.items() if name not in slots.columns
    ]
    return slots.with_columns(absent)


@pytest.fixture
def manager(tmp_path: Path) -> LakeIOManager:
    return LakeIOManager(root=str(tmp_path))


def test_io_manager_reads_back_the_days_that_are_asked_for(manager: LakeIOManager, rows: pl.DataFrame) -> None:
    manager.handle_output(output(SLOT_OBSERVATIONS), rows)
    assert manager.load_input(loading(SLOT_OBSERVATIONS, FIRST, LAST)).height == 96 + 100 + 96
    assert manager.load_input(loading(SLOT_OBSERVATIONS, date(2025, 10, 26), date(2025, 10, 26))).height == 100


def test_io_manager_leaves_an_empty_file_when_a_day_has_no_rows(manager: LakeIOManager, rows: pl.DataFrame) -> None:
    manager.handle_output(output(SLOT_OBSERVATIONS), rows.filter(pl.col("local_day") != LAST))
    lake = Lake(Path(manager.root))
    assert lake.days(SLOT_OBSERVATIONS, "home")[-1] == LAST
    assert lake.read(SLOT_OBSERVATIONS, "home", LAST, LAST).is_empty()


def test_io_manager_stores_every_table_when_an_asset_gives_several(manager: LakeIOManager) -> None:
    frames = {table.name: pl.DataFrame(schema=table.schema) for table in (SPOT_PRICES, PRICE_REPAIRS)}
    manager.handle_output(output(SPOT_PRICES), frames)
    lake = Lake(Path(manager.root))
    assert len(lake.days(PRICE_REPAIRS, "home")) == len(lake.days(SPOT_PRICES, "home")) == 3


def test_io_manager_refuses_rows_of_a_day_that_is_not_of_the_run(manager: LakeIOManager, rows: pl.DataFrame) -> None:
    with pytest.raises(SchemaMismatchError, match="2025-10-27"):
        manager.handle_output(output(SLOT_OBSERVATIONS, FIRST, date(2025, 10, 26)), rows)


def test_warehouse_shows_the_lakes_tables_as_views(manager: LakeIOManager, rows: pl.DataFrame) -> None:
    manager.handle_output(output(SLOT_OBSERVATIONS), rows)
    warehouse = WarehouseResource(database=":memory:", root=manager.root)
    with warehouse.get_connection() as connection:
        counted = connection.execute("SELECT count(*) FROM slot_observations WHERE site = 'home'").fetchall()
    assert counted == [(292,)]
