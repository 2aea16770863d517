"""Shared by the tests of commands: working directories, empty and lived in, and `darkstar` run in this process."""

import shutil
from pathlib import Path

import pytest

from darkstar_pipeline.console.call import run
from tests.builders.command_line import Darkstar, Outcome, command_line, move_into, run_darkstar
from tests.builders.shared_folders import filled_once, guard_shared


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with its own configuration and state folder."""
    move_into(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture(scope="session")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with the sample and three of its days: a clean one, a refused one, the spring change."""
    return guard_shared("lived_in", filled_once(tmp_path_factory, "sample", live_in))


def live_in(folder: Path) -> None:
    """Make the sample and materialise its days."""
    assert run_darkstar(folder, "sample").code == 0
    results = "*oracle_daily_results,*policy_daily_results"  # the verdict would make an MLflow store: 4 s
    for first, last in (("2024-03-04", "2024-03-05"), ("2024-03-31", "2024-03-31")):
        done = run_darkstar(folder, "backfill", "--from", first, "--to", last, "--select", results, "--json")
        assert done.code == 0, done.err + done.out


@pytest.fixture
def in_sample(lived_in: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same directory as the place where `darkstar` is called; tests leave its lake as it is."""
    move_into(lived_in, monkeypatch)
    return lived_in


@pytest.fixture
def in_copy_of_sample(lived_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the same directory, for calls that write."""
    folder = Path(shutil.copytree(lived_in, tmp_path / "sample"))
    move_into(folder, monkeypatch)
    return folder


@pytest.fixture
def darkstar(capsys: pytest.CaptureFixture[str]) -> Darkstar:
    """`darkstar` with these words, in this process; `home` or `in_sample` say where."""

    def call(*words: str) -> Outcome:
        capsys.readouterr()
        code = run(command_line(), words)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call
