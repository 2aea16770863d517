"""SQL on a fleet's lake: the same answer from a folder and from S3, behind the same locks."""

from datetime import date
from pathlib import Path

import pytest

from darkstar_pipeline.warehouse.buckets import fleet_query
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.fleet_query import run_fleet_query
from darkstar_pipeline.warehouse.buckets.object_store import open_store
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from darkstar_pipeline.warehouse.query import QueryError
from darkstar_pipeline.warehouse.schemas import SPOT_PRICES
from tests.builders.fleet_prices import BUCKETS, homes_in, prices

AUTUMN, DAY = date(2025, 10, 26), date(2026, 1, 1)
HOMES = [*homes_in(0, 2), *homes_in(1, 1)]


@pytest.fixture(params=["folder", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> BucketLake:
    place = request.getfixturevalue("s3_place") if request.param == "s3" else str(tmp_path / "lake's [1]")
    lake = BucketLake(open_store(place), BUCKETS)
    for day in (AUTUMN, DAY):
        for bucket in range(BUCKETS):
            own = [site for site in HOMES if lake.bucket(site) == bucket]
            lake.write_days(SPOT_PRICES, bucket, [day], prices(day, day, *own, price=-0.5))
    return lake


def rows(lake: BucketLake, sql: str, *days: date) -> list[tuple[object, ...]]:
    with run_fleet_query(lake, sql, *days) as result:
        return list(result.rows())


def test_one_statement_reads_all_homes_or_some_days(lake: BucketLake) -> None:
    sql = "SELECT site, count(*), min(price) FROM spot_prices GROUP BY site ORDER BY site"
    assert rows(lake, sql) == [(site, 196, -0.5) for site in sorted(HOMES)]
    assert rows(lake, sql, DAY) == [(site, 96, -0.5) for site in sorted(HOMES)]
    assert rows(lake, sql, AUTUMN, AUTUMN) == [(site, 100, -0.5) for site in sorted(HOMES)]
    assert rows(lake, "SELECT count(*) FROM spot_prices WHERE local_day = '2026-01-01'") == [(288,)]
    assert rows(lake, "SELECT import_limit_kw FROM policy_schedules") == []
    assert "site" in {row[0] for row in rows(lake, "DESCRIBE spot_prices")}


@pytest.mark.parametrize(
    "sql",
    [
        "COPY spot_prices TO '/tmp/out.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT 1; SELECT 2",
        "SELECT * FROM nowhere",
        "CREATE TABLE a (b INTEGER)",
        "SELEC",
    ],
)
def test_a_statement_that_does_more_than_read_is_refused(lake: BucketLake, sql: str) -> None:
    with pytest.raises(QueryError):
        rows(lake, sql)


def test_a_damaged_object_is_told(lake: BucketLake) -> None:
    lake.store.put("spot_prices/day=2026-01-01/bucket=0001/part.parquet", b"no parquet")
    with pytest.raises(LakeUnreadableError):
        rows(lake, "SELECT sum(price) FROM spot_prices")


def test_too_much_of_a_store_is_refused_with_its_remedy(s3_place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = BucketLake(open_store(s3_place), BUCKETS)
    lake.write_days(SPOT_PRICES, 0, [DAY], prices(DAY, DAY, HOMES[0]))
    monkeypatch.setattr(fleet_query, "FETCHED_BYTES", 100)
    with pytest.raises(QueryError, match="spot_prices") as refused:
        rows(lake, "SELECT * FROM spot_prices")
    assert "--from" in refused.value.hint
