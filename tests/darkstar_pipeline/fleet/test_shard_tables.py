"""A bucket's tables in memory: what is read, what is written, and what goes out."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.fleet.shard_tables import ShardTables
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.object_store import open_store
from darkstar_pipeline.warehouse.schemas import METER_READINGS, SLOT_OBSERVATIONS
from env.time_grid import days_between
from tests.builders.fleet_homes import imported_readings

FIRST, LAST = date(2026, 3, 28), date(2026, 3, 30)
DAYS = list(days_between(FIRST, LAST))


@pytest.fixture
def lake(tmp_path: Path) -> BucketLake:
    filled = BucketLake(open_store(tmp_path), 1)
    for name in ("b", "a"):
        filled.replace_sites(METER_READINGS, 0, DAYS, imported_readings(name, DAYS), [name])
    return filled


def observed(name: str, day: date) -> pl.DataFrame:
    return imported_readings(name, [day]).select(SLOT_OBSERVATIONS.schema.names())


def test_home_reads_its_own_rows_and_the_days_asked_for(lake: BucketLake) -> None:
    tables = ShardTables(lake, 0)
    read = tables.read(METER_READINGS, "a", FIRST, FIRST + timedelta(days=1))
    assert read.equals(lake.site("a").read(METER_READINGS, "a", FIRST, FIRST + timedelta(days=1)))
    assert tables.read(METER_READINGS, "a").equals(lake.site("a").read(METER_READINGS, "a"))
    assert tables.read_days(METER_READINGS, "b", [LAST])["local_day"].unique().to_list() == [LAST]
    assert tables.read(METER_READINGS, "c").is_empty()
    assert tables.days(METER_READINGS, "a") == DAYS
    assert tables.rows(METER_READINGS, FIRST, LAST).equals(lake.read(METER_READINGS, 0, FIRST, LAST))


def test_what_is_written_is_seen_at_once_and_goes_out_as_whole_days(lake: BucketLake) -> None:
    tables = ShardTables(lake, 0)
    for name in ("a", "b"):
        assert tables.write_day(SLOT_OBSERVATIONS, name, FIRST, observed(name, FIRST)) == {FIRST: 96}
    assert tables.read(SLOT_OBSERVATIONS, "a", FIRST, LAST).equals(observed("a", FIRST))
    assert lake.read(SLOT_OBSERVATIONS, 0, FIRST, LAST).is_empty()
    assert tables.flush(["a", "b"], whole=True) == 192
    assert lake.read(SLOT_OBSERVATIONS, 0, FIRST, LAST)["site"].unique().sort().to_list() == ["a", "b"]


def test_other_homes_rows_stay_when_only_some_homes_are_written(lake: BucketLake) -> None:
    lake.write_days(SLOT_OBSERVATIONS, 0, [FIRST], observed("b", FIRST))
    tables = ShardTables(lake, 0)
    tables.write_days(SLOT_OBSERVATIONS, "a", [FIRST], observed("a", FIRST))
    tables.flush(["a"], whole=False)
    assert lake.read(SLOT_OBSERVATIONS, 0, FIRST, LAST)["site"].unique().sort().to_list() == ["a", "b"]


def test_rows_merged_into_a_home_are_its_days_that_changed(lake: BucketLake) -> None:
    tables = ShardTables(lake, 0)
    changed = tables.merge_days(
        METER_READINGS,
        "a",
        (FIRST, LAST),
        lambda rows: rows.filter(pl.col("local_day") == LAST).with_columns(ev_kwh=1.0),
    )
    assert changed == {LAST: 96}
    assert tables.read(METER_READINGS, "a", FIRST, LAST)["ev_kwh"].sum() == 96
    assert tables.identity(METER_READINGS, "a", FIRST, LAST) == (LAST,)
