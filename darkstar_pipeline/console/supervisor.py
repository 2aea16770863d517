"""Long-running programs beside each other: started, waited for, and stopped together with everything they started.

Each runs in a process group of its own, since Dagster's programs start servers that survive a signal to their parent
alone. What does not belong here: which programs (`commands.ui`).
"""

import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from darkstar_pipeline.errors import ConfigurationError, OutsideServiceError

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.2
READY_SECONDS = 120.0
"""Longest wait for a page [s]: Dagster and MLflow take 5-10 s each here, several times that on a busy single core."""
STOP_SECONDS = 20.0
"""Longest wait after a polite signal [s]; what is left then is killed."""
PORTS_TRIED = 50


class ServiceFailedError(OutsideServiceError):
    """A program ended, or never answered."""

    code = "service_failed"


@dataclass(frozen=True, kw_only=True)
class Service:
    """A program to run.

    Attributes:
        name: what it is called in messages and log files.
        command: program and arguments.
        port: where it answers, on loopback; None where it does not listen.
        ready_path: a page that answers once it is up.
    """

    name: str
    command: Sequence[str]
    port: int | None = None
    ready_path: str = "/"

    @property
    def url(self) -> str | None:
        """Its address."""
        return None if self.port is None else f"http://{LOOPBACK}:{self.port}"


def free_port(preferred: int, *, taken: Sequence[int] = ()) -> int:
    """The preferred port, or the next one that nobody listens on.

    Raises:
        ConfigurationError: there is none nearby.
    """
    for port in range(preferred, min(preferred + PORTS_TRIED, 65_536)):
        if port not in taken and is_free(port):
            return port
    raise ConfigurationError(f"no free port from {preferred} on", "name another one")


def is_free(port: int) -> bool:
    """Whether nobody listens on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


class Supervisor:
    """Runs services and stops them all, whatever happens.

    Args:
        logs: folder of their log files, one a service, begun anew.
        environment: their environment.
    """

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._running: list[tuple[Service, subprocess.Popen[bytes]]] = []
        self._stop = threading.Event()
        self._hurry = threading.Event()

    def log_file(self, service: Service) -> Path:
        """Where a service's output goes."""
        return self._logs / f"{service.name}.log"

    def start(self, service: Service) -> None:
        """Start a service."""
        self._logs.mkdir(parents=True, exist_ok=True)
        with self.log_file(service).open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own words, no shell
                list(service.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        self._running.append((service, process))

    def wait_ready(self, seconds: float = READY_SECONDS) -> bool:
        """Wait until every service that listens answers.

        Returns:
            False where it was asked to stop meanwhile.

        Raises:
            ServiceFailedError: one ended, or does not answer in time.
        """
        deadline = time.monotonic() + seconds
        for service, _ in self._running:
            while service.port is not None and not _answers(service.port, service.ready_path):
                self._check_alive()
                if time.monotonic() > deadline:
                    message = f"{service.name} does not answer on {service.url} after {seconds:.0f} s"
                    raise ServiceFailedError(message, f"see {self.log_file(service)}")
                if self._stop.wait(POLL_SECONDS):
                    return False
        return True

    def wait_stopped(self) -> None:
        """Wait until somebody asks to stop.

        Raises:
            ServiceFailedError: a service ended by itself.
        """
        while not self._stop.wait(POLL_SECONDS):
            self._check_alive()

    def ask_to_stop(self) -> None:
        """Have the waiting end; a second time, without patience."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    def stop(self) -> None:
        """Stop every service and everything it started."""
        for _, process in self._running:
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while any(_group_lives(process) for _, process in self._running):
            if time.monotonic() > deadline or self._hurry.is_set():
                for _, process in self._running:
                    _signal_group(process, signal.SIGKILL)
            time.sleep(POLL_SECONDS)
        self._running.clear()

    def _check_alive(self) -> None:
        """Raise where a service has ended."""
        for service, process in self._running:
            if (code := process.poll()) is not None:
                log = self.log_file(service)
                message = f"{service.name} ended with code {code}: {_last_line(log)}"
                raise ServiceFailedError(message, f"see {log}")


@contextmanager
def stopping_on_signals(supervisor: Supervisor) -> Generator[None]:
    """Stop the services on Ctrl-C, on a polite kill and when the terminal closes; and when the block ends."""

    def ask(_number: int, _frame: object) -> None:
        supervisor.ask_to_stop()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield
    finally:
        supervisor.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def _answers(port: int, path: str) -> bool:
    """Whether a page answers without complaint."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < http.client.BAD_REQUEST
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _group_lives(process: subprocess.Popen[bytes]) -> bool:
    """Whether anything of the group is left; the leader is reaped on the way."""
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
