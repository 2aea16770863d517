"""Calculations that requests ask for: their limits, and those in the background as routes answer for them."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import Path, Response

from darkstar_pipeline.service.engine.background_jobs import BackgroundJobs, BusyError
from darkstar_pipeline.service.http.errors import RequestError, problem
from darkstar_pipeline.service.schemas.base import Document, Job
from planner.deadline import deadline
from planner.errors import SolverTimeoutError
from planner.wording.messages import phrase

MOST_SECONDS = 120.0
MOST_DAYS = timedelta(days=400)
JobId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}$", max_length=8, examples=["1a2b3c4d"])]
AnyJob = TypeVar("AnyJob", bound=Job)
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Calculations:
    """The calculations of a kind that go on in the background.

    Attributes:
        jobs: the calculations.
        noun: what people call one.
        route: the request that begins one.
    """

    jobs: BackgroundJobs
    noun: str
    route: str

    def document(self, name: str, kind: type[AnyJob], read: Callable[[dict[str, Any]], Document]) -> AnyJob | Response:
        """Return the state of a calculation, and what it came to once it is done; 404 where there is none.

        Args:
            name: its id.
            kind: of the document.
            read: makes the document's `result` of the answer.
        """
        found = self.jobs.find(name)
        if found is None:
            return self._unknown(name)
        result = None if found.document is None else read(found.document)
        known = {"id": name, "state": found.state, "progress": found.progress, "error": found.error, "result": result}
        return kind.model_validate(known)

    def cancel(self, name: str) -> Response:
        """End a calculation before its time; one that is done stays as it is."""
        return Response(status_code=204) if self.jobs.cancel(name) else self._unknown(name)

    def _unknown(self, name: str) -> Response:
        return problem(404, "not_found", f"there is no {self.noun} {name}", f"{self.route} begins one")


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
