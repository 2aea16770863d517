"""`darkstar doctor` on a fleet's lake: strays, damaged objects, rows that do not belong there."""

from datetime import date
from pathlib import Path

import pytest

from benchmarks.fleet_lake.s3_server import S3Server
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.fleet.lake import check_fleet_lake
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.day_objects import encoded
from darkstar_pipeline.warehouse.schemas import SPOT_PRICES
from tests.builders.fleet_prices import BUCKETS, homes_in, prices

DAY = date(2026, 1, 1)
PLACE = "spot_prices/day=2026-01-01"


@pytest.fixture(params=["folder", "s3"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> FleetSettings:
    place = request.getfixturevalue("s3_place") if request.param == "s3" else str(tmp_path / "lake")
    return FleetSettings(lake=place, buckets=BUCKETS)


@pytest.fixture
def lake(fleet: FleetSettings, tmp_path: Path) -> BucketLake:
    lake = fleet_lake(fleet, tmp_path)
    for bucket in range(BUCKETS):
        lake.write_days(SPOT_PRICES, bucket, [DAY], prices(DAY, DAY, *homes_in(bucket, 2)))
    return lake


@pytest.mark.usefixtures("lake")
def test_a_lake_in_order_passes(fleet: FleetSettings, tmp_path: Path) -> None:
    assert {each.verdict for each in check_fleet_lake(fleet, tmp_path)} == {Verdict.OK}


def test_a_server_without_conditional_writes_is_told(s3_place: str, s3_server: S3Server, tmp_path: Path) -> None:
    def ignoring(environ: dict[str, str]) -> None:
        environ.pop("HTTP_IF_MATCH", None)
        environ.pop("HTTP_IF_NONE_MATCH", None)

    fleet = FleetSettings(lake=s3_place, buckets=BUCKETS)
    s3_server.app.change = ignoring
    *_, writers = check_fleet_lake(fleet, tmp_path)
    assert writers.verdict is Verdict.FAIL
    assert "lose rows" in writers.detail
    assert fleet_lake(fleet, tmp_path).store.listed(".probes") == []


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("spot_prices/notes/part.parquet", "not the folder of a day"),
        (f"{PLACE}/bucket=0001 (copy)/part.parquet", "not the object of a bucket"),
        (f"{PLACE}/bucket=0009/part.parquet", "the fleet has 2 buckets"),
    ],
)
def test_strays_are_named(lake: BucketLake, fleet: FleetSettings, tmp_path: Path, key: str, told: str) -> None:
    lake.store.put(key, encoded(prices(DAY, DAY, "nobody").clear(), []))
    strays, *_ = check_fleet_lake(fleet, tmp_path)
    assert strays.verdict is Verdict.WARN
    assert told in strays.detail


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"no parquet", "cannot be read"),
        (encoded(prices(DAY, DAY, *homes_in(1, 2)), []), "192 rows of another bucket or day"),
        (encoded(prices(DAY, DAY, homes_in(0, 1)[0]).vstack(prices(DAY, DAY, homes_in(0, 1)[0])), []), "96 doubled"),
    ],
    ids=["damaged", "foreign", "doubled"],
)
def test_wrong_objects_are_named(
    lake: BucketLake, fleet: FleetSettings, tmp_path: Path, data: bytes, told: str
) -> None:
    lake.store.put(f"{PLACE}/bucket=0000/part.parquet", data)
    _, rows, _ = check_fleet_lake(fleet, tmp_path)
    assert rows.verdict is Verdict.FAIL
    assert told in rows.detail
    assert PLACE in rows.detail
