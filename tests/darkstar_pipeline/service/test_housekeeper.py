from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.retention.apart import MOST_SECONDS, apply_where_due, is_due
from darkstar_pipeline.retention.cleaning import LOCK, clean, last_cleaning
from darkstar_pipeline.service.housekeeper import Housekeeper
from darkstar_pipeline.state.file_lock import hold_lock
from tests.builders.service_home import HandClock

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


class Scripted:
    """A process that ends when it is told to."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.killed = False

    def poll(self) -> int | None:
        return self.code

    def kill(self) -> None:
        self.killed, self.code = True, -9

    def wait(self, timeout: float | None = None) -> int:
        del timeout
        return self.code or 0


def a_state(home: Path, *, automatic: bool = True) -> Settings:
    settings = Settings.model_validate({"sites": {"home": {}}, "retention": {"automatic": automatic}})
    clean(home, settings, now=NOW - timedelta(days=2))
    return settings


def test_retention_is_applied_once_a_day_by_a_process_that_may_fail(tmp_path: Path) -> None:
    settings, clock, started = a_state(tmp_path), HandClock(at=NOW), list[Scripted]()

    def start(_: Path) -> Scripted:
        started.append(Scripted())
        return started[-1]

    keeper = Housekeeper(tmp_path, lambda: settings, clock, start=start)
    keeper.check()
    keeper.check()
    assert len(started) == 1, "one at a time"
    started[0].code = 3
    keeper.check()
    assert not keeper.status().ok
    assert len(started) == 1, "it is not tried again at once"
    clock.at += timedelta(days=1, minutes=1)
    keeper.check()
    clean(tmp_path, settings, now=clock.at)
    started[1].code = 0
    keeper.check()
    assert keeper.status().ok
    assert keeper.status().note == "applied 2026-11-30 12:01 UTC"
    clock.at += timedelta(days=1)
    keeper.check()
    clock.seconds += MOST_SECONDS + 1
    keeper.check()
    assert started[2].killed
    assert "was killed" in keeper.status().note


def test_retention_that_is_off_or_cannot_be_started_is_told(tmp_path: Path) -> None:
    settings = a_state(tmp_path, automatic=False)

    def start(_: Path) -> Scripted:
        raise OSError(12, "Cannot allocate memory")

    keeper = Housekeeper(tmp_path, lambda: settings, HandClock(at=NOW), start=start)
    keeper.check()
    assert "darkstar clean" in keeper.status().note
    on = Housekeeper(tmp_path, lambda: a_state(tmp_path), HandClock(at=NOW), start=start)
    on.check()
    assert "Cannot allocate memory" in on.status().note
    on.stop()


def test_a_new_state_folder_and_a_clock_that_came_back_are_reckoned_with(tmp_path: Path) -> None:
    assert not is_due(tmp_path, NOW), "there is nothing"
    (tmp_path / "state.json").write_text('{"version": 1}')
    made = datetime.now(UTC)
    assert not is_due(tmp_path, made)
    assert is_due(tmp_path, made + timedelta(days=2))
    clean(tmp_path, Settings(), now=NOW + timedelta(days=900))
    assert is_due(tmp_path, NOW), "the clock was ahead"


@pytest.mark.slow
def test_the_process_cleans_unless_another_is_at_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_state(tmp_path)
    (tmp_path / "state.json").write_text('{"version": 1}')
    configuration = tmp_path / "darkstar.yaml"
    configuration.write_text("sites: {home: {}}")
    monkeypatch.setenv("DARKSTAR_CONFIG", str(configuration))
    plans = tmp_path / "service" / "home" / "plans"
    for day in ("2020-01-01", "2020-01-02", "2020-01-03"):
        (plans / day).mkdir(parents=True)
    with hold_lock(tmp_path / LOCK):
        assert apply_where_due(tmp_path) == ""
    assert len(list(plans.iterdir())) == 3
    assert apply_where_due(tmp_path) == ""
    assert len(list(plans.iterdir())) == 2
    last = last_cleaning(tmp_path)
    assert last is not None
    assert datetime.now(UTC) - last.at < timedelta(minutes=5)
    assert apply_where_due(tmp_path) == "", "not a day has gone by"


def test_a_configuration_with_a_slip_ends_the_process_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from darkstar_pipeline.retention import __main__ as program

    monkeypatch.setattr(program.os, "nice", lambda _: None)
    monkeypatch.setattr(program, "keep_files_private", lambda: None)
    monkeypatch.setenv("DARKSTAR_HOME", str(tmp_path))
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "none.yaml"))
    assert program.main() == 2
    assert "no configuration" in caplog.text
