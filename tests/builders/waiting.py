"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable

WAIT_SECONDS = 20.0
_PAUSE_SECONDS = 0.02


def until(
    condition: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS, *, pause_seconds: float = _PAUSE_SECONDS
) -> None:
    """Wait for a condition; fail where it does not hold in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(pause_seconds)
