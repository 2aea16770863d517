"""What is named exactly right is read, whatever lies beside it and wherever the lake is."""

import logging
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from glob import escape
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.warehouse.day_names import strays
from darkstar_pipeline.warehouse.lake import Lake, LakeUnreadableError
from darkstar_pipeline.warehouse.query import QueryError, run_query
from darkstar_pipeline.warehouse.schemas import SPOT_PRICES, TABLES
from tests.darkstar_pipeline.warehouse.test_lake import prices

FIRST, LAST = date(2026, 1, 1), date(2026, 1, 3)
DAYS = [FIRST, FIRST + timedelta(days=1), LAST]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(tmp_path / "lake")
    made.write_days(SPOT_PRICES, "home", DAYS, prices(FIRST, LAST))
    return made


def folder(lake: Lake) -> Path:
    return lake.path(SPOT_PRICES, "home", FIRST).parent


def copied(name: str) -> Callable[[Lake], Path]:
    """Copy a day's folder under another name beside it."""
    return lambda lake: Path(shutil.copytree(folder(lake), folder(lake).with_name(name)))


def file_at(where: Callable[[Lake], Path]) -> Callable[[Lake], Path]:
    def made(lake: Lake) -> Path:
        path = where(lake)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", encoding="utf-8")
        return path

    return made


def part_that_is_a_folder(lake: Lake) -> Path:
    path = lake.path(SPOT_PRICES, "home", date(2026, 1, 4))
    path.mkdir(parents=True)
    return path


def site_copied(lake: Lake) -> Path:
    site = folder(lake).parent
    return Path(shutil.copytree(site, site.with_name("site=home.old")))


STRAYS = {
    "backup": copied("day=2026-01-01.bak"),
    "copy": copied("day=2026-01-01 (copy)"),
    "no such day": copied("day=2026-02-30"),
    "week": copied("day=2026-W01-1"),
    "compact": copied("day=20260105"),
    "line end": copied("day=2026-01-05\n"),
    "other digits": copied("day=\N{FULLWIDTH DIGIT TWO}026-01-05"),
    "site": site_copied,
    "part": part_that_is_a_folder,
    "day that is a file": file_at(lambda lake: folder(lake).with_name("day=2026-01-05")),
    "site that is a file": file_at(lambda lake: folder(lake).parent.with_name("site=other")),
    "conflict": file_at(lambda lake: folder(lake) / "part.sync-conflict-20260101.parquet"),
    "table": file_at(lambda lake: lake.root / "spot_prices.old"),
}


@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS)
def test_a_stray_is_not_read_and_is_found(lake: Lake, stray: Callable[[Lake], Path]) -> None:
    before = lake.read(SPOT_PRICES, "home")
    path = stray(lake)
    assert lake.days(SPOT_PRICES, "home") == DAYS
    assert lake.read(SPOT_PRICES, "home").equals(before)
    assert lake.read(SPOT_PRICES, "home", FIRST, date(2026, 12, 31)).equals(before)
    assert lake.read(SPOT_PRICES, "home", FIRST, date(2026, 1, 9)).equals(before)
    with run_query(lake, "SELECT count(*), count(DISTINCT slot_start) FROM spot_prices") as result:
        assert list(result.rows()) == [(before.height, before.height)]
    assert lake.sweep_leftovers() == 0
    assert [each.path for each in strays(lake.root, TABLES)] == [path]


def test_what_a_writer_leaves_is_no_stray(lake: Lake) -> None:
    (folder(lake) / ".0123456789abcdef.tmp").touch()
    assert not list(strays(lake.root, TABLES))


@pytest.mark.parametrize("name", ["a[b]", "[0-9]*", "it's", "100%25", "two words", "åäö ?", "a{b,c}", "#x;y"])
def test_a_lake_can_be_anywhere(tmp_path: Path, name: str) -> None:
    lake = Lake(tmp_path / name / "lake")
    lake.write_days(SPOT_PRICES, "home", DAYS, prices(FIRST, LAST))
    rows = lake.read(SPOT_PRICES, "home")
    assert rows.height == 96 * len(DAYS)
    with run_query(lake, "SELECT count(*) FROM spot_prices") as result:
        assert list(result.rows()) == [(rows.height,)]
    copied("day=2026-01-01.bak")(lake)
    with run_query(lake, "SELECT count(*) FROM spot_prices") as result:
        assert list(result.rows()) == [(rows.height,)]


def test_sql_reaches_nothing_outside_a_lake_whose_name_is_a_pattern(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "a[b]" / "lake")
    lake.write_days(SPOT_PRICES, "home", DAYS, prices(FIRST, LAST))
    secret = tmp_path / "secret.csv"
    secret.write_text("x\n1\n", encoding="utf-8")
    for path in (secret, lake.root / "../../secret.csv", f"{escape(str(lake.root))}/../../secret.csv"):
        with pytest.raises(QueryError), run_query(lake, f"SELECT * FROM read_csv('{path}')") as result:  # noqa: S608 - a test
            list(result.rows())


def replaced(lake: Lake, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Path:
    """Change a day's file behind the lake's back."""
    path = lake.path(SPOT_PRICES, "home", FIRST)
    change(pl.read_parquet(path)).write_parquet(path)
    return path


def test_rows_of_another_site_or_day_are_left_out(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    before = lake.read(SPOT_PRICES, "home")
    other_day = lake.read(SPOT_PRICES, "home", LAST, LAST).with_columns(price=pl.lit(99.0))
    other_site = lake.read(SPOT_PRICES, "home", FIRST, FIRST).with_columns(site=pl.lit("other"))
    path = replaced(lake, lambda own: pl.concat([own, other_day, other_site]))
    caplog.set_level(logging.WARNING)
    assert lake.read(SPOT_PRICES, "home").equals(before)
    assert str(path) in caplog.text
    with run_query(lake, "SELECT max(price) FROM spot_prices WHERE slot_start >= '2026-01-02 23:00:00+00'") as result:
        assert list(result.rows()) != [(99.0,)]


def test_doubled_rows_are_read_once(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    before = lake.read(SPOT_PRICES, "home")
    replaced(lake, lambda own: pl.concat([own.with_columns(price=pl.lit(99.0)), own]))
    assert lake.read(SPOT_PRICES, "home").equals(before)
    assert "96 doubled ones" in caplog.text


def test_a_file_that_does_not_fit_its_table_is_named(lake: Lake) -> None:
    path = replaced(lake, lambda own: own.with_columns(price=pl.lit("dear")))
    with pytest.raises(LakeUnreadableError) as unfit:
        lake.read(SPOT_PRICES, "home")
    assert str(path) in unfit.value.message
    assert unfit.value.table == "spot_prices"
