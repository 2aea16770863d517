"""Grids of sizes in a process of their own, one at a time, so that they take no time from plans."""

import os
import secrets
import threading
from collections import OrderedDict
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from typing import Any

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.whatif.changes import Changes
from darkstar_pipeline.whatif.documents import sizing_document
from darkstar_pipeline.whatif.sizing import Question, size_grid
from env.errors import CodedError
from planner.parallel import end_with_parent

KEPT = 8
_NICE = 10


class BusyError(DarkstarError):
    """Another what-if is being worked out."""

    code = "busy"


@dataclass(frozen=True)
class SizingState:
    """State of a grid.

    Attributes:
        state: `running`, `done` or `failed`.
        document: the grid by its JSON keys, where done.
        error: why it failed.
    """

    state: str
    document: dict[str, Any] | None = None
    error: str = ""


class SizingJobs:
    """The grids that were asked for, the last few kept in memory."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Future[dict[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, context: Context, changes: Changes, question: Question, span: tuple[date, date]) -> str:
        """Begin to work out a grid; its id.

        Raises:
            BusyError: another one is being worked out.
        """
        with self._lock:
            if any(not job.done() for job in self._jobs.values()):
                raise BusyError("sizes are being worked out", "ask again when they are done")
            pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin)
            job = pool.submit(_work_out, context, changes, question, span)
            pool.shutdown(wait=False)
            name = secrets.token_hex(4)
            self._jobs[name] = job
            while len(self._jobs) > KEPT:
                self._jobs.popitem(last=False)
            return name

    def find(self, name: str) -> SizingState | None:
        """Return the state of a grid; None where there is none of that id."""
        job = self._jobs.get(name)
        if job is None:
            return None
        if not job.done():
            return SizingState("running")
        error = job.exception()
        if error is None:
            return SizingState("done", job.result())
        known = isinstance(error, CodedError | ValueError)
        return SizingState("failed", error=str(error) if known else f"internal error ({type(error).__name__})")


def _begin() -> None:
    """Let plans go first, and end with the service."""
    os.nice(_NICE)
    end_with_parent()


def _work_out(context: Context, changes: Changes, question: Question, span: tuple[date, date]) -> dict[str, Any]:
    grid = size_grid(context, changes, question, *span, workers=1)
    return sizing_document(grid, span, question.policy)
