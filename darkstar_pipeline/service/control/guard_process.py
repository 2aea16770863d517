"""Has a live guard stand on a folder: one that runs apart where there is one, else a child of the service."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from darkstar_pipeline.service.control.guard import LOG_FILE
from darkstar_pipeline.service.control.guard_status import GuardStatus, hanging_guard, live_guard
from darkstar_pipeline.service.home_assistant.lease import look_at_lease, uptime_seconds
from darkstar_pipeline.service.schemas.health import Component

FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 120.0
"""Pause before a guard that ended is started again [s]: it doubles from the first to the longest."""
STARTING_SECONDS = 20.0
"""Time within which a started guard has to give its first sign [s]; it takes one on a fast machine."""
_LOOK_SECONDS = 0.05
_log = logging.getLogger(__name__)


class Process(Protocol):
    """A process that was started; `subprocess.Popen` is the real one."""

    def poll(self) -> int | None:
        """Return the exit status; None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended."""
        ...

    def kill(self) -> None:
        """Kill it."""
        ...


class GuardProcess:
    """Has a live guard stand on a folder.

    Args:
        folder: folder of the lease file.
        start: starts a guard on a folder.
        live: returns the status of the live guard of a folder; None where none lives.
        uptime: uptime of the machine [s].
        patience_seconds: how long a guard that was just started is waited for [s].
    """

    def __init__(
        self,
        folder: Path,
        *,
        start: Callable[[Path], Process] | None = None,
        live: Callable[[Path], GuardStatus | None] = live_guard,
        uptime: Callable[[], float] = uptime_seconds,
        patience_seconds: float = 5.0,
    ) -> None:
        self._folder, self._start, self._live, self._uptime = folder, start or start_guard, live, uptime
        self._patience = patience_seconds
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._started_at = self._next_start = 0.0
        self._pause = FIRST_PAUSE_SECONDS
        self._problem = ""
        self._wanted = False

    def ensure(self) -> bool:
        """Have a live guard; start one where none lives and the pause after the last one is over.

        Returns:
            Whether one lives now.

        Raises:
            OSError: no process can be started.
        """
        with self._lock:
            self._wanted = True
            if self._lives():
                return True
            now = self._uptime()
            if self._is_starting(now) or now < self._next_start:
                return False
            return self._launched(now)

    def _lives(self) -> bool:
        if self._live(self._folder) is None:
            return False
        self._problem = ""
        if self._uptime() - self._started_at > LONGEST_PAUSE_SECONDS:
            self._pause = FIRST_PAUSE_SECONDS
        return True

    def _is_starting(self, now: float) -> bool:
        """Return whether our guard may still give its first sign; kill one that hangs."""
        if self._process is None:
            return False
        status = self._process.poll()
        if status is not None:
            self._problem = f"the guard ended (exit status {status}); see {LOG_FILE}"
        elif now - self._started_at < STARTING_SECONDS:
            self._problem = "the guard is starting"
            return True
        else:
            self._problem = "the guard hung and was killed"
            _killed(self._process)
        return False

    def _launched(self, now: float) -> bool:
        """Start a guard and wait a little for its first sign; return whether it gave one."""
        _log.warning("starting a guard of the lease: %s", self._problem or "none runs apart from the service")
        self._started_at, self._next_start = now, now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        self._process = self._start(self._folder)
        deadline = time.monotonic() + self._patience
        while not self._lives():
            if self._process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def dismiss(self, timeout: float) -> bool:
        """Wait for the guard that ends with its lease, which was released.

        Args:
            timeout: longest wait [s]; one of ours that has not ended then is killed.

        Returns:
            Whether it ended in time.
        """
        deadline = time.monotonic() + timeout
        ended = True
        while (status := self._live(self._folder)) is not None and not status.stays:
            if time.monotonic() > deadline:
                ended = False
                break
            time.sleep(_LOOK_SECONDS)
        with self._lock:
            process, self._process = self._process, None
            self._problem, self._wanted = "", False
            self._pause, self._next_start = FIRST_PAUSE_SECONDS, 0.0
        if process is not None:
            try:
                process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _killed(process)
                return False
        return ended

    def components(self) -> list[Component]:
        """Return the guard as a component of the service; empty where none is needed and none is there."""
        status = self._live(self._folder)
        reading = look_at_lease(self._folder)
        if status is None and not (self._wanted or reading.outstanding or reading.problem):
            return []
        age = None if status is None else round(max(0.0, status.age(self._uptime())), 1)
        if status is None:
            return [_component(ok=False, note=self._problem or "no guard watches the lease", age=age)]
        problem = status.problem or reading.problem or self._hanging()
        where = "apart from the service" if status.stays else "started by the service"
        return [_component(ok=not problem, note=problem or f"watches, {where}; lease: {status.lease}", age=age)]

    def _hanging(self) -> str:
        """Return that one guard hangs and another looks in its stead; empty where none does."""
        status = hanging_guard(self._folder, self._uptime)
        if status is None:
            return ""
        quiet = f"a guard has given no sign for {status.age(self._uptime()):.0f} s and hangs"
        return f"{quiet}; another looks in its stead: start it again"


def _killed(process: Process) -> None:
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1.0)


def _component(*, ok: bool, note: str, age: float | None) -> Component:
    return Component(name="guard", ok=ok, note=note, age_seconds=age)


def start_guard(folder: Path) -> "subprocess.Popen[bytes]":
    """Start a guard on a folder, in a session of its own, so that what ends the service's group does not end it.

    Raises:
        OSError: the process cannot be started, or its log cannot be opened.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG_FILE).open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own command, no shell
            [sys.executable, "-P", "-m", "darkstar_pipeline.service.control.guard", str(folder.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=dict(os.environ),
            start_new_session=True,
            cwd=_here() or folder,
        )


def _here() -> Path | None:
    """Return the working directory, from which an old lease may name its token file; None where it was removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None
