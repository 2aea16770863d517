"""`darkstar` in tests: what a call left behind, and the installed program in a folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer
from pytest import MonkeyPatch  # noqa: PT013 - a type, as in the signatures of fixtures

from darkstar_pipeline.cli import build

PROGRAM = Path(sys.executable).with_name("darkstar")


@dataclass(frozen=True)
class Outcome:
    """The outcome of a command: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        """The error of a JSON document."""
        return self.document["error"]


Darkstar = Callable[..., Outcome]


class Terminal:
    """A person at the keyboard who types these lines."""

    def __init__(self, *lines: str) -> None:
        self._lines = list(lines)

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError

    def readline(self, _size: int = -1) -> str:
        return self._lines.pop(0) + "\n"


def environment(folder: Path) -> dict[str, str]:
    """The environment of a working directory with its own configuration and state folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "MLFLOW"))}
    return {**inherited, "DARKSTAR_HOME": str(folder / "state"), "DARKSTAR_CONFIG": str(folder / "darkstar.yaml")}


def move_into(folder: Path, monkeypatch: MonkeyPatch) -> None:
    """Have every call work in a folder."""
    monkeypatch.chdir(folder)
    for name in ("DARKSTAR_HOME", "DARKSTAR_CONFIG"):
        monkeypatch.setenv(name, environment(folder)[name])
    for name in ("MLFLOW_TRACKING_URI", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)


@cache
def command_line() -> Callable[..., Any]:
    """`darkstar` for `run`, made once: typer takes 0.07 s for it, whatever the call."""
    return typer.main.get_command(build())


def run_darkstar(folder: Path, *words: str) -> Outcome:
    """The installed program with these words, in a folder."""
    done = subprocess.run(
        [PROGRAM, *words], cwd=folder, env=environment(folder), capture_output=True, text=True, check=False, timeout=300
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
