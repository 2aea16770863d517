"""What every room's tests share: a fixed Hypothesis profile and the way to the measured data beside the project."""

from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.builders.tools import NOT_RUN

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

# The same examples in every run, so that a red test is red for everybody. No deadline: two busy cores are not a bug.
# `pytest --hypothesis-profile=explore` draws new ones.
_WITHOUT_CLOCK = [HealthCheck.too_slow]
settings.register_profile(
    "fixed", derandomize=True, deadline=None, database=None, print_blob=True, suppress_health_check=_WITHOUT_CLOCK
)
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=1000)
settings.load_profile("fixed")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the measured data (never committed); the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no measured data at {SHARED_DATA}: this test needs the project's shared/data beside the checkout")
    return SHARED_DATA


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
