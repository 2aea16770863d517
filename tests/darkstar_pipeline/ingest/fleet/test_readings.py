"""Readings and prices of a fleet end in the lake as those of single homes do, however odd a home's rows are."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.fleet.columns import HOMES_SCHEMA
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.errors import ConfigurationError, DataRefusedError
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.ingest.fleet.prices import import_prices
from darkstar_pipeline.ingest.fleet.readings import LOCAL_CLOCK, import_readings
from darkstar_pipeline.ingest.imports import OBSERVATIONS, PRICES, import_tidy_file
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.object_names import object_key
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import (
    IMPORT_PROVENANCE,
    IMPORT_REMARKS,
    METER_READINGS,
    RAW_SPOT_PRICES,
    Table,
)
from env.time_grid import grid
from planner.local_engine import LocalEngine
from planner.parallel import running_on

NOW = datetime(2026, 4, 2, tzinfo=UTC)
SPRING = (date(2026, 3, 28), date(2026, 3, 30))
FLEET = FleetSettings(buckets=1)
"""In one bucket all is done in this process."""
AREAS = {"even": "SE4", "coarse": "SE3", "asleep": "SE4", "holes": "FI", "watts": "SE3", "finn": "FI"}
HOMES = FleetHomes(
    FLEET,
    pl.DataFrame([{"site": site, "tenant": "t", "area": area} for site, area in AREAS.items()], schema=HOMES_SCHEMA),
)


def rows_of(site: str) -> pl.DataFrame:
    """Readings of a home: plain, or odd in the way that its name says."""
    slots = grid(*SPRING, HOMES[site].timezone)["slot_start"]
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    load = 0.1 + 0.01 * ((number * 7919 + len(site) * 31) % 40)
    rows = pl.DataFrame({"slot_start": slots}).with_columns(
        pl.lit(site).alias("site"), load.alias("load_kwh"), (0.002 * (number % 50)).alias("pv_kwh")
    )
    if site == "coarse":
        rows = rows.filter(pl.col("slot_start").dt.minute() == 0).with_columns(pl.col("load_kwh") * 4)
    if site == "asleep":
        rows = rows.with_columns(pv_kwh=pl.when(number % 50 == 0).then(-0.004).otherwise("pv_kwh"))
    if site == "holes":
        rows = rows.with_columns(load_kwh=pl.when(number == 9).then(-1.0).otherwise("load_kwh")).filter(number != 5)
    if site == "watts":
        rows = rows.with_columns(load_kwh=pl.col("load_kwh") * 1000)
    return rows.select("site", "slot_start", "load_kwh", "pv_kwh")


def spot_prices(area: str) -> pl.DataFrame:
    """Prices of an area, some of them below zero."""
    slots = grid(*SPRING, HOMES[next(site for site, own in AREAS.items() if own == area)].timezone)["slot_start"]
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    price = (0.04 + 0.03 * len(area)) * (((number * 37) % 96) / 48 - 0.2)
    return pl.DataFrame({"slot_start": slots}).with_columns(pl.lit(area).alias("area"), price.round(4).alias("price"))


def written(rows: pl.DataFrame, file: Path) -> Path:
    """The rows as CSV."""
    rows.write_csv(file, datetime_format="%Y-%m-%dT%H:%M:%SZ")
    return file


@pytest.fixture
def lake(tmp_path: Path) -> BucketLake:
    """An empty lake of the fleet."""
    return fleet_lake(FLEET, tmp_path)


def single(folder: Path, site: str) -> ImportTarget:
    """The home by itself, with a lake of its own."""
    return ImportTarget(lake=Lake(folder / "lake"), quarantine_dir=folder / "q1", site_name=site, site=HOMES[site])


def same_rows(lake: BucketLake, own: Lake, site: str, table: Table) -> bool:
    """Whether a home has the same rows and days in both lakes."""
    mine = lake.site(site)
    return mine.days(table, site) == own.days(table, site) and mine.read(table, site).equals(own.read(table, site))


def test_each_home_gets_what_it_would_get_alone_and_a_wrong_one_stops_no_other(
    tmp_path: Path, lake: BucketLake
) -> None:
    file = written(pl.concat([rows_of(site) for site in AREAS]), tmp_path / "all.csv")
    report = import_readings(HOMES, lake, file, quarantine=tmp_path / "q", now=NOW)

    assert list(report.refused) == ["watts"]
    assert report.homes == len(AREAS) - 1
    assert report.rows_rejected == 1
    listed = pl.read_csv(next((tmp_path / "q").iterdir()))
    assert "-1.0 kWh is negative" in listed["reason"][0]
    assert pl.read_csv(file)["load_kwh"][listed["row"][0] - 1] == -1.0
    for site in AREAS:
        target = single(tmp_path / site, site)
        alone = written(rows_of(site), tmp_path / site / "all.csv") if (tmp_path / site).mkdir() is None else file
        if site == "watts":
            with pytest.raises(DataRefusedError):
                import_tidy_file(OBSERVATIONS, target, alone, now=NOW)
        else:
            import_tidy_file(OBSERVATIONS, target, alone, now=NOW)
        own = Lake(tmp_path / site / "lake")
        for table in (METER_READINGS, IMPORT_REMARKS, IMPORT_PROVENANCE):
            assert same_rows(lake, own, site, table)


def test_import_again_changes_no_byte_and_a_later_value_wins(tmp_path: Path, lake: BucketLake) -> None:
    rows = pl.concat([rows_of("even"), rows_of("coarse")])
    file = written(rows, tmp_path / "all.csv")
    first = import_readings(HOMES, lake, file, quarantine=tmp_path / "q", now=NOW)
    before = _bytes(tmp_path)
    again = import_readings(HOMES, lake, file, quarantine=tmp_path / "q", now=NOW + timedelta(days=1))
    assert (first.slots_new, again.slots_new, again.slots_changed) == (2 * 284, 0, 0)
    assert _bytes(tmp_path) == before
    later = written(rows_of("even").head(96).with_columns(load_kwh=pl.col("load_kwh") + 0.01), tmp_path / "later.csv")
    changed = import_readings(HOMES, lake, later, quarantine=tmp_path / "q", now=NOW)
    assert (changed.slots_new, changed.slots_changed) == (0, 96)


def test_clock_of_each_home_is_its_own(tmp_path: Path, lake: BucketLake) -> None:
    clocks = pl.concat(
        [
            rows_of(site).with_columns(
                pl.col("slot_start").dt.convert_time_zone(HOMES[site].timezone).dt.replace_time_zone(None)
            )
            for site in ("even", "finn")
        ]
    )
    file = tmp_path / "clocks.csv"
    clocks.write_csv(file, datetime_format="%Y-%m-%d %H:%M")
    import_readings(HOMES, lake, file, quarantine=tmp_path / "q", now=NOW, clock=LOCAL_CLOCK)
    for site in ("even", "finn"):
        rows = lake.site(site).read(METER_READINGS, site)
        assert rows["slot_start"].to_list() == rows_of(site)["slot_start"].to_list()


@pytest.mark.thorough  # starts processes
def test_buckets_are_worked_on_in_processes_and_hold_the_same_rows(tmp_path: Path, lake: BucketLake) -> None:
    file = written(pl.concat([rows_of(site) for site in AREAS]), tmp_path / "all.csv")
    spot = written(pl.concat([spot_prices(area) for area in ("SE3", "SE4")]), tmp_path / "spot.csv")
    spread = FleetSettings(buckets=3)
    many = FleetHomes(spread, HOMES.rows)
    other = fleet_lake(spread, tmp_path / "many")
    reports = [
        (
            import_readings(homes, where, file, quarantine=tmp_path / "q", now=NOW),
            import_prices(homes, where, spot, quarantine=tmp_path / "q", now=NOW),
        )
        for homes, where in ((HOMES, lake), (many, other))
    ]
    assert reports[0] == reports[1]
    for site in AREAS:
        for table in (METER_READINGS, IMPORT_REMARKS, IMPORT_PROVENANCE, RAW_SPOT_PRICES):
            assert other.site(site).read(table, site).equals(lake.site(site).read(table, site))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (rows_of("even").with_columns(site=pl.lit("nobody")), "no row is of a home of the fleet"),
        (rows_of("even").drop("site"), "has no column site"),
        (rows_of("watts"), "no home could be imported, of 1; watts"),
        (spot_prices("SE4"), "has no column site"),
    ],
)
def test_file_without_a_home_to_import_is_refused(
    tmp_path: Path, lake: BucketLake, rows: pl.DataFrame, said: str
) -> None:
    with pytest.raises(DataRefusedError) as refused:
        import_readings(HOMES, lake, written(rows, tmp_path / "all.csv"), quarantine=tmp_path / "q", now=NOW)
    assert said in refused.value.message


def test_prices_are_read_once_and_stored_as_each_home_would_store_them(tmp_path: Path, lake: BucketLake) -> None:
    file = written(pl.concat([spot_prices("SE3"), spot_prices("SE4")]), tmp_path / "spot.csv")
    report = import_prices(HOMES, lake, file, quarantine=tmp_path / "q", now=NOW)

    assert report.homes == 4
    assert report.refused == {}
    assert "spot.csv has no prices of FI" in report.notes
    assert lake.site("finn").read(RAW_SPOT_PRICES, "finn").is_empty()
    for site in ("even", "coarse"):
        import_tidy_file(PRICES, single(tmp_path / site, site), file, now=NOW)
        for table in (RAW_SPOT_PRICES, IMPORT_PROVENANCE):
            assert same_rows(lake, Lake(tmp_path / site / "lake"), site, table)
    assert lake.site("even").read(RAW_SPOT_PRICES, "even")["price"].to_numpy().min() < 0
    before = _bytes(tmp_path)
    assert import_prices(HOMES, lake, file, quarantine=tmp_path / "q", now=NOW).slots_new == 0
    assert _bytes(tmp_path) == before


@pytest.mark.parametrize("table", [METER_READINGS, RAW_SPOT_PRICES], ids=["readings", "prices"])
def test_a_damaged_object_is_named_and_other_buckets_get_their_rows(tmp_path: Path, table: Table) -> None:
    fleet = FleetSettings(buckets=2)
    homes, lake = FleetHomes(fleet, HOMES.rows), fleet_lake(fleet, tmp_path)
    bad, good = (
        next(site for site in ("even", "asleep", "coarse") if lake.bucket(site) == bucket) for bucket in (0, 1)
    )
    readings = written(pl.concat([rows_of(bad), rows_of(good)]), tmp_path / "all.csv")
    prices = written(pl.concat([spot_prices("SE3"), spot_prices("SE4")]), tmp_path / "spot.csv")
    key = object_key(table, 0, SPRING[1])
    lake.store.put(key, b"PAR1 damaged")
    with running_on(LocalEngine(1)):
        if table is METER_READINGS:
            report = import_readings(homes, lake, readings, quarantine=tmp_path / "q", now=NOW)
        else:
            report = import_prices(homes, lake, prices, quarantine=tmp_path / "q", now=NOW)
    assert list(report.damaged) == [0]
    assert key in report.damaged[0]
    assert lake.site(good).read(table, good).height >= 71
    if table is METER_READINGS:
        alone = written(rows_of(bad), tmp_path / "bad.csv")
        with pytest.raises(DataRefusedError, match=r"no home of .* got its readings"):
            import_readings(homes, lake, alone, quarantine=tmp_path / "q", now=NOW)


def test_prices_need_an_area_where_homes_are_in_several(tmp_path: Path, lake: BucketLake) -> None:
    file = written(spot_prices("SE4").drop("area"), tmp_path / "spot.csv")
    with pytest.raises(ConfigurationError, match="has no column area"):
        import_prices(HOMES, lake, file, quarantine=tmp_path / "q", now=NOW)
    assert import_prices(HOMES, lake, file, quarantine=tmp_path / "q", now=NOW, area="se4").homes == 2
    with pytest.raises(DataRefusedError, match="holds readings"):
        import_prices(HOMES, lake, written(rows_of("even"), file), quarantine=tmp_path / "q", now=NOW)
    with pytest.raises(ConfigurationError, match="no home of the fleet is in NO1"):
        import_prices(HOMES, lake, file, quarantine=tmp_path / "q", now=NOW, area="NO1")


def test_home_of_a_class_that_is_gone_stops_no_other(tmp_path: Path, lake: BucketLake) -> None:
    gone = pl.DataFrame(
        [
            {"site": "a-gone", "tenant": "t", "area": "SE4", "tariff": "gone"},
            {"site": "b", "area": "DK1", "tariff": "x"},
        ],
        schema=HOMES_SCHEMA,
    )
    homes = FleetHomes(FLEET, pl.concat([HOMES.rows, gone]))
    rows = pl.concat([rows_of("even").with_columns(site=pl.lit("a-gone")), rows_of("even")])
    report = import_readings(homes, lake, written(rows, tmp_path / "r.csv"), quarantine=tmp_path / "q", now=NOW)
    assert report.homes == 1
    assert "'gone' is not under fleet.tariffs" in report.refused["a-gone"]
    assert lake.read(METER_READINGS, 0, *SPRING)["site"].unique().to_list() == ["even"]
    file = written(spot_prices("SE4"), tmp_path / "p.csv")
    priced = import_prices(homes, lake, file, quarantine=tmp_path / "q", now=NOW)
    assert list(priced.refused) == ["b"]
    assert lake.read(RAW_SPOT_PRICES, 0, *SPRING)["site"].unique().sort().to_list() == ["a-gone", "asleep", "even"]


def _bytes(folder: Path) -> dict[Path, bytes]:
    """Content of the lake."""
    return {path: path.read_bytes() for path in (folder / "fleet").rglob("*.parquet")}
