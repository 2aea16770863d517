"""The lake: a day is replaced whole or not at all, and read while it is being replaced."""

import multiprocessing
import os
import signal
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.warehouse.lake import Lake, LakeUnreadableError, SchemaMismatchError
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    POLICY_SCHEDULES,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
    TABLES,
)
from darkstar_pipeline.warehouse.views import open_warehouse
from env.time_grid import days_between, grid
from tests.builders.waiting import until

TIMEZONE = "Europe/Stockholm"
AUTUMN, SPRING = date(2025, 10, 26), date(2026, 3, 29)


def prices(first: date, last: date, *, price: float = 1.0, site: str = "home") -> pl.DataFrame:
    return grid(first, last, TIMEZONE).select(
        pl.lit(site).alias("site"),
        "slot_start",
        "local_day",
        pl.lit("SE4").alias("area"),
        pl.lit(price).alias("price"),
        pl.lit(price).alias("raw_price"),
        pl.lit(value=False).alias("repaired"),
        pl.lit(15).alias("native_minutes"),
    )


@pytest.mark.parametrize(("day", "slots"), [(AUTUMN, 100), (SPRING, 92), (date(2026, 1, 1), 96)])
def test_lake_keeps_every_slot_when_the_clock_changes(tmp_path: Path, day: date, slots: int) -> None:
    lake = Lake(tmp_path)
    frame = prices(day, day, price=-0.25)
    lake.write_day(SPOT_PRICES, "home", day, frame)
    back = lake.read(SPOT_PRICES, "home", day, day)
    assert back.height == slots
    assert back["slot_start"].is_unique().all()
    assert back["price"].to_list() == [-0.25] * slots


def test_lake_reads_only_the_days_and_the_site_asked_for(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    first, last = date(2026, 1, 1), date(2026, 1, 5)
    for site in ("home", "cabin"):
        lake.write_days(SPOT_PRICES, site, days_between(first, last), prices(first, last, site=site))
    back = lake.read(SPOT_PRICES, "cabin", date(2026, 1, 2), date(2026, 1, 3))
    assert back["site"].unique().to_list() == ["cabin"]
    assert back["local_day"].unique().sort().to_list() == [date(2026, 1, 2), date(2026, 1, 3)]


def test_lake_tells_an_empty_day_from_one_never_written(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    day = date(2026, 1, 1)
    lake.write_days(SPOT_PRICES, "home", [day], prices(day, day).clear())
    assert lake.days(SPOT_PRICES, "home") == [day]
    assert lake.read(SPOT_PRICES, "home").height == 0


def test_lake_writes_the_same_bytes_when_the_rows_come_in_another_order(tmp_path: Path) -> None:
    day = date(2026, 1, 1)
    frame = prices(day, day)
    paths = [
        Lake(tmp_path / name).write_day(SPOT_PRICES, "home", day, rows)
        for name, rows in (("a", frame), ("b", frame.reverse()))
    ]
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda frame: frame.drop("price"), "missing columns"),
        (lambda frame: frame.with_columns(extra=1), "unknown columns"),
        (lambda frame: frame.with_columns(price=pl.lit(None, dtype=pl.Float64)), "null"),
        (lambda frame: pl.concat([frame, frame.head(1)]), "repeat the key"),
        (lambda frame: frame.with_columns(site=pl.lit("cabin")), "not of the days of home"),
        (lambda frame: frame.with_columns(pl.col("local_day") + timedelta(days=1)), "not of the days of home"),
    ],
    ids=["missing column", "unknown column", "null", "duplicate", "other site", "other day"],
)
def test_lake_refuses_and_keeps_the_old_day_when_a_frame_does_not_fit(tmp_path: Path, spoil, says: str) -> None:
    lake, day = Lake(tmp_path), date(2026, 1, 1)
    path = lake.write_day(SPOT_PRICES, "home", day, prices(day, day))
    before = path.read_bytes()
    with pytest.raises(SchemaMismatchError, match=says):
        lake.write_day(SPOT_PRICES, "home", day, spoil(prices(day, day)))
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_lake_refuses_rows_of_days_that_were_not_asked_for(tmp_path: Path) -> None:
    first, last = date(2026, 1, 1), date(2026, 1, 2)
    with pytest.raises(SchemaMismatchError, match="not of the days of home"):
        Lake(tmp_path).write_days(SPOT_PRICES, "home", [first], prices(first, last))


