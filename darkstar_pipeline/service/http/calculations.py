"""Limits of calculations that requests ask for: one at a time, for a limited time, over a limited span."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Annotated

from fastapi import Path

from darkstar_pipeline.service.engine.background_jobs import BusyError
from darkstar_pipeline.service.http.errors import RequestError
from planner.deadline import deadline
from planner.errors import SolverTimeoutError
from planner.wording.messages import phrase

MOST_SECONDS = 120.0
MOST_DAYS = timedelta(days=400)
JobId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}$", max_length=8, examples=["1a2b3c4d"])]
_one_at_a_time = threading.Lock()


@contextmanager
def working() -> Generator[None]:
    """Work out one what-if at a time, for a limited time: plans of the home go on beside it.

    Raises:
        BusyError: another one is being worked out.
        RequestError: it takes too long.
    """
    if not _one_at_a_time.acquire(blocking=False):
        raise BusyError(phrase("another what-if is being worked out"), phrase("ask again in some seconds"))
    try:
        with deadline(MOST_SECONDS):
            yield
    except SolverTimeoutError as error:
        raise RequestError(
            phrase("it takes more than {seconds:.0f} s", seconds=MOST_SECONDS),
            phrase("ask for fewer days, policies or slots"),
        ) from error
    finally:
        _one_at_a_time.release()


def check_span(first: date, last: date) -> None:
    """Refuse a span that ends before it begins, or is too long.

    Raises:
        RequestError: it does, or is.
    """
    if first > last:
        raise RequestError(
            phrase("first {first} is after last {last}", first=str(first), last=str(last)), phrase("swap the two days")
        )
    if last - first >= MOST_DAYS:
        raise RequestError(
            phrase("more than {days} days", days=MOST_DAYS.days), phrase("ask for fewer, or use the command line")
        )
