"""A state folder of its own with one bench home in it, driven through the `darkstar` command as a person does."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from benchmarks.homes.batteries import LARGE
from benchmarks.homes.bench_homes import BenchHomes, Pair

BATTERY = ("--battery-kwh", f"{LARGE.capacity_kwh:g}", "--battery-kw", f"{LARGE.power_kw:g}")
POLL_SECONDS = 0.05


class CommandFailedError(Exception):
    """A `darkstar` command ended with another code than 0."""


@dataclass(frozen=True)
class Finished:
    """A finished command.

    Attributes:
        answer: its JSON document.
        seconds: wall time [s].
        processor_seconds: processor time of its process tree [s].
        peak_bytes: peak memory of its process tree [bytes].
    """

    answer: dict[str, Any]
    seconds: float
    processor_seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class FreshHome:
    """A folder with a configuration, and the state of one site."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command in a process group of its own, its answer and its log going to files of the folder."""
        command = [sys.executable, "-P", "-m", "darkstar_pipeline.cli", *arguments, "--json"]
        with (self.folder / "answer.json").open("w") as answer, (self.folder / "log.txt").open("a") as log:
            return subprocess.Popen(  # noqa: S603 - our own command
                command,
                stdout=answer,
                stderr=log,
                cwd=self.folder,
                env=self._environment(),
                start_new_session=True,
                text=True,
            )

    def run(self, *arguments: str) -> Finished:
        """Run a command to its end.

        Raises:
            CommandFailedError: it did not end with 0.
        """
        begin, used = time.perf_counter(), _children_seconds()
        process = self.start(*arguments)
        peak = 0
        while process.poll() is None:
            peak = max(peak, tree_bytes(process.pid))
            time.sleep(POLL_SECONDS)
        seconds = time.perf_counter() - begin
        answer = (self.folder / "answer.json").read_text()
        if process.returncode != 0:
            message = f"darkstar {' '.join(arguments)} ended with {process.returncode}: {answer}"
            raise CommandFailedError(message)
        return Finished(json.loads(answer), seconds, _children_seconds() - used, peak)

    def attempt(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run a command that may fail, and return its exit code and its document."""
        code = self.start(*arguments).wait()
        return code, json.loads((self.folder / "answer.json").read_text())

    def copy_to(self, folder: Path) -> "FreshHome":
        """Copy the home to another folder and return the copy."""
        shutil.copytree(self.folder, folder)
        return FreshHome(folder)

    def _environment(self) -> dict[str, str]:
        paths = {"DARKSTAR_HOME": str(self.state), "DARKSTAR_CONFIG": str(self.folder / "darkstar.yaml")}
        kept = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
        return {**kept, **paths}


def _children_seconds() -> float:
    """Return the processor time of all processes that this one has waited for [s]."""
    used = os.times()
    return used.children_user + used.children_system


def tree_bytes(pid: int) -> int:
    """Return the memory of a process and all below it; pages shared between them count in each [bytes]."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in family:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


@contextmanager
def fresh_home(homes: BenchHomes, pair: Pair) -> Iterator[FreshHome]:
    """Make a folder with a configuration for the large battery and the home's tidy files beside it."""
    home, area = pair
    with TemporaryDirectory(prefix="darkstar-bench-") as name:
        fresh = FreshHome(Path(name))
        homes.readings(home).write_parquet(fresh.folder / "observations.parquet")
        homes.prices(area).write_parquet(fresh.folder / "prices.parquet")
        fresh.run("init", "--site", "bench", "--area", area, *BATTERY, "--yes")
        yield fresh


def import_everything(fresh: FreshHome, area: str) -> list[Finished]:
    """Import the home's readings and prices."""
    return [
        fresh.run("import", "observations", "observations.parquet"),
        fresh.run("import", "prices", "prices.parquet", "--area", area),
    ]
