"""The time that is left for a plan as a whole, known to every solver on the way without being handed through.

Every road to a plan runs solvers, one after the other; each has a limit of its own, and their number has none. Within
`deadline`, no run gets more than what is left, and none begins when nothing is. Outside of it nothing changes: days
that are replayed have no deadline.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from planner.errors import SolverTimeoutError

_ENDS: ContextVar[float | None] = ContextVar("ends", default=None)


@contextmanager
def deadline(seconds: float | None) -> Generator[None]:
    """Let nothing in the block search longer than some time; an earlier deadline around it holds on.

    Args:
        seconds: from now on; None changes nothing [s].
    """
    around = _ENDS.get()
    ends = around if seconds is None else time.monotonic() + seconds
    token = _ENDS.set(ends if around is None or ends is None else min(ends, around))
    try:
        yield
    finally:
        _ENDS.reset(token)


def seconds_left() -> float | None:
    """Return the time that is left, 0 where it is over; None without a deadline [s]."""
    ends = _ENDS.get()
    return None if ends is None else max(ends - time.monotonic(), 0.0)


def check_deadline() -> None:
    """Stop where nothing is left of the time.

    Raises:
        SolverTimeoutError: nothing is.
    """
    within_deadline(1.0)


def within_deadline(limit: float) -> float:
    """Return a solver's time limit, shortened to what is left [s].

    Raises:
        SolverTimeoutError: nothing is left.
    """
    left = seconds_left()
    if left is None:
        return limit
    if left <= 0:
        message = "the time for the whole plan is over"
        raise SolverTimeoutError(message)
    return min(limit, left)
