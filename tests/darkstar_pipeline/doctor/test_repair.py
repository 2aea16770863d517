"""What lies wrongly in the lake is found and named, and moved aside when asked for; nothing is deleted."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.context import LAKE_FOLDER
from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.lake_rows import check_rows, check_strays
from darkstar_pipeline.doctor.repair import repair_lake
from darkstar_pipeline.doctor.tables import check_tables
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import SPOT_PRICES
from tests.darkstar_pipeline.warehouse.test_lake import prices

NOW = datetime(2026, 4, 1, tzinfo=UTC)
DAYS = [date(2026, 1, 1), date(2026, 1, 2)]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(tmp_path / LAKE_FOLDER)
    made.write_days(SPOT_PRICES, "home", DAYS, prices(*DAYS))
    assert not check_rows(made.root).remedy
    assert not check_strays(made.root).remedy
    return made


def spoilt(lake: Lake, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Path:
    path = lake.path(SPOT_PRICES, "home", DAYS[0])
    change(pl.read_parquet(path)).write_parquet(path)
    return path


def test_strays_are_named_and_moved_aside(lake: Lake) -> None:
    day = lake.path(SPOT_PRICES, "home", DAYS[0]).parent
    stray = Path(shutil.copytree(day, day.with_name(f"{day.name}.bak")))
    finding = check_strays(lake.root)
    assert (finding.verdict, str(stray) in finding.detail) == (Verdict.WARN, True)
    (done,) = repair_lake(lake.root.parent, now=NOW)
    assert done.path == stray
    assert (Path(done.aside) / "part.parquet").is_file()
    assert not stray.exists()
    assert check_strays(lake.root).verdict is Verdict.OK


WRONG: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "doubled": lambda own: pl.concat([own, own.head(3)]),
    "other site": lambda own: pl.concat([own, own.head(3).with_columns(site=pl.lit("other"))]),
    "other day": lambda own: pl.concat([own, own.head(3).with_columns(local_day=pl.lit(DAYS[1]))]),
    "no day": lambda own: pl.concat([own, own.head(3).with_columns(local_day=pl.lit(None, dtype=pl.Date()))]),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_wrong_rows_are_named_and_taken_out(lake: Lake, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    before = lake.read(SPOT_PRICES, "home")
    path = spoilt(lake, change)
    finding = check_rows(lake.root)
    assert finding.verdict is Verdict.FAIL
    assert f"{path}: 3 rows" in finding.detail
    (done,) = repair_lake(lake.root.parent, now=NOW)
    assert pl.read_parquet(done.aside).height == 99
    assert pl.read_parquet(path).height == 96
    assert lake.read(SPOT_PRICES, "home").equals(before)
    assert check_rows(lake.root).verdict is Verdict.OK
    assert repair_lake(lake.root.parent, now=NOW) == []


def test_a_day_of_which_no_row_belongs_there_is_moved_aside(lake: Lake) -> None:
    path = spoilt(lake, lambda own: own.with_columns(site=pl.lit("other")))
    (done,) = repair_lake(lake.root.parent, now=NOW)
    assert Path(done.aside).is_file()
    assert not path.exists()
    assert lake.days(SPOT_PRICES, "home") == DAYS[1:]


@pytest.mark.parametrize("content", [b"", b"PAR1", None], ids=["empty", "cut", "text for a price"])
def test_a_day_that_cannot_be_read_is_named_and_moved_aside(lake: Lake, content: bytes | None) -> None:
    path = lake.path(SPOT_PRICES, "home", DAYS[0])
    if content is None:
        spoilt(lake, lambda own: own.with_columns(price=pl.lit("dear")))
    else:
        path.write_bytes(content)
    finding = check_tables(lake.root)
    assert finding.verdict is Verdict.FAIL
    assert str(path) in finding.detail
    assert [done.path for done in repair_lake(lake.root.parent, now=NOW)] == [path]
    assert check_tables(lake.root).verdict is Verdict.OK
    assert lake.read(SPOT_PRICES, "home").height == 96
