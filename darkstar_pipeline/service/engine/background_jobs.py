"""Long calculations in processes of their own, one of a kind at a time, so that they take no time from plans."""

import atexit
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Literal

from darkstar_pipeline.config.fleet.engine import EngineSettings
from darkstar_pipeline.engines.choice import on_engine
from darkstar_pipeline.errors import DarkstarError
from env.errors import CodedError
from planner.fault_isolation import MISTAKES
from planner.local_engine import end_with_parent

KEPT = 8
_NICE = 10
_SPAWN = get_context("spawn")  # a forked child hangs once Polars has run

Document = dict[str, Any]
RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"


class BusyError(DarkstarError):
    """Another calculation of this kind is being worked out."""

    code = "busy"


@dataclass(frozen=True)
class JobState:
    """State of a calculation.

    Attributes:
        state: `running`, `done`, `failed` or `cancelled`.
        progress: share that is done, 0-1.
        document: the answer by its JSON keys, where done.
        error: why it failed.
    """

    state: Literal["running", "done", "failed", "cancelled"] = RUNNING
    progress: float = 0.0
    document: Document | None = None
    error: str = ""


class BackgroundJobs:
    """The calculations of a kind that were asked for, the last few kept in memory.

    Args:
        what: what is being worked out, as the start of a sentence.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._jobs: OrderedDict[str, _Job] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, work: Callable[..., Document], *args: object, engine: EngineSettings | None = None) -> str:
        """Begin a calculation; its id.

        Args:
            work: importable by name; takes the arguments and a `Progress`.
            args: its arguments, which have to be picklable.
            engine: what its shards run on; None for that process's own choice.

        Raises:
            BusyError: another one is being worked out.
        """
        with self._lock:
            if any(job.state.state == RUNNING for job in self._jobs.values()):
                raise BusyError(f"{self._what} already", "ask again when that is done, or cancel it")
            name = secrets.token_hex(4)
            self._jobs[name] = _Job(work, args, engine or EngineSettings())
            while len(self._jobs) > KEPT:
                self._jobs.popitem(last=False)
            return name

    def find(self, name: str) -> JobState | None:
        """Return the state of a calculation; None where there is none of that id."""
        job = self._jobs.get(name)
        return None if job is None else job.state

    def cancel(self, name: str) -> bool:
        """End a calculation before its time; return whether there is one of that id."""
        job = self._jobs.get(name)
        if job is not None:
            job.cancel()
        return job is not None


class _Job:
    """A calculation in a process, and the thread that listens to it."""

    def __init__(self, work: Callable[..., Document], args: tuple[object, ...], engine: EngineSettings) -> None:
        self.state = JobState()
        self._lock = threading.Lock()
        ours, theirs = _SPAWN.Pipe(duplex=False)
        self._process = _SPAWN.Process(
            target=_run, args=(theirs, work, args, engine)
        )  # no daemon: those have no children
        self._process.start()
        atexit.register(self._process.terminate)  # else the service would wait for it
        theirs.close()
        threading.Thread(target=self._listen, args=(ours,), daemon=True).start()

    def cancel(self) -> None:
        self._set(JobState(CANCELLED))
        self._process.terminate()

    def _listen(self, said: "Connection[Any, JobState]") -> None:
        with said:
            try:
                while self.state.state == RUNNING:
                    self._set(said.recv())
            except (EOFError, OSError):
                self._set(JobState(FAILED, error="its process ended: ask again; the system may be short of memory"))
        self._process.join()
        atexit.unregister(self._process.terminate)

    def _set(self, state: JobState) -> None:
        """Take a new state, unless the calculation has ended."""
        with self._lock:
            if self.state.state == RUNNING:
                self.state = state


def _run(
    told: "Connection[JobState, Any]", work: Callable[..., Document], args: tuple[object, ...], engine: EngineSettings
) -> None:
    """Work in this process, let plans go first, and end with the service."""
    os.nice(_NICE)
    end_with_parent()
    state = JobState()

    def progress(done: int, total: int) -> None:
        told.send(replace(state, progress=done / total))

    try:
        with on_engine(lambda: engine):
            document = work(*args, progress)
        told.send(JobState(DONE, progress=1.0, document=document))
    except (CodedError, ValueError) as error:
        hint = error.hint if isinstance(error, CodedError) else ""
        told.send(JobState(FAILED, error=f"{error}; {hint}" if hint else str(error)))
    except MISTAKES as error:
        told.send(JobState(FAILED, error=f"internal error ({type(error).__name__}): the service's log has the details"))
        raise
