"""`darkstar doctor` on a fleet's lake: strays, damaged objects, rows that do not belong there."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks.fleet_lake.s3_server import Fault, S3Server
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.fleet import objects, repair
from darkstar_pipeline.doctor.fleet.lake import check_fleet_lake
from darkstar_pipeline.doctor.fleet.objects import ObjectFaults
from darkstar_pipeline.doctor.fleet.repair import repair_fleet_lake
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.warehouse.buckets import object_store
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.day_objects import encoded
from darkstar_pipeline.warehouse.schemas import SPOT_PRICES
from tests.builders.fleet_prices import BUCKETS, homes_in, prices

DAY, NEXT = date(2026, 1, 1), date(2026, 1, 2)
NOW = datetime(2026, 4, 1, tzinfo=UTC)
ASIDE = "aside/20260401T000000Z"
PLACE = "spot_prices/day=2026-01-01"


@pytest.fixture
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> FleetSettings:
    """A fleet whose lake is in a folder, on S3 where the test says so."""
    on_s3 = getattr(request, "param", "") == "s3"
    place = request.getfixturevalue("s3_place") if on_s3 else str(tmp_path / "lake")
    return FleetSettings(lake=place, buckets=BUCKETS)


@pytest.fixture
def lake(fleet: FleetSettings, tmp_path: Path) -> BucketLake:
    lake = fleet_lake(fleet, tmp_path)
    for bucket in range(BUCKETS):
        lake.write_days(SPOT_PRICES, bucket, [DAY], prices(DAY, DAY, *homes_in(bucket, 2)))
    return lake


@pytest.mark.parametrize("fleet", ["folder", "s3"], indirect=True)
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
        ("spot_prices/notes/part.parquet", "not in the folder of a day"),
        (f"{PLACE}/bucket=0001 (copy)/part.parquet", "not the object of a bucket"),
        (f"{PLACE}/bucket=0009/part.parquet", "the fleet has 2 buckets"),
    ],
)
def test_strays_are_named(lake: BucketLake, fleet: FleetSettings, tmp_path: Path, key: str, told: str) -> None:
    lake.store.put(key, encoded(prices(DAY, DAY, "nobody").clear(), []))
    strays, *_ = check_fleet_lake(fleet, tmp_path)
    assert strays.verdict is Verdict.WARN
    assert told in strays.detail
    (done,) = repair_fleet_lake(fleet, tmp_path, now=NOW, every=False)
    assert (done.path, told in done.note) == (lake.name(key), True)
    assert lake.store.get(f"{ASIDE}/{key}") is not None
    assert {each.verdict for each in check_fleet_lake(fleet, tmp_path)} == {Verdict.OK}


OWN, OTHER = prices(DAY, DAY, *homes_in(0, 2)), prices(DAY, DAY, *homes_in(1, 2))
FLIPPED = bytearray(encoded(OWN, homes_in(0, 2)))
FLIPPED[len(FLIPPED) // 3] ^= 1


@pytest.mark.parametrize("fleet", ["folder", "s3"], indirect=True)
def test_a_damaged_object_and_a_stray_are_set_aside(lake: BucketLake, fleet: FleetSettings, tmp_path: Path) -> None:
    keys = [f"{PLACE}/notes.txt", f"{PLACE}/bucket=0001/part.parquet"]
    for key in keys:
        lake.store.put(key, b"no parquet")
    done = repair_fleet_lake(fleet, tmp_path, now=NOW, every=True)
    assert [each.path for each in done] == [lake.name(key) for key in keys]
    assert [each.key for each in lake.store.listed("aside")] == sorted(f"{ASIDE}/{key}" for key in keys)
    assert {each.verdict for each in check_fleet_lake(fleet, tmp_path)} == {Verdict.OK}


@pytest.mark.parametrize(
    ("data", "told", "kept"),
    [
        (b"no parquet", "cannot be read", 0),
        (b"", "cannot be read", 0),
        (encoded(OWN, [])[:-200], "cannot be read", 0),
        (bytes(FLIPPED), "its checksum is not that of its bytes", 0),
        (encoded(OTHER, []), "192 rows of another bucket or day", 0),
        (encoded(pl.concat([OWN, OWN.head(96)]), homes_in(0, 1)), "96 doubled", 192),
    ],
    ids=["no parquet", "empty", "cut", "a bit", "foreign", "doubled"],
)
def test_wrong_objects_are_named_and_set_aside_and_their_own_rows_stay(
    lake: BucketLake, fleet: FleetSettings, tmp_path: Path, data: bytes, told: str, kept: int
) -> None:
    key = f"{PLACE}/bucket=0000/part.parquet"
    lake.store.put(key, data)
    _, rows, _ = check_fleet_lake(fleet, tmp_path)
    assert rows.verdict is Verdict.FAIL
    assert told in rows.detail
    assert lake.name(key) in rows.detail
    (done,) = repair_fleet_lake(fleet, tmp_path, now=NOW, every=False)
    aside = lake.store.get(f"{ASIDE}/{key}")
    assert (done.path, done.aside) == (lake.name(key), lake.name(f"{ASIDE}/{key}"))
    assert aside is not None
    assert aside.data == data
    assert lake.read(SPOT_PRICES, 0, DAY, DAY).height == kept
    assert lake.days_done(SPOT_PRICES, homes_in(0, 1)[0]) == ([DAY] if kept else [])
    assert lake.read(SPOT_PRICES, 1, DAY, DAY).height == 192, "other buckets are as they were"
    assert {each.verdict for each in check_fleet_lake(fleet, tmp_path)} == {Verdict.OK}
    assert repair_fleet_lake(fleet, tmp_path, now=NOW, every=False) == []


@pytest.mark.parametrize("fleet", ["folder", "s3"], indirect=True)
def test_what_a_writer_has_replaced_meanwhile_is_left_alone(
    lake: BucketLake, fleet: FleetSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.store.put(f"{PLACE}/bucket=0000/part.parquet", b"no parquet")
    real = repair.object_faults

    def found_and_replaced(*args: Any, **options: Any) -> ObjectFaults:
        found = real(*args, **options)
        lake.write_days(SPOT_PRICES, 0, [DAY], OWN)
        return found

    monkeypatch.setattr(repair, "object_faults", found_and_replaced)
    assert repair_fleet_lake(fleet, tmp_path, now=NOW, every=False) == []
    assert lake.read(SPOT_PRICES, 0, DAY, DAY).height == 192
    assert lake.store.listed("aside") == []


def test_older_days_are_told_and_looked_at_when_asked_for(
    lake: BucketLake, fleet: FleetSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "OBJECTS_A_TABLE", BUCKETS)
    lake.write_days(SPOT_PRICES, 0, [NEXT], prices(NEXT, NEXT, *homes_in(0, 2)))
    lake.write_days(SPOT_PRICES, 1, [NEXT], prices(NEXT, NEXT, *homes_in(1, 2)))
    lake.store.put(f"{PLACE}/bucket=0000/part.parquet", b"no parquet")
    told: list[tuple[str, int, int]] = []
    _, rows, _ = check_fleet_lake(fleet, tmp_path)
    assert rows.verdict is Verdict.OK
    assert "`darkstar doctor --all` reads the 1 other days" in rows.detail
    assert repair_fleet_lake(fleet, tmp_path, now=NOW, every=False) == []
    _, rows, _ = check_fleet_lake(fleet, tmp_path, every=True, progress=lambda *part: told.append(part))
    assert rows.verdict is Verdict.FAIL
    assert "--repair --all" in rows.remedy
    assert told[-1] == ("days of tables read", 2, 2)
    assert len(repair_fleet_lake(fleet, tmp_path, now=NOW, every=True)) == 1


def test_a_store_that_fails_is_told_and_ends_no_other_check(
    s3_place: str, s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(object_store.RETRIES, "max_retries", 1)
    fleet = FleetSettings(lake=s3_place, buckets=BUCKETS)
    fleet_lake(fleet, tmp_path).write_days(SPOT_PRICES, 0, [DAY], OWN)
    s3_server.app.fault = lambda _method, path: Fault.ERROR if "bucket=0000" in path else None
    strays, rows, writers = check_fleet_lake(fleet, tmp_path)
    assert (strays.verdict, writers.verdict) == (Verdict.OK, Verdict.OK)
    assert rows.verdict is Verdict.FAIL
    assert PLACE in rows.detail
    assert rows.remedy
