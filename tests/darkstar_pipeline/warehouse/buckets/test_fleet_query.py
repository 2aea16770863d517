"""SQL on a fleet's lake: the same answer from a folder and from S3, behind the same locks."""

from datetime import date
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.planning.fleet.plan_rows import (
    PLAN_ROWS,
    PLANS_PREFIX,
    decoded_plans,
    encoded_plans,
    plans_key,
    stored_plans,
)
from darkstar_pipeline.warehouse import checked_files
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


@pytest.mark.parametrize("damage", ["whole", "bit"])
def test_a_damaged_object_is_told_whatever_is_read_of_it(lake: BucketLake, damage: str) -> None:
    key = "spot_prices/day=2026-01-01/bucket=0001/part.parquet"
    stored = lake.store.get(key)
    assert stored is not None
    flipped = bytearray(stored.data)
    flipped[len(flipped) // 3] ^= 1
    lake.store.put(key, b"no parquet" if damage == "whole" else bytes(flipped))
    for sql in ("SELECT sum(price) FROM spot_prices", "SELECT count(*) FROM Spot_Prices"):
        with pytest.raises(LakeUnreadableError, match="bucket=0001"):
            rows(lake, sql)
    assert rows(lake, "SELECT count(*) FROM spot_prices", AUTUMN, AUTUMN) == [(300,)], "only what is asked for"
    assert rows(lake, "SELECT count(*) FROM raw_spot_prices") == [(0,)], "another table"


def test_a_name_is_found_in_capitals_too(lake: BucketLake) -> None:
    assert rows(lake, "SELECT count(*) FROM SPOT_PRICES") == [(3 * 196,)]


def test_what_is_beyond_the_limit_of_the_check_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = BucketLake(open_store(tmp_path), BUCKETS)
    for day in (AUTUMN, DAY):
        lake.write_days(SPOT_PRICES, 0, [day], prices(day, day, HOMES[0]))
    monkeypatch.setattr(checked_files, "CHECKED_BYTES", 4000)
    with run_fleet_query(lake, "SELECT count(*) FROM spot_prices") as result:
        assert list(result.rows()) == [(196,)]
        assert "1 of 2 files are read without a look at their checksums" in result.unchecked


def test_plans_are_a_table_of_the_last_plan_of_each_home(lake: BucketLake) -> None:
    sql, others = "SELECT site, source, round(cost, 2) FROM plans ORDER BY site", {PLANS_PREFIX: stored_plans}
    with run_fleet_query(lake, sql, others=others) as none:
        assert list(none.rows()) == []
    for site in HOMES:
        made = pl.DataFrame({"site": [site], "source": ["value"], "cost": [-0.5], "plan": [b"document"]})
        blank = [pl.lit(None, kind).alias(name) for name, kind in PLAN_ROWS.items() if name not in made.columns]
        own = made.with_columns(blank).select(PLAN_ROWS.names()).cast(dict(PLAN_ROWS))  # pyright: ignore[reportArgumentType]
        lake.store.update(plans_key(lake.bucket(site)), partial(joined, own))
    with run_fleet_query(lake, sql, others=others) as found:
        assert list(found.rows()) == [(site, "value", -0.5) for site in sorted(HOMES)]
    with run_fleet_query(lake, "DESCRIBE plans", others=others) as columns:
        assert {"site", "cost"} <= {row[0] for row in columns.rows()}
    lake.store.put(plans_key(1), b"PAR1 damaged")
    with pytest.raises(LakeUnreadableError, match="plans/bucket=0001"), run_fleet_query(lake, sql, others=others):
        pass


def joined(own: pl.DataFrame, stored: bytes | None) -> bytes:
    """An object with a row more."""
    return encoded_plans(pl.concat([decoded_plans(stored), own]))


def test_too_much_of_a_store_is_refused_with_its_remedy(s3_place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = BucketLake(open_store(s3_place), BUCKETS)
    lake.write_days(SPOT_PRICES, 0, [DAY], prices(DAY, DAY, HOMES[0]))
    monkeypatch.setattr(fleet_query, "FETCHED_BYTES", 100)
    with pytest.raises(QueryError, match="spot_prices") as refused:
        rows(lake, "SELECT * FROM spot_prices")
    assert "--from" in refused.value.hint
