"""The lake of a fleet: rows of many homes in one object, in a folder and on S3 alike."""

import multiprocessing
import os
import pickle
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from benchmarks.fleet_lake.s3_server import S3Server
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.object_store import open_store
from darkstar_pipeline.warehouse.lake import Lake, SchemaMismatchError
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY, POLICY_SCHEDULES, SPOT_PRICES
from env.time_grid import days_between
from tests.builders.fleet_prices import BUCKETS, homes_in, prices
from tests.builders.waiting import until

AUTUMN, SPRING, DAY = date(2025, 10, 26), date(2026, 3, 29), date(2026, 1, 1)
HOMES = homes_in(0, 3)


@pytest.fixture(params=["folder", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> BucketLake:
    place = request.getfixturevalue("s3_place") if request.param == "s3" else str(tmp_path / "lake")
    return BucketLake(open_store(place), BUCKETS)


@pytest.mark.parametrize(("day", "slots"), [(AUTUMN, 100), (SPRING, 92), (DAY, 96)])
def test_a_home_reads_as_from_a_lake_of_single_homes(lake: BucketLake, tmp_path: Path, day: date, slots: int) -> None:
    single = Lake(tmp_path / "single")
    for site in HOMES:
        frame = prices(day, day, site, price=-0.25)
        for tables in (single, lake.site(site)):
            tables.write_days(SPOT_PRICES, site, [day], frame)
    for site in HOMES:
        back = lake.site(site).read(SPOT_PRICES, site, day, day)
        assert back.height == slots
        assert back.equals(single.read(SPOT_PRICES, site, day, day))
    assert lake.read(SPOT_PRICES, 0, day, day)["site"].unique(maintain_order=True).to_list() == sorted(HOMES)


def test_whole_days_and_days_of_some_homes_are_replaced(lake: BucketLake) -> None:
    first, last = DAY, date(2026, 1, 3)
    days, (one, two, three) = list(days_between(first, last)), HOMES
    assert lake.write_days(SPOT_PRICES, 0, days, prices(first, last, one, two)) == dict.fromkeys(days, 192)
    lake.replace_sites(SPOT_PRICES, 0, [DAY], prices(DAY, DAY, two, price=2.0), [two, three])
    found = lake.read(SPOT_PRICES, 0, DAY, DAY).group_by("site", maintain_order=True).agg(pl.col("price").first())
    assert found.rows() == [(one, 1.0), (two, 2.0)]
    assert lake.days(SPOT_PRICES, 0) == days
    assert lake.site(three).days(SPOT_PRICES, three) == [DAY]  # done, with nothing there
    assert lake.site(two).days(SPOT_PRICES, two) == days
    assert lake.read(SPOT_PRICES, 0, sites=[two])["local_day"].unique().sort().to_list() == days


def test_identity_changes_with_a_day_of_the_range_alone(lake: BucketLake) -> None:
    site = HOMES[0]
    tables, days = lake.site(site), list(days_between(DAY, date(2026, 1, 3)))
    tables.write_days(SPOT_PRICES, site, days, prices(days[0], days[-1], site))
    before = tables.identity(SPOT_PRICES, site, days[0], days[1])
    tables.write_day(SPOT_PRICES, site, days[2], prices(days[2], days[2], site, price=3.0))
    assert tables.identity(SPOT_PRICES, site, days[0], days[1]) == before
    tables.write_day(SPOT_PRICES, site, days[1], prices(days[1], days[1], site, price=3.0))
    assert tables.identity(SPOT_PRICES, site, days[0], days[1]) != before


def test_a_day_of_the_fleet_is_one_listing(lake: BucketLake) -> None:
    both = [HOMES[0], *homes_in(1, 1)]
    for bucket, site in enumerate(both):
        lake.write_days(
            SPOT_PRICES,
            bucket,
            [DAY, SPRING],
            prices(DAY, SPRING, site).filter(pl.col("local_day").is_in([DAY, SPRING])),
        )
    assert sorted(lake.objects(SPOT_PRICES, DAY)) == [0, 1]
    assert lake.objects(SPOT_PRICES, AUTUMN) == {}
    assert lake.table_days(SPOT_PRICES) == [DAY, SPRING]


@pytest.mark.parametrize("wrong", ["bucket", "day", "column", "home"])
def test_foreign_rows_are_refused_and_nothing_is_written(lake: BucketLake, wrong: str) -> None:
    site = HOMES[0]
    frames = {
        "bucket": prices(DAY, DAY, *homes_in(1, 1)),
        "day": prices(SPRING, SPRING, site),
        "column": prices(DAY, DAY, site).drop("price"),
        "home": prices(DAY, DAY, HOMES[1]),
    }
    with pytest.raises(SchemaMismatchError):
        lake.replace_sites(SPOT_PRICES, 0, [DAY], frames[wrong], [site])
    assert lake.days(SPOT_PRICES, 0) == []


def test_nobodys_rows_are_lost_when_writers_meet(lake: BucketLake) -> None:
    """Eight writers of one object, each with its own view of the store."""
    sites = homes_in(0, 8)

    def write(site: str) -> None:
        own = BucketLake(pickle.loads(pickle.dumps(lake.store)), BUCKETS)  # noqa: S301 - our own bytes
        for price in (1.0, 2.0, 3.0):
            own.replace_sites(SPOT_PRICES, 0, [DAY], prices(DAY, DAY, site, price=price), [site])

    with ThreadPoolExecutor(len(sites)) as threads:
        list(threads.map(write, sites))
    found = lake.read(SPOT_PRICES, 0, DAY, DAY)
    assert found.group_by("site").agg(pl.col("price").unique()).sort("site").rows() == [
        (site, [3.0]) for site in sorted(sites)
    ]


def test_merges_into_one_home_meet_without_loss(lake: BucketLake) -> None:
    site = HOMES[0]
    frame = prices(DAY, DAY, site)

    def add(i: int) -> None:
        own = frame.slice(i * 12, 12)
        lake.site(site).merge_days(
            SPOT_PRICES, site, (DAY, DAY), lambda rows: pl.concat([rows, own]).unique("slot_start")
        )

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(8)))
    assert lake.site(site).read(SPOT_PRICES, site).equals(frame)


