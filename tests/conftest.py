"""What every room's tests share: a fixed Hypothesis profile and the way to the measured data beside the project."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
