"""The machines that a home's processes run on: plain processes, PID namespaces as containers have them.

Each process runs in a mount namespace of its own, whose `/etc/hosts` is a file of the home: so a name can stop being
resolved for that home alone. What does not belong here: a machine that systemd runs (`systemd_machine`).
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

PROGRAM = (sys.executable, "-P", "-m", "darkstar_pipeline.cli")
_HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"'
_AGAIN = 'mount --bind "$0" /etc/hosts; trap "exit 0" TERM; while :; do "$@"; sleep 2; done'
"""A small supervisor: starts a program again two seconds after it ended, as a container that is restarted always."""
STOP_SECONDS = 40.0


@dataclass(frozen=True)
class Programs:
    """The programs of a home, and their surroundings.

    Attributes:
        folder: folder of the home; its `hosts` stands for `/etc/hosts`, logs go beside it.
        variables: environment of both.
        serve: command of the service.
        guard: command of the guard that runs apart; empty where none does.
    """

    folder: Path
    variables: Mapping[str, str]
    serve: Sequence[str]
    guard: Sequence[str]

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment."""
        return {**os.environ, **self.variables}


class Machine(Protocol):
    """A machine of a home."""

    def start_guard(self) -> None:
        """Start the guard that runs apart."""
        ...

    def start_service(self, *arguments: str) -> None:
        """Start the service, with further arguments."""
        ...

    def kill_service(self) -> None:
        """Kill the service with everything that dies with it."""
        ...

    def stop_service(self) -> None:
        """Ask the service to stop and wait for its end."""
        ...

    def kill_machine(self) -> None:
        """Kill everything at once, as a power cut does."""
        ...

    def service_pids(self) -> list[int]:
        """Return the processes of the service; empty where it does not run."""
        ...

    def guard_pids(self) -> list[int]:
        """Return the processes of the guard that runs apart; empty where none does."""
        ...

    def crashes(self) -> list[str]:
        """Return what ended without having been ended, a sentence each."""
        ...

    def forgive(self) -> None:
        """Take it that the service was to end: a start that is refused is no crash."""
        ...

    def end_guard(self) -> None:
        """Kill the guard that runs apart."""
        ...

    def close(self) -> None:
        """Kill what is left and remove what the machine made."""
        ...


@dataclass
class _Running:
    """A process that was started, and whether we ended it."""

    name: str
    process: "subprocess.Popen[bytes]"
    ended: bool = False


@dataclass
class ProcessMachine:
    """Service and guard as processes, each in a session of its own.

    Attributes:
        programs: what it runs.
        contained: whether each runs as process 1 of a PID namespace, the guard under a small supervisor.
        together: whether a contained service has the guard that it starts in its own namespace, and none runs apart.
    """

    programs: Programs
    contained: bool = False
    together: bool = False
    _service: _Running | None = None
    _guard: _Running | None = None
    _all: list[_Running] = field(default_factory=list[_Running])

    def start_guard(self) -> None:
        """Start the guard that runs apart."""
        if self.programs.guard and not self.together:
            self._guard = self._started("guard", self.programs.guard, _AGAIN if self.contained else _HOSTS)

    def start_service(self, *arguments: str) -> None:
        """Start the service, with further arguments."""
        self._service = self._started("service", [*self.programs.serve, *arguments], _HOSTS)

    def kill_service(self) -> None:
        """Kill the service; of a container, process 1."""
        self._end(self._service, signal.SIGKILL)

    def stop_service(self) -> None:
        """Ask the service to stop and wait for its end."""
        self._end(self._service, signal.SIGTERM)

    def end_guard(self) -> None:
        """Kill the guard that runs apart; of a container, what process 1 supervises."""
        if self.contained and self._guard is not None:
            for pid in _tree(self._guard.process.pid)[2:]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        elif self._guard is not None:
            self._end(self._guard, signal.SIGKILL)

    def kill_machine(self) -> None:
        """Kill everything at once; what the service started has a session of its own, and dies as well."""
        doomed = [pid for running in (self._guard, self._service) if running for pid in _tree(running.process.pid)]
        doomed += strays(self.programs.folder)
        for running in (self._guard, self._service):
            if running is not None:
                running.ended = True
        for pid in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for running in (self._guard, self._service):
            if running is not None:
                running.process.wait()

    def service_pids(self) -> list[int]:
        """Return the processes of the service."""
        return _pids(self._service, contained=self.contained)

    def guard_pids(self) -> list[int]:
        """Return the processes of the guard that runs apart."""
        return _pids(self._guard, contained=self.contained)

    def crashes(self) -> list[str]:
        """Return what ended without having been ended."""
        return [
            f"the {running.name} ended with {running.process.returncode}"
            for running in self._all
            if running.process.poll() is not None and not running.ended
        ]

    def forgive(self) -> None:
        """Take it that the service was to end: a start that is refused is no crash."""
        if self._service is not None and self._service.process.poll() is not None:
            self._service.ended = True

    def close(self) -> None:
        """Kill what is left."""
        self.kill_machine()

    def _started(self, name: str, command: Sequence[str], shell: str) -> _Running:
        spaces = ["--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"] if self.contained else []
        hosts = str(self.programs.folder / "hosts")
        with (self.programs.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                ["/usr/bin/unshare", "--mount", *spaces, "/bin/sh", "-c", shell, hosts, *command],
                env=self.programs.environment,
                cwd=self.programs.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        running = _Running(name, process)
        self._all.append(running)
        return running

    def _end(self, running: _Running | None, number: signal.Signals) -> None:
        if running is None:
            return
        running.ended = True
        first = _first(running, contained=self.contained)
        with contextlib.suppress(ProcessLookupError):
            os.kill(first, number)
        try:
            running.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.process.wait()


def _first(running: _Running, *, contained: bool) -> int:
    """Return process 1 of a container, or the process itself."""
    if contained:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(running.process.pid).children():
                return child.pid
    return running.process.pid


def _pids(running: _Running | None, *, contained: bool) -> list[int]:
    if running is None or running.process.poll() is not None:
        return []
    everything = _tree(running.process.pid)
    return everything[1:] if contained else everything


def _tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def strays(folder: Path) -> list[int]:
    """Return the processes whose state folder is this home's, wherever they came from."""
    wanted = f"DARKSTAR_HOME={folder}/".encode()
    found: list[int] = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (path / "environ").read_bytes():
                    found.append(int(path.name))
    return found


def until(holds: Callable[[], bool], seconds: float, pause: float = 0.2) -> bool:
    """Wait until something holds and return whether it does."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