def test_tables_of_one_home_open_no_other(lake: BucketLake) -> None:
    one, two, _ = HOMES
    with pytest.raises(ConfigurationError, match=two):
        lake.site(one).read(DATA_QUALITY_DAILY, two)


@pytest.mark.parametrize("place", ["gs://bucket/lake", "s3://", "s3:///lake"])
def test_a_place_of_another_kind_is_refused_with_its_remedy(place: str) -> None:
    with pytest.raises(ConfigurationError, match="no place for a lake") as refused:
        open_store(place)
    assert "s3://bucket/prefix" in refused.value.hint


def test_a_reader_beside_a_writer_gets_one_of_its_days(lake: BucketLake) -> None:
    frames = [prices(DAY, DAY, *HOMES, price=price) for price in (1.0, 2.0)]
    lake.write_days(SPOT_PRICES, 0, [DAY], frames[0])
    with ThreadPoolExecutor(1) as threads:
        writes = threads.submit(lambda: [lake.write_days(SPOT_PRICES, 0, [DAY], frames[i % 2]) for i in range(20)])
        reads = [lake.read(SPOT_PRICES, 0, DAY, DAY)]
        while not writes.done():
            reads.append(lake.read(SPOT_PRICES, 0, DAY, DAY))
    assert all(any(each.equals(frame) for frame in frames) for each in reads)
    assert lake.read(SPOT_PRICES, 0, DAY, DAY).equals(frames[1])


def test_columns_that_some_days_lack_are_null_there(lake: BucketLake) -> None:
    site, days = HOMES[0], [DAY, SPRING]
    column = POLICY_SCHEDULES.optional[0]

    def rows(day: date, *, limited: bool) -> pl.DataFrame:
        schema = POLICY_SCHEDULES.schema_with([column.name] if limited else [])
        values = {"site": site, "slot_start": prices(day, day, site)["slot_start"][0], "local_day": day}
        others = {name: "x" if dtype == pl.String else 1.0 for name, dtype in schema.items() if name not in values}
        return pl.DataFrame([{**values, **others}], schema=schema)

    for day in days:
        lake.replace_sites(POLICY_SCHEDULES, 0, [day], rows(day, limited=day == SPRING), [site])
    assert lake.read(POLICY_SCHEDULES, 0)[column.name].to_list() == [None, 1.0]
    assert column.name not in lake.read(POLICY_SCHEDULES, 0, DAY, DAY).columns


