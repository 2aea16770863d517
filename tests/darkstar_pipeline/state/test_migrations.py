"""Upgrades: older state folders stay readable, newer ones are refused, and a killed migration is taken up again."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.ingest.merge import merge_into, stored_rows
from darkstar_pipeline.state.migrations import STATE_FILE, STATE_VERSION, migrate_state, read_state_version
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, ORACLE_DAILY_RESULTS, POLICY_DAILY_RESULTS, Table
from darkstar_pipeline.warehouse.views import open_warehouse
from tests.builders.small_home import small_settings

DAY = date(2025, 10, 26)
LATER_COLUMNS = {
    ORACLE_DAILY_RESULTS: ["writes"],  # releases of before 25 November 2026 did not count them
    POLICY_DAILY_RESULTS: ["writes"],
    METER_READINGS: ["ev_kwh", "water_kwh"],  # as if: every release so far had them
}
READ_AT = datetime(2025, 10, 27, tzinfo=UTC)
VALUES: dict[type[pl.DataType], object] = {
    pl.String: "home",
    pl.Float64: 1.5,
    pl.Int32: 15,
    pl.Boolean: True,
    pl.Date: DAY,
    pl.Datetime: datetime(2025, 10, 26, 10, tzinfo=UTC),
}


def write_old_day(lake: Lake, table: Table) -> pl.DataFrame:
    """A day file without the columns that came later, written past the lake's own checks."""
    row = {name: [VALUES[type(dtype)]] for name, dtype in table.schema.items() if name not in LATER_COLUMNS[table]}
    frame = pl.DataFrame(row, schema={name: table.schema[name] for name in row})
    path = lake.path(table, "home", DAY)
    path.parent.mkdir(parents=True)
    frame.write_parquet(path)
    return frame


@pytest.mark.parametrize("table", LATER_COLUMNS, ids=lambda table: table.name)
def test_old_day_files_stay_readable_when_columns_came_later(tmp_path: Path, table: Table) -> None:
    lake = Lake(tmp_path / "lake")
    written, later = write_old_day(lake, table), LATER_COLUMNS[table]
    assert set(later) <= set(table.schema)
    read = lake.read(table, "home", DAY, DAY)
    assert read.schema == table.schema
    assert read.select(written.columns).equals(written)
    assert all(read[name].null_count() == 1 for name in later)
    with open_warehouse(lake.root) as connection:
        seen = connection.table(table.name).pl()
    assert seen.columns == [*read.columns, *(column.name for column in table.optional)]
    assert all(seen[name].null_count() == 1 for name in later)


def test_new_readings_merge_into_an_old_day_when_columns_came_later(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    write_old_day(lake, METER_READINGS)
    new = pl.DataFrame({"slot_start": [VALUES[pl.Datetime]], "ev_kwh": [0.7], "native_minutes": [15]})
    rows = stored_rows(
        METER_READINGS, new, site_name="home", timezone=SiteSettings().timezone, source="new", now=READ_AT
    )
    merged = merge_into(lake, METER_READINGS, "home", rows)
    read = lake.read(METER_READINGS, "home", DAY, DAY)
    assert (merged.changed, read["load_kwh"].to_list(), read["ev_kwh"].to_list()) == (1, [1.5], [0.7])


def test_folder_is_marked_once_when_an_older_release_left_it_unmarked(tmp_path: Path) -> None:
    assert migrate_state(tmp_path / "absent") == 1
    assert not (tmp_path / "absent").exists()
    assert migrate_state(tmp_path) == 1
    assert not list(tmp_path.iterdir()), "an empty one stays so"
    (tmp_path / "lake").mkdir()
    assert migrate_state(tmp_path) == 1
    assert json.loads((tmp_path / STATE_FILE).read_text()) == {"version": STATE_VERSION}
    before = (tmp_path / STATE_FILE).stat().st_mtime_ns
    assert migrate_state(tmp_path) == STATE_VERSION
    assert (tmp_path / STATE_FILE).stat().st_mtime_ns == before


def test_context_is_refused_when_a_newer_release_made_the_folder(tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text('{"version": 99}')
    with pytest.raises(ConfigurationError, match="state version 99, this release knows up to 1"):
        open_context(settings=small_settings(), home=tmp_path)
    assert (tmp_path / STATE_FILE).read_text() == '{"version": 99}'


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": "1"}', '{"version": 0}', '{"version": true}', "\x00"])
def test_damaged_mark_is_reported_and_not_guessed_when_read(tmp_path: Path, text: str) -> None:
    (tmp_path / STATE_FILE).write_text(text)
    with pytest.raises(ConfigurationError, match="damaged"):
        migrate_state(tmp_path)


def test_migrations_run_in_order_and_again_when_one_was_killed(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    done: list[int] = []

    def first(home: Path) -> None:
        done.append(1)
        (home / "moved").mkdir(exist_ok=True)

    def second(_home: Path) -> None:
        done.append(2)
        if done.count(2) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate_state(tmp_path, migrations={1: first, 2: second}, newest=3)
    assert read_state_version(tmp_path) == 2
    assert migrate_state(tmp_path, migrations={1: first, 2: second}, newest=3) == 2
    assert (done, read_state_version(tmp_path)) == ([1, 2, 2], 3)
