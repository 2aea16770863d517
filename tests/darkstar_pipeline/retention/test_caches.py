"""Caches: listed with their bytes, emptied beside a writer, also where one is damaged; nothing else goes."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from darkstar_pipeline.retention.caches import caches, clear_caches
from darkstar_pipeline.state.folder_names import CACHE_FILE, FETCHING_FOLDER


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / FETCHING_FOLDER
    folder.mkdir()
    with closing(sqlite3.connect(folder / CACHE_FILE)) as database, database:
        database.execute("CREATE TABLE entries (body BLOB)")
        database.execute("INSERT INTO entries VALUES (zeroblob(400000))")
    return folder / CACHE_FILE


def test_rows_of_the_cache_go_and_its_file_stays_for_who_has_it_open(tmp_path: Path, cache: Path) -> None:
    assert caches(tmp_path)[0].size > 400_000
    with closing(sqlite3.connect(cache)) as reader:
        cleared = clear_caches(tmp_path)
        assert reader.execute("SELECT count(*) FROM entries").fetchone() == (0,)
    assert cleared[0].size > 390_000
    assert not any(each.problem for each in cleared)


def test_a_damaged_cache_goes_as_a_whole(tmp_path: Path, cache: Path) -> None:
    cache.write_bytes(b"no database" * 1000)
    cleared = clear_caches(tmp_path)
    assert (cleared[0].size, cleared[0].problem) == (11_000, "")
    assert not cache.exists()


def test_a_cache_that_is_being_written_stays_and_is_said(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darkstar_pipeline.retention.caches.LOCKED_SECONDS", 0.0)
    with closing(sqlite3.connect(cache, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        cleared = clear_caches(tmp_path)
    assert "locked" in cleared[0].problem
    assert cleared[0].size == 0


def test_what_killed_writers_left_goes_and_nothing_else(tmp_path: Path) -> None:
    old, young, own = (tmp_path / name for name in (f".{'a' * 16}.tmp", f".{'b' * 16}.tmp", "readings.parquet"))
    for path in (old, young, own):
        path.write_bytes(b"x" * 100)
    os.utime(old, (0, 0))
    os.utime(own, (0, 0))
    assert caches(tmp_path)[1].size == 100
    assert clear_caches(tmp_path)[1].size == 100
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([young.name, own.name])
    assert [each.size for each in caches(tmp_path)] == [0, 0]
