"""A real Home Assistant for tests; a test without one is left out and named at the end."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.fault_injection import real_home_assistant
from benchmarks.fault_injection.real_home_assistant import RealHomeAssistant
from tests.builders import tools


@contextmanager
def home_assistant(folder: Path) -> Generator[RealHomeAssistant]:
    """Run a Home Assistant in a folder."""
    tools.home_assistant()
    with real_home_assistant.home_assistant(folder) as running:
        yield running
