"""Writes are atomic, and leftovers of a killed writer are removed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from planner.artifacts import atomic_files
from planner.artifacts.atomic_files import LEFTOVER_SECONDS, atomic_file, atomic_folder, exchange, sweep_leftovers

KILLED = """
import os, signal, sys
from pathlib import Path
from planner.artifacts.atomic_files import atomic_file, atomic_folder
write = {"file": atomic_file, "folder": atomic_folder}[sys.argv[2]]
with write(Path(sys.argv[1])) as temporary:
    (temporary if sys.argv[2] == "file" else temporary / "a").write_text("ne")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def age(path: Path, seconds: float) -> None:
    stamp = time.time() - seconds
    os.utime(path, (stamp, stamp))


def test_file_is_the_old_one_when_its_writer_fails(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write_half() -> None:
        with atomic_file(target) as temporary:
            temporary.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert target.read_text() == "old"
    assert names(tmp_path) == {"a.txt"}


def test_folder_is_the_old_one_when_its_writer_fails(tmp_path: Path) -> None:
    target = tmp_path / "v1"
    target.mkdir()
    (target / "a").write_text("old")

    def write_half() -> None:
        with atomic_folder(target) as temporary:
            (temporary / "a").write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert (target / "a").read_text() == "old"
    assert names(tmp_path) == {"v1"}


@pytest.mark.parametrize("can_exchange", [True, False], ids=["exchanged", "renamed"])
def test_folder_replaces_the_old_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(atomic_files, "exchange", lambda *_: False)
    target = tmp_path / "v1"
    for content in ("first", "second"):
        with atomic_folder(target) as temporary:
            (temporary / content).write_text(content)
    assert names(target) == {"second"}
    assert names(tmp_path) == {"v1"}


def test_exchange_changes_nothing_when_one_of_the_two_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert not exchange(tmp_path / "a", tmp_path / "b")
    assert names(tmp_path) == {"a"}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_leftover_of_a_killed_writer_is_swept_by_the_next_one_when_it_is_old(
    tmp_path: Path, root: Path, kind: str
) -> None:
    words = [str(tmp_path / "target"), kind]
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], cwd=root, check=False)
    assert killed.returncode == -signal.SIGKILL
    (leftover,) = tmp_path.iterdir()
    with atomic_file(tmp_path / "other") as temporary:
        temporary.write_text("whole")
    assert leftover.exists(), "it may still be written to"
    age(leftover, LEFTOVER_SECONDS + 60)
    with atomic_file(tmp_path / "other") as temporary:
        temporary.write_text("again")
    assert names(tmp_path) == {"other"}


def test_other_files_stay_when_leftovers_are_swept(tmp_path: Path) -> None:
    for name in ("notes.tmp", ".hidden.tmp", ".0123456789abcdef.txt", "0123456789abcdef.tmp"):
        (tmp_path / name).touch()
        age(tmp_path / name, LEFTOVER_SECONDS + 60)
    assert sweep_leftovers(tmp_path) == 0
    assert sweep_leftovers(tmp_path / "nothing") == 0
