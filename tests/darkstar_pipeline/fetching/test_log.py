import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.log import DAMAGED_FILE, KEPT, LONGEST_PEACE, Fetch, FetchLog

AT = datetime(2026, 1, 31, 12, 15, tzinfo=UTC)
DAYS = (date(2026, 2, 1), date(2026, 2, 1))


def stored(source: str, at: datetime) -> Fetch:
    return Fetch(
        site="home", kind="prices", source=source, asked_at=at, first_day=DAYS[0], last_day=DAYS[1], outcome="stored",
        rows=96, sha256="ab", published_at=at,
    )  # fmt: skip


def test_an_entry_comes_back_as_it_was(tmp_path: Path):
    log = FetchLog(tmp_path)
    assert log.entries("home") == []
    log.add(stored("nordpool", AT))
    assert log.entries("home") == [stored("nordpool", AT)]
    assert log.entries("cabin") == log.entries("home", "weather") == []


def test_the_state_of_a_source_is_its_last_success_and_the_failures_since(tmp_path: Path):
    log = FetchLog(tmp_path)
    log.add(stored("nordpool", AT))
    for hours in (1, 2):
        error = FetchError("nordpool", "unreachable", "it has a fault of its own (503)")
        log.failed("home", "prices", error, asked_at=AT + timedelta(hours=hours), days=DAYS)
    log.failed("home", "prices", FetchError("entsoe", "refused", "no token"), asked_at=AT)
    entsoe, nordpool = log.states("home", "prices")
    assert (nordpool.failures, nordpool.succeeded_at) == (2, AT)
    assert (nordpool.last.cause, nordpool.last.reason) == ("unreachable", "it has a fault of its own (503)")
    assert nordpool.last.remedy
    assert (entsoe.failures, entsoe.succeeded_at) == (1, None)


def test_what_is_long_past_is_forgotten(tmp_path: Path):
    log = FetchLog(tmp_path)
    log.add(stored("nordpool", AT))
    log.add(stored("nordpool", AT + KEPT + timedelta(seconds=1)))
    assert len(log.entries("home")) == 1


@pytest.mark.parametrize("broken", [b"not a database " * 200, None])
def test_a_damaged_log_is_put_aside_and_the_next_one_begins(
    tmp_path: Path, broken: bytes | None, caplog: pytest.LogCaptureFixture
):
    log = FetchLog(tmp_path)
    for hours in range(5):  # several pages of the database
        log.add(replace(stored("nordpool", AT + timedelta(hours=hours)), reason="x" * 3000))
    whole = log.path.read_bytes()
    log.path.write_bytes(broken or whole[:4096] + b"\xff" * (len(whole) - 4096))
    assert log.entries("home") == []
    assert log.path.with_name(DAMAGED_FILE).exists()
    assert "was put aside" in caplog.text
    log.add(stored("nordpool", AT))
    assert log.entries("home") == [stored("nordpool", AT)]


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path):
    log = FetchLog(tmp_path)
    log.path.mkdir(parents=True)
    with pytest.raises(ConfigurationError, match=r"log\.sqlite"):
        log.add(stored("nordpool", AT))


def test_a_source_that_wants_peace_is_left_alone_by_every_home_until_then(tmp_path: Path):
    log = FetchLog(tmp_path)
    assert log.left_alone("prices", AT) == {}
    log.failed("home", "prices", FetchError("nordpool", "refused", "429", retry_after=900), asked_at=AT)
    log.failed("home", "prices", FetchError("entsoe", "refused", "429", retry_after=1e9), asked_at=AT)
    log.failed("home", "prices", FetchError("tibber", "refused", "429", retry_after=1e20), asked_at=AT)
    log.failed("home", "prices", FetchError("awattar", "refused", "429", retry_after=math.inf), asked_at=AT)
    log.failed("home", "prices", FetchError("elering", "unreachable", "503"), asked_at=AT)
    until = AT + timedelta(minutes=15)
    longest = dict.fromkeys(("entsoe", "tibber", "awattar"), AT + LONGEST_PEACE)
    assert log.left_alone("prices", AT) == {"nordpool": until, **longest}
    assert "nordpool" not in log.left_alone("prices", until)
    assert log.left_alone("weather", AT) == {}
    assert log.left_alone("prices", AT - timedelta(hours=1)) == {}, "asked by a clock that was ahead"


def test_a_log_of_an_earlier_version_is_read_and_written(tmp_path: Path):
    log = FetchLog(tmp_path)
    log.add(stored("nordpool", AT))
    with closing(sqlite3.connect(log.path)) as connection, connection:
        connection.execute("ALTER TABLE fetches DROP COLUMN wants_peace_until_at")
    assert FetchLog(tmp_path).left_alone("prices", AT) == {}
    log.failed("home", "prices", FetchError("nordpool", "refused", "429", retry_after=900), asked_at=AT)
    assert [entry.source for entry in log.entries("home")] == ["nordpool"] * 2
