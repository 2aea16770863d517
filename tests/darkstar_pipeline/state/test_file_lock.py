"""A lock is held for as long as its process lives, and not a moment longer."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from darkstar_pipeline.state.file_lock import hold_lock, is_locked
from tests.builders.waiting import until

HOLD = """
import sys, time
from pathlib import Path
from darkstar_pipeline.state.file_lock import hold_lock
with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_lock_is_not_held_when_nobody_ever_took_it(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "lock")
    assert not (tmp_path / "lock").exists()


def test_lock_is_held_inside_the_block_only(tmp_path: Path) -> None:
    with hold_lock(tmp_path / "deep" / "lock"):
        assert is_locked(tmp_path / "deep" / "lock")
    assert not is_locked(tmp_path / "deep" / "lock")


def test_lock_is_let_go_when_its_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert is_locked(path)
        process.kill()
        process.wait()
        assert not is_locked(path)


def test_long_wait_says_who_holds_the_lock(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darkstar_pipeline.state.file_lock.WAIT_TOLD_SECONDS", 0.1)
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        waiting = threading.Thread(target=_take, args=(path,))
        waiting.start()
        until(lambda: bool(caplog.messages), "somebody says who holds the lock")
        process.kill()
        waiting.join(20)
    assert not waiting.is_alive()
    assert f"waiting for process {process.pid} (" in caplog.messages[0] or "another process" in caplog.messages[0]


def _take(path: Path) -> None:
    with hold_lock(path):
        pass
