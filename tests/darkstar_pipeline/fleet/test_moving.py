"""A home's tables come over whole, are read back, and a repetition takes only what is new."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.fleet.moving import copy_home
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake, HomeTables
from darkstar_pipeline.warehouse.buckets.object_store import open_store
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, TABLES
from tests.builders.small_home import DAYS, LAST, small_context


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A home of its own, with a day that has no rows; tests only read it."""
    context = small_context(tmp_path_factory.mktemp("own"))
    context.lake.write_day(METER_READINGS, "home", LAST + timedelta(days=1), pl.DataFrame(schema=METER_READINGS.schema))
    return context


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_every_table_is_the_same_there_and_back(
    own: Context, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = request.getfixturevalue("s3_place") if kind == "s3" else tmp_path / "fleet"
    fleet = BucketLake(open_store(place), 4)
    dry = copy_home(own.lake, fleet.site("home"), "home", dry_run=True)
    assert fleet.site("home").days(METER_READINGS, "home") == []
    moved = copy_home(own.lake, fleet.site("home"), "home")
    assert dry == moved
    assert {each.table: each.days for each in moved} == {"raw_spot_prices": 14, "meter_readings": 15}
    assert all(each.written == each.days for each in moved)
    assert all(each.written == 0 for each in copy_home(own.lake, fleet.site("home"), "home")), "a repetition"
    back = Lake(tmp_path / "back")
    copy_home(fleet.site("home"), back, "home")
    for table in TABLES.values():
        assert back.days(table, "home") == own.lake.days(table, "home")
        assert back.read(table, "home").equals(own.lake.read(table, "home"))


def test_another_home_of_the_bucket_keeps_its_days(own: Context, tmp_path: Path) -> None:
    fleet = BucketLake(open_store(tmp_path), 1)
    other = own.lake.read(METER_READINGS, "home").with_columns(site=pl.lit("other"))
    fleet.site("other").write_days(METER_READINGS, "other", DAYS, other)
    copy_home(own.lake, fleet.site("home"), "home")
    assert fleet.site("other").read(METER_READINGS, "other").equals(other)


def test_a_day_that_is_read_back_otherwise_is_told(own: Context, tmp_path: Path) -> None:
    class Forgetful(HomeTables):
        """Loses what it is given."""

        def write_days(self, table, site, days, frame):
            return super().write_days(table, site, days, frame.head(frame.height - 1))

    with pytest.raises(OutsideServiceError, match="raw_spot_prices of home, 2025-10-20 to 2025-11-02"):
        copy_home(own.lake, Forgetful(BucketLake(open_store(tmp_path), 4), "home"), "home")