def test_views_answer_for_every_table_when_the_lake_is_empty(tmp_path: Path) -> None:
    with open_warehouse(tmp_path) as connection:
        for name, table in TABLES.items():
            frame = connection.sql(f"SELECT * FROM {name}").pl()  # noqa: S608 - the name of a table
            assert frame.columns == [column.name for column in table.every_column]
            assert frame.height == 0


def test_views_give_declared_columns_and_skip_files_by_day(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    first, last = date(2026, 3, 28), date(2026, 3, 30)
    lake.write_days(SPOT_PRICES, "home", days_between(first, last), prices(first, last))
    with open_warehouse(lake.root) as connection:
        frame = connection.sql("SELECT * FROM spot_prices WHERE local_day = DATE '2026-03-29' ORDER BY slot_start").pl()
        plan = connection.sql(
            "EXPLAIN ANALYZE SELECT count(*) FROM spot_prices WHERE local_day = DATE '2026-03-29'"
        ).pl()
    assert frame.schema == SPOT_PRICES.schema
    assert frame.height == 92
    assert "1/3" in "".join(str(value) for row in plan.rows() for value in row)  # files scanned


def test_every_declared_table_takes_its_own_schema_back(tmp_path: Path) -> None:
    for table in (SLOT_OBSERVATIONS, DATA_QUALITY_DAILY):
        assert Lake(tmp_path).read(table, "home").schema == table.schema


def _rewrite_forever(root: Path, day: date) -> None:
    lake = Lake(root)
    for price in range(1_000_000):
        lake.write_day(SPOT_PRICES, "home", day, prices(day, day, price=float(price)))


def whole_day(lake: Lake, day: date) -> float:
    """Read a day, and return the one price that all its slots have."""
    rows = lake.read(SPOT_PRICES, "home", day, day)
    assert rows.height == 96
    (price,) = rows["price"].unique()
    return float(price)


@pytest.mark.thorough
@pytest.mark.slow
def test_a_day_is_whole_whenever_its_writer_is_killed_and_for_every_reader(tmp_path: Path) -> None:
    day = date(2026, 1, 1)
    lake = Lake(tmp_path)
    lake.write_day(SPOT_PRICES, "home", day, prices(day, day))
    for round_ in range(5):
        writer = multiprocessing.get_context("spawn").Process(target=_rewrite_forever, args=(tmp_path, day))
        writer.start()
        seen = {whole_day(lake, day)}

        def is_rewritten(seen: set[float] = seen, versions: int = 3 + 4 * round_) -> bool:
            seen.add(whole_day(lake, day))
            return len(seen) >= versions

        until(is_rewritten, "the day is rewritten again and again", 60, pause_seconds=0.0)
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        whole_day(lake, day)


def test_a_damaged_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    day = date(2026, 1, 1)
    path = Lake(tmp_path).write_day(SPOT_PRICES, "home", day, prices(day, day))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(LakeUnreadableError, match=r"part\.parquet") as damaged:
        Lake(tmp_path).read(SPOT_PRICES, "home")
    assert "backfill" in damaged.value.hint


def test_optional_column_is_there_only_where_a_file_has_it(tmp_path: Path) -> None:
    """Import limits are of homes whose inverter takes one; others' tables stay as they were."""
    lake, days = Lake(tmp_path), [AUTUMN, AUTUMN + timedelta(days=1)]
    numbers = [column.name for column in POLICY_SCHEDULES.columns if column.dtype == pl.Float64()]
    slots = grid(days[0], days[1], TIMEZONE).with_columns(
        *(pl.lit("x").alias(name) for name in ("policy", "reason", "config_version")),
        *(pl.lit(1.0).alias(name) for name in numbers),
        site=pl.lit("home"),
    )
    lake.write_days(POLICY_SCHEDULES, "home", days, slots)
    assert lake.read(POLICY_SCHEDULES, "home").columns == POLICY_SCHEDULES.schema.names()
    limited = slots.with_columns(import_limit_kw=pl.lit(4.2)).filter(pl.col("local_day") == days[1])
    lake.write_day(POLICY_SCHEDULES, "home", days[1], limited)
    mixed = lake.read(POLICY_SCHEDULES, "home").group_by("local_day", maintain_order=True)
    assert mixed.agg(pl.col("import_limit_kw").mean())["import_limit_kw"].to_list() == [None, 4.2]
    with open_warehouse(tmp_path) as sql:
        found = sql.execute("SELECT DISTINCT local_day, import_limit_kw FROM policy_schedules ORDER BY 1").fetchall()
    assert found == [(days[0], None), (days[1], 4.2)]
