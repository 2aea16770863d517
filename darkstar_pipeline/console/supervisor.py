"""A supervisor of long-running programs: starts them, waits for them, stops them with all their children.

Each runs in a process group of its own, since Dagster's programs start servers that survive a signal to their parent
alone. A companion (`last_resort`) ends them where this process itself is killed. What does not belong here: the choice
of programs (`commands.ui`).
"""

import contextlib
import http.client
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from darkstar_pipeline.console import last_resort
from darkstar_pipeline.errors import ConfigurationError, OutsideServiceError

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.2
READY_SECONDS = 120.0
"""Time limit for a page to answer [s]: Dagster and MLflow take 5-10 s each here, on a busy core several times that."""
STOP_SECONDS = 20.0
"""Time limit after SIGTERM [s]; processes left then are killed."""
PORTS_TRIED = 50


class ServiceFailedError(OutsideServiceError):
    """A supervised program ended, or never answered."""

    code = "service_failed"


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program to supervise.

    Attributes:
        name: its name in messages and log files.
        command: program and arguments.
        port: port it listens on, on loopback; None where it does not listen.
        ready_path: page that answers once it is up.
    """

    name: str
    command: Sequence[str]
    port: int | None = None
    ready_path: str = "/"

    @property
    def url(self) -> str | None:
        """Address of its page; None where it does not listen."""
        return None if self.port is None else f"http://{LOOPBACK}:{self.port}"


def free_port(preferred: int, *, taken: Sequence[int] = ()) -> int:
    """Return the preferred port, or the next free one.

    Raises:
        ConfigurationError: none of the next ports is free.
    """
    for port in range(preferred, min(preferred + PORTS_TRIED, 65_536)):
        if port not in taken and is_free(port):
            return port
    raise ConfigurationError(f"no free port from {preferred} on", "name another one")


def is_free(port: int) -> bool:
    """Return whether the port is free on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


class ProcessSupervisor:
    """Runs programs and stops them all, whatever happens.

    Args:
        logs: folder of the log files, one a program, overwritten at a start.
        environment: environment variables of the programs.
    """

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._running: list[tuple[Program, subprocess.Popen[bytes]]] = []
        self._companion: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._kill_now = threading.Event()

    def log_file(self, program: Program) -> Path:
        """Return the log file of a program."""
        return self._logs / f"{program.name}.log"

    def start(self, program: Program) -> None:
        """Start a program."""
        self._logs.mkdir(parents=True, exist_ok=True)
        self.log_file(program).write_bytes(b"")
        with self.log_file(program).open("ab") as log:  # appending, so that retention may empty it meanwhile
            process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
                list(program.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        self._running.append((program, process))
        self._tell_companion(f"{process.pid}\n")

    def _tell_companion(self, line: str) -> None:
        """Tell the process that ends the programs if this one is killed; start it first where it is not there."""
        if self._companion is None:
            self._companion = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
                [sys.executable, "-P", "-m", last_resort.__name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        if (pipe := self._companion.stdin) is not None:
            with contextlib.suppress(BrokenPipeError):  # it was killed; the programs are stopped without it
                pipe.write(line.encode())
                pipe.flush()

    def wait_ready(self, seconds: float = READY_SECONDS) -> bool:
        """Wait until every program that listens answers.

        Returns:
            False where a stop was requested meanwhile.

        Raises:
            ServiceFailedError: one ended, or does not answer in time.
        """
        deadline = time.monotonic() + seconds
        for program, _ in self._running:
            while program.port is not None and not _responds(program.port, program.ready_path):
                self._check_alive()
                if time.monotonic() > deadline:
                    message = f"{program.name} does not answer on {program.url} after {seconds:.0f} s"
                    raise ServiceFailedError(message, f"see {self.log_file(program)}")
                if self._stop.wait(POLL_SECONDS):
                    return False
        return True

    def wait_stopped(self) -> None:
        """Wait until a stop is requested.

        Raises:
            ServiceFailedError: a program ended by itself.
        """
        while not self._stop.wait(POLL_SECONDS):
            self._check_alive()

    def request_stop(self) -> None:
        """Request a stop; a second request kills what is left at once."""
        if self._stop.is_set():
            self._kill_now.set()
        self._stop.set()

    def stop(self) -> None:
        """Stop every program and all its children."""
        for _, process in self._running:
            last_resort.signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while any(_is_group_alive(process) for _, process in self._running):
            if time.monotonic() > deadline or self._kill_now.is_set():
                for _, process in self._running:
                    last_resort.signal_group(process.pid, signal.SIGKILL)
            time.sleep(POLL_SECONDS)
        self._running.clear()
        if self._companion is not None:
            self._tell_companion(f"{last_resort.DONE}\n")
            self._companion.communicate()
            self._companion = None

    def _check_alive(self) -> None:
        """Raise where a program has ended."""
        for program, process in self._running:
            if (code := process.poll()) is not None:
                log = self.log_file(program)
                message = f"{program.name} ended with code {code}: {_last_line(log)}"
                raise ServiceFailedError(message, f"see {log}")


@contextmanager
def stop_on_signals(supervisor: ProcessSupervisor) -> Generator[None]:
    """Stop the programs on SIGINT, SIGTERM and SIGHUP, and when the block ends."""

    def request(_number: int, _frame: object) -> None:
        supervisor.request_stop()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, request) for number in numbers}
    try:
        yield
    finally:
        supervisor.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def _responds(port: int, path: str) -> bool:
    """Return whether a page answers without an error status."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < http.client.BAD_REQUEST
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _is_group_alive(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a process of the group is left; its leader is reaped on the way."""
    process.poll()
    return last_resort.is_group_alive(process.pid)


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
