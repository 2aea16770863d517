"""A fleet's service: all homes planned afresh, and the delay of plans that are asked for, also while a round goes on.

A synthetic fleet at the midnight after which 96 slots have a price. Two hundred requests a second for the plans of
homes drawn by chance, sent when they are due by this process to the service in another one: first to a service that
only answers, then to one that begins a round of planning as it starts.
"""

import asyncio
import signal
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from benchmarks.harness.open_loop import requested
from benchmarks.harness.results import Row, Scope
from benchmarks.homes.fresh_home import FreshHome
from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.sample.fleet.make_fleet import FIRST_DAY

HOMES, SHORT_HOMES = 10_000, 400
DAYS = 8
RATE, SECONDS, SHORT_SECONDS = 200, 30, 10
PLAN_SECONDS, P99_MS = 120.0, 50.0
CORES = 2
START_SECONDS = 120.0


def run(scope: Scope) -> list[Row]:
    """Measure a round of planning and the answers of the service."""
    n_homes = scope.fleet_homes or scope.of(HOMES, SHORT_HOMES)
    n_requests = RATE * scope.of(SECONDS, SHORT_SECONDS)
    with TemporaryDirectory(prefix="darkstar-fleet-") as folder:
        home = FreshHome(Path(folder))
        charged = ("--charged-share", str(scope.charged_share))
        home.run("fleet", "sample", "--homes", str(n_homes), "--days", str(DAYS), *charged)
        at = f"{FIRST_DAY + timedelta(days=DAYS - 1)}T00:02"
        planned = home.run("fleet", "plan", "--at", at)
        token = home.run("fleet", "token", "create", "--operator").answer["token"]
        draw = Random(1)  # noqa: S311 - no secret, the same each time
        paths = [f"/sites/home-{draw.randrange(n_homes):07d}/plan" for _ in range(n_requests)]
        with _serving(home, at, planning=False) as service:
            quiet = _answered(service, paths, token)
        with _serving(home, at, planning=True) as service:
            busy = _answered(service, paths, token)
    at_once = planned.processor_seconds / CORES
    return [
        Row("homes_planned", planned.answer["planned"], "", f"{n_homes}", planned.answer["planned"] == n_homes),
        Row("planning_processor", round(planned.processor_seconds, 1), "s"),
        Row("planning_processor_a_home", round(1000 * planned.processor_seconds / n_homes, 2), "ms"),
        Row("planning_on_two_cores", round(at_once, 1), "s", "<= 120", at_once <= PLAN_SECONDS, applies="whole"),
        Row("planning_wall", round(planned.seconds, 1), "s"),
        Row("planning_memory", round(planned.peak_bytes / 2**20), "MiB"),
        *_rows("", quiet, n_requests, aimed=True),
        *_rows("while_planning_", busy, n_requests, aimed=False),
    ]


@dataclass(frozen=True)
class _Service:
    url: str
    process: psutil.Process


@contextmanager
def _serving(home: FreshHome, at: str, *, planning: bool) -> Iterator[_Service]:
    """Serve the fleet in another process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rounds = "--planning" if planning else "--no-planning"
    started = home.start("serve", "--fleet", "--port", str(port), "--at", at, rounds)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url)
        yield _Service(url, psutil.Process(started.pid))
    finally:
        started.send_signal(signal.SIGINT)
        started.wait()


def _wait_until_ready(url: str) -> None:
    until = time.monotonic() + START_SECONDS
    while not _answers(url):
        if time.monotonic() > until:
            message = f"the service does not answer at {url}"
            raise OutsideServiceError(message, "look into log.txt of its folder")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/health") as answer:  # noqa: S310 - our own service
            return answer.status == 200  # noqa: PLR2004 - of HTTP
    except URLError:
        return False


@dataclass(frozen=True)
class _Answers:
    delays: list[float]
    errors: int
    memory: int
    processor_share: float


def _answered(service: _Service, paths: list[str], token: str) -> _Answers:
    """Ask for plans and return the delays [s]."""
    sizes: list[int] = []
    before, began = sum(service.process.cpu_times()[:2]), time.perf_counter()
    answers = asyncio.run(requested(service.url, paths, RATE, token, sizes, service.process))
    seconds = time.perf_counter() - began
    share = (sum(service.process.cpu_times()[:2]) - before) / seconds
    errors = sum(status != 200 for status, _ in answers)  # noqa: PLR2004 - of HTTP
    return _Answers(sorted(delay for _, delay in answers), errors, max(sizes), share)


def _rows(name: str, answers: _Answers, n_requests: int, *, aimed: bool) -> list[Row]:
    p99 = 1000 * answers.delays[int(0.99 * len(answers.delays))]
    target = ("<= 50", p99 <= P99_MS) if aimed else (None, None)
    return [
        Row(f"{name}requests", len(answers.delays), "", f"{n_requests}", len(answers.delays) == n_requests),
        Row(f"{name}errors", answers.errors, "", "0", answers.errors == 0),
        Row(f"{name}p50", round(1000 * statistics.median(answers.delays), 1), "ms"),
        Row(f"{name}p99", round(p99, 1), "ms", *target),
        Row(f"{name}service_cores", round(answers.processor_share, 2), ""),
        Row(f"{name}service_memory", round(answers.memory / 2**20), "MiB"),
    ]