@pytest.mark.thorough
def test_a_writer_killed_at_any_moment_leaves_the_old_day_or_the_new(tmp_path: Path) -> None:
    lake = BucketLake(open_store(tmp_path), BUCKETS)
    lake.write_days(SPOT_PRICES, 0, [DAY], prices(DAY, DAY, *HOMES))
    for seed in range(5):
        writer = multiprocessing.get_context("spawn").Process(target=replace_for_ever, args=(tmp_path,))
        writer.start()
        before = lake.versions(SPOT_PRICES, 0, [DAY])
        until(lambda seen=before: lake.versions(SPOT_PRICES, 0, [DAY]) != seen, "the first replacement")
        time.sleep(random.Random(seed).uniform(0.0, 0.05))  # noqa: S311 - a moment, no secret
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()
        found = lake.read(SPOT_PRICES, 0, DAY, DAY)
        assert found.height == 96 * len(HOMES)
        assert found.group_by("site").agg(pl.col("price").n_unique())["price"].to_list() == [1] * len(HOMES)
        lake.replace_sites(SPOT_PRICES, 0, [DAY], prices(DAY, DAY, HOMES[0], price=9.0), [HOMES[0]])  # no lock is left


def replace_for_ever(place: Path) -> None:
    lake, price = BucketLake(open_store(place), BUCKETS), 0.0
    while True:
        price += 1.0
        lake.replace_sites(SPOT_PRICES, 0, [DAY], prices(DAY, DAY, HOMES[1], price=price), [HOMES[1]])


@pytest.mark.parametrize("buckets", [BUCKETS - 1, 4 * BUCKETS])
def test_another_number_of_buckets_than_the_lake_was_written_with_is_refused(lake: BucketLake, buckets: int) -> None:
    days, rows = [DAY], prices(DAY, DAY, *HOMES)
    assert lake.read(SPOT_PRICES, 0).is_empty()
    lake.write_days(SPOT_PRICES, 0, days, rows)
    other = BucketLake(open_store(lake.store.place), buckets)
    bucket, told = other.bucket(HOMES[0]), f"written with fleet.buckets {BUCKETS}, and it is {buckets} now"
    own = rows.filter(pl.col("site") == HOMES[0])
    for tried in (
        lambda: other.read(SPOT_PRICES, bucket, DAY, DAY),
        lambda: other.read(SPOT_PRICES, bucket),
        lambda: other.write_days(SPOT_PRICES, bucket, days, own),
        lambda: other.replace_sites(SPOT_PRICES, bucket, days, own, HOMES[:1]),
        lambda: other.site(HOMES[0]).days(SPOT_PRICES, HOMES[0]),
        lambda: other.days(SPOT_PRICES, bucket),
        lambda: other.versions(SPOT_PRICES, bucket, days),
    ):
        with pytest.raises(ConfigurationError, match=told):
            tried()
    assert (
        BucketLake(open_store(lake.store.place), BUCKETS)
        .read(SPOT_PRICES, 0, DAY, DAY)
        .equals(lake.read(SPOT_PRICES, 0, DAY, DAY))
    )


def test_a_worker_asks_for_the_number_of_buckets_once_and_not_once_a_shard(s3_place: str, s3_server: S3Server) -> None:
    asked: list[str] = []
    s3_server.app.change = lambda request: asked.append(f"{request['REQUEST_METHOD']} {request['PATH_INFO']}")
    sent = pickle.dumps(BucketLake(open_store(s3_place), BUCKETS))  # before anything was asked, as a shard's lake is
    for shard in range(3):
        received = pickle.loads(sent)  # noqa: S301 - our own bytes
        received.write_days(SPOT_PRICES, 0, [DAY], prices(DAY, DAY, HOMES[shard]))
    of_count = [each for each in asked if each.endswith("buckets.txt")]
    assert len(of_count) == 3, "one look, and one change, which looks and writes"
    assert len(asked) - len(of_count) == 3, "an object each"


def test_damaged_number_of_buckets_is_refused(lake: BucketLake) -> None:
    lake.store.put("buckets.txt", b"")
    with pytest.raises(ConfigurationError, match="does not hold the number of buckets"):
        lake.read(SPOT_PRICES, 0)
