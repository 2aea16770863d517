"""One home is steered by one service."""

from pathlib import Path

import pytest

from darkstar_pipeline.commands.serve import hold_serving_lock, serving_lock
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.state.file_lock import hold_lock, is_locked
from tests.builders.command_line import Darkstar, run_darkstar


def test_service_refuses_to_start_when_another_steers_the_home(home: Path, darkstar: Darkstar) -> None:
    assert darkstar("init", "--yes").code == 0
    with hold_lock(serving_lock(home / "state", "home")):
        done = run_darkstar(home, "serve", "--port", "8499", "--json")
    assert (done.code, done.error["code"]) == (2, "configuration")
    assert "runs on" in done.error["message"]
    assert "--at" in done.error["hint"]


def test_lock_is_held_while_a_service_runs_and_by_no_trial(tmp_path: Path) -> None:
    lock = serving_lock(tmp_path, "home")
    with hold_serving_lock(lock, trial=False):
        assert is_locked(lock)
        with hold_serving_lock(lock, trial=True):
            pass
        with pytest.raises(ConfigurationError), hold_serving_lock(lock, trial=False):
            pass
    assert not is_locked(lock)


def test_service_runs_without_a_lock_when_the_disk_takes_none(tmp_path: Path) -> None:
    (tmp_path / "service").write_text("a file where a folder should be")
    lock = serving_lock(tmp_path, "home")
    with hold_serving_lock(lock, trial=False):
        assert not lock.exists()
    error = OSError("an error of the service itself")  # only those of the lock are passed over
    with pytest.raises(OSError, match="of the service"), hold_serving_lock(lock, trial=False):
        raise error
