"""Shared by the tests of every room: a fixed Hypothesis profile and the way to the measured data beside the project."""

import gc
import os
import sys
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.builders.shared_folders import written_by_test
from tests.builders.tools import NOT_RUN

if TYPE_CHECKING:
    from benchmarks.fleet_lake.s3_server import S3Server

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

# The same examples in every run, so that a red test is red for everybody. No deadline: two busy cores are not a bug.
# `make test` tries a quarter of them, CI goes on with all (`make thorough`); the profile `explore` draws new ones.
_WITHOUT_CLOCK = [HealthCheck.too_slow]
for _profile, _examples in (("fixed", 25), ("thorough", 100)):
    settings.register_profile(
        _profile,
        max_examples=_examples,
        derandomize=True,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=_WITHOUT_CLOCK,
    )
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=1000)
settings.load_profile("fixed")
os.environ["DARKSTAR_OFFLINE"] = "1"  # no test touches the outside, nor does a program that it starts


def pytest_collection_finish() -> None:
    """Take what was imported for permanent: to look for garbage in it again and again is a twentieth of the time."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let a worker end quietly: DuckDB's bindings list a page of objects that are still referred to at its exit."""
    if hasattr(config, "workerinput"):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def running_s3_server() -> "Generator[S3Server]":
    """An S3 server, one for all tests of a session."""
    from benchmarks.fleet_lake.s3_server import S3Server

    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def s3_server(running_s3_server: "S3Server") -> "Generator[S3Server]":
    """That server, without faults before the test and after it."""
    yield running_s3_server
    running_s3_server.app.fault = lambda _method, _path: None
    running_s3_server.app.change = lambda _request: None


@pytest.fixture
def s3_place(s3_server: "S3Server", monkeypatch: pytest.MonkeyPatch) -> str:
    """Place of a lake in a fresh bucket of that server, with the environment set to reach it."""
    from tests.builders.s3_server import environment, new_bucket

    for name, value in environment(s3_server.endpoint).items():
        monkeypatch.setenv(name, value)
    return new_bucket(s3_server.endpoint)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the measured data (never committed); the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no measured data at {SHARED_DATA}: this test needs the project's shared/data beside the checkout")
    return SHARED_DATA


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Let a test fail that wrote into a folder it shares with others."""
    yield
    if changed := written_by_test(list(getattr(item, "fixturenames", []))):
        raise AssertionError("; ".join(changed))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None, None, None]:
    """Say loudly, below everything else, which tests were left out for want of a program, and how to have them."""
    yield
    counts = Counter(
        report.longrepr[2].removeprefix("Skipped: ").removeprefix(NOT_RUN)
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple) and NOT_RUN in report.longrepr[2]
    )
    if counts:
        terminalreporter.section("NOT EVERYTHING WAS TESTED", sep="!", red=True, bold=True)
        for reason, count in sorted(counts.items()):
            terminalreporter.line(f"{count} tests were not run: {reason}", red=True)
