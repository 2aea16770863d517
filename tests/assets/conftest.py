"""The small home, as assets see it."""

from pathlib import Path

import pytest

from assets.home import Home
from tests.builders.small_home import small_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home whose fortnight is imported and of which nothing is materialized."""
    return small_home(tmp_path / "state")
