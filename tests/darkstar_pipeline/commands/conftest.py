"""What the tests of commands share: a state folder of their own, and `darkstar` run in this process."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from darkstar_pipeline.cli import build
from darkstar_pipeline.commands.console import run


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        """What a JSON error document says."""
        return self.document["error"]


Darkstar = Callable[..., Outcome]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with its own configuration and state folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DARKSTAR_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "darkstar.yaml"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return tmp_path


@pytest.fixture
def darkstar(home: Path, capsys: pytest.CaptureFixture[str]) -> Darkstar:
    """`darkstar` with these words, in the empty working directory."""
    assert home.is_dir()

    def call(*words: str) -> Outcome:
        capsys.readouterr()
        code = run(build(), words)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call
