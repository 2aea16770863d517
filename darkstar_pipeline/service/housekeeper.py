"""Has retention applied to the state folder once a day, in a process of its own that is in nobody's way."""

import logging
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.retention.apart import EVERY, MOST_SECONDS, is_due, start_retention
from darkstar_pipeline.retention.cleaning import last_cleaning
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.periodic import PeriodicCheck
from darkstar_pipeline.service.schemas.health import Component

FIRST_SECONDS = 600.0
"""Wait after the start, which has better things to do [s]."""
LOOK_SECONDS = 600.0
_log = logging.getLogger(__name__)


class Process(Protocol):
    """A process that was started; `subprocess.Popen` is the real one."""

    def poll(self) -> int | None:
        """Return the exit status; None while it runs."""
        ...

    def kill(self) -> None:
        """Kill it."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended."""
        ...


class Housekeeper:
    """Has retention applied once a day.

    Args:
        home: the state folder.
        settings: returns the configuration as it is now.
        clock: the service's clock.
        start: starts the process that applies retention.
    """

    def __init__(
        self,
        home: Path,
        settings: Callable[[], Settings],
        clock: Clock,
        *,
        start: Callable[[Path], Process] | None = None,
    ) -> None:
        self._home, self._settings, self._clock, self._start = home, settings, clock, start or start_retention
        self._periodic = PeriodicCheck(
            self.check, name="housekeeper", first_seconds=FIRST_SECONDS, seconds=LOOK_SECONDS
        )
        self._process: Process | None = None
        self._started: datetime | None = None
        self._began = 0.0
        self._problem = ""

    def start(self) -> None:
        """Start looking, in a thread of its own."""
        self._periodic.start()

    def stop(self) -> None:
        """Stop looking, and kill a process that is at work: it can be killed at any moment."""
        self._periodic.stop(timeout=10)
        if self._process is not None and self._process.poll() is None:
            _end(self._process)

    def check(self) -> None:
        """Look after the process, and start one where a day has gone by."""
        if self._process is not None:
            self._look_after(self._process)
        if self._process is None and self._settings().retention.automatic and self._is_due():
            self._started, self._began = self._clock.now(), self._clock.monotonic()
            try:
                self._process = self._start(self._home)
            except OSError as error:
                self._problem = f"retention cannot be started: {error.strerror or error}"

    def status(self) -> Component:
        """Return the state as a component of the service."""
        if not self._settings().retention.automatic:
            return Component(name="retention", ok=True, note="retention.automatic is off: run `darkstar clean`")
        last = last_cleaning(self._home)
        problems = [self._problem] if self._problem else list(() if last is None else last.problems)
        if problems:
            return Component(name="retention", ok=False, note="; ".join(problems))
        note = "not yet applied" if last is None else f"applied {last.at:%Y-%m-%d %H:%M} UTC"
        return Component(name="retention", ok=True, note=note)

    def _is_due(self) -> bool:
        """Return whether a day has gone by since it was applied, and since it was last tried."""
        now = self._clock.now()
        tried = self._started is not None and abs(now - self._started) < EVERY
        return not tried and is_due(self._home, now)

    def _look_after(self, process: Process) -> None:
        """Note how the process ended; kill one that takes too long."""
        code = process.poll()
        if code is None:
            if self._clock.monotonic() - self._began > MOST_SECONDS:
                _end(process)
                self._process, self._problem = None, f"retention took more than {MOST_SECONDS:.0f} s and was killed"
            return
        self._process = None
        self._problem = "" if code == 0 else f"retention ended with {code}: run `darkstar clean` to see why"
        if self._problem:
            _log.warning("%s", self._problem)


def _end(process: Process) -> None:
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)
