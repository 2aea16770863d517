"""The engine of one machine: shards in this process, or over spawned processes that may be killed at any moment.

Never fork: a forked child hangs for ever once Polars or LightGBM has run in the parent (reproduced).
"""

import logging
import os
import pickle
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection
from reprlib import repr as shortened
from signal import SIG_BLOCK, SIGINT, pthread_sigmask
from typing import Any, TypeVar

from planner.errors import ShardFailedError, ShardLostError
from planner.fault_isolation import MISTAKES

Shard = TypeVar("Shard")
Answer = TypeVar("Answer")

ATTEMPTS = 3
"""Times that a shard is begun at most: a killed worker may be nobody's fault, a third one in a row is the shard's."""
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0  # before another attempt, so that the system gets memory back [s]
_SPAWN = get_context("spawn")
_log = logging.getLogger(__name__)


class _Worker:
    """Knows whether this process works for another one."""

    busy = False


class LocalEngine:
    """The engine of one machine.

    Args:
        workers: processes at most where the caller names no number; None for one per core.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers

    def answers(
        self, fn: Callable[[Shard], Answer], shards: Sequence[Shard], *, workers: int | None = None
    ) -> Generator[tuple[int, Answer]]:
        """Yield the number and the answer of every shard, as they come.

        Raises:
            ShardLostError: a shard's worker ended again and again before it had answered.
        """
        most = workers or self._workers or os.cpu_count() or 1
        if min(most, len(shards)) <= 1 or in_worker():
            yield from enumerate(map(fn, shards))
            return
        with _Processes() as processes, ThreadPoolExecutor(min(most, len(shards)), initializer=_unheard) as threads:
            waited = {threads.submit(processes.answer, fn, shards, number): number for number in range(len(shards))}
            try:
                for done in as_completed(waited):
                    yield waited.pop(done), done.result()
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                processes.give_up()
                raise


class _Processes:
    """A process for every thread that asks, each a pool of one, so that it is known whose work a killed one had."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._started: list[ProcessPoolExecutor] = []
        self._given_up = False
        self._end, self._kept = _SPAWN.Pipe(duplex=False)
        resource_tracker.ensure_running()  # whichever thread starts it hears Ctrl-C from then on

    def __enter__(self) -> "_Processes":
        return self

    def __exit__(self, *_: object) -> None:
        for pool in self._started:
            pool.shutdown()
        self.give_up()
        self._end.close()

    def give_up(self) -> None:
        """End all processes; none is started again."""
        self._given_up = True  # said before they end
        self._kept.close()

    def answer(self, fn: Callable[[Shard], Answer], shards: Sequence[Shard], number: int) -> Answer:
        """Return a shard's answer, of a fresh process where the one at work was killed."""
        import stamina  # not needed where a command works in one process

        stamina.instrumentation.set_on_retry_hooks([])  # its own writes to stdout, where a command's JSON goes

        def lost(error: Exception) -> bool:
            if not isinstance(error, BrokenProcessPool) or self._given_up:
                return False
            self._own.pool = None
            _log.warning("the worker of %s was killed: short of memory?", named(shards, number))
            return True

        waits = {"wait_initial": _FIRST_WAIT, "wait_max": _LONGEST_WAIT, "wait_jitter": 0.0}
        try:
            for attempt in stamina.retry_context(on=lost, attempts=ATTEMPTS, timeout=None, **waits):
                with attempt:
                    return self._pool().submit(whole, fn, shards[number]).result()
        except BrokenProcessPool as error:
            raise ShardLostError(named(shards, number), ATTEMPTS) from error
        raise AssertionError  # stamina raises the last error

    def _pool(self) -> ProcessPoolExecutor:
        pool: ProcessPoolExecutor | None = getattr(self._own, "pool", None)
        if pool is None:
            pool = self._own.pool = ProcessPoolExecutor(1, _SPAWN, _begin, (self._end,))
            self._started.append(pool)
        return pool


def in_worker() -> bool:
    """Return whether this process works on a shard for another one: what it maps in turn stays in it."""
    return _Worker.busy


def become_worker() -> None:
    """Mark this process as one that works on shards for another; what it logs again and again is told once."""
    _Worker.busy = True
    if (handler := logging.lastResort) is not None and not any(isinstance(each, _Once) for each in handler.filters):
        handler.addFilter(_Once())


class _Once(logging.Filter):
    """Lets each line through once: a shard has hundreds of homes, of which the same may be so."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[tuple[str, str]] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is new."""
        line = (record.name, record.getMessage())
        is_new = line not in self._told
        self._told.add(line)
        return is_new


def named(shards: Sequence[object], number: int) -> str:
    """Return how a shard is called in messages.

    >>> named(["anna", "bo"], 1)
    "shard 2 of 2 ('bo')"
    """
    return f"shard {number + 1} of {len(shards)} ({shortened(shards[number]).splitlines()[0]})"


def whole(fn: Callable[[Shard], Answer], shard: Shard) -> Answer:
    """Return an answer; an error that cannot travel between processes becomes one that can.

    Left as it is, such an error looks like a killed worker: the function would be called again.
    """
    try:
        return fn(shard)
    except MISTAKES as error:
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
        except Exception:  # noqa: BLE001 - whatever its constructor raises
            raise ShardFailedError(f"{type(error).__name__}: {error}") from error
        raise


def _unheard() -> None:
    """Have processes that this thread starts never hear Ctrl-C, from their first moment on; the main thread hears it.

    A terminal interrupts all of them at once, and one that still imports would print where it was.
    """
    pthread_sigmask(SIG_BLOCK, {SIGINT})


def _begin(end: "Connection[Any, Any]") -> None:
    """Begin to work for the parent, until it ends or closes its end of the pipe."""
    become_worker()
    end_with_parent()

    def listen() -> None:
        end.poll(None)
        os._exit(1)

    threading.Thread(target=listen, daemon=True).start()


def end_with_parent() -> None:
    """Let a process end when its parent was killed; left alone it would wait for work for ever."""

    def watch() -> None:
        if (parent := parent_process()) is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
