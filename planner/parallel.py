"""The one seam through which heavy loops over days or homes go: in process, or over a pool of spawned processes.

Never fork: a forked child hangs for ever once Polars or LightGBM has run in the parent (reproduced).
"""

import os
from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.synchronize import Event
from signal import SIG_BLOCK, SIG_SETMASK, SIGINT, pthread_sigmask
from threading import Thread
from typing import TypeVar

Shard = TypeVar("Shard")
Answer = TypeVar("Answer")


Progress = Callable[[int, int], None]
"""Takes how many parts are done, and of how many."""


def map_shards(
    fn: Callable[[Shard], Answer],
    shards: Sequence[Shard],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Answer]:
    """Apply a picklable function to every shard, in order.

    Args:
        fn: importable by name from a module.
        shards: picklable pieces of work; one piece, or one worker, stays in this process.
        workers: processes at most; None for one per core.
        progress: told after every piece.
    """

    def told(answers: Iterable[Answer]) -> list[Answer]:
        found: list[Answer] = []
        for answer in answers:
            found.append(answer)
            if progress is not None:
                progress(len(found), len(shards))
        return found

    most = workers if workers is not None else (os.cpu_count() or 1)
    if min(most, len(shards)) <= 1:
        return told(map(fn, shards))
    context = get_context("spawn")
    given_up = context.Event()
    with ProcessPoolExecutor(min(most, len(shards)), context, end_with_parent, (given_up,)) as pool:
        try:
            with _interrupts_unheard():
                answers = pool.map(fn, shards)
            return told(answers)
        except BaseException:
            given_up.set()
            raise


@contextmanager
def _interrupts_unheard() -> Generator[None]:
    """Have processes that are started meanwhile never hear Ctrl-C, from their first moment on; this one hears it after.

    A terminal interrupts all of them at once, and one that still imports would print where it was.
    """
    before = pthread_sigmask(SIG_BLOCK, {SIGINT})
    try:
        yield
    finally:
        pthread_sigmask(SIG_SETMASK, before)


def alike(pieces: Sequence[Shard], form: Callable[[Shard], Hashable]) -> list[list[Shard]]:
    """Return the pieces of one form together, which arrays can hold side by side; forms in order of their first."""
    found: dict[Hashable, list[Shard]] = {}
    for piece in pieces:
        found.setdefault(form(piece), []).append(piece)
    return list(found.values())


def end_with_parent(given_up: Event | None = None) -> None:
    """Let a worker end when its parent was killed or has given up; left alone it would wait for work for ever."""

    def watch() -> None:
        if (parent := parent_process()) is not None:
            parent.join()
            os._exit(1)

    def listen(to: Event) -> None:
        to.wait()
        os._exit(1)

    Thread(target=watch, daemon=True).start()
    if given_up is not None:
        Thread(target=listen, args=(given_up,), daemon=True).start()
