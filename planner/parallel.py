"""The one seam through which heavy loops over days or homes go: in process, or over a pool of spawned processes.

Never fork: a forked child hangs for ever once Polars or LightGBM has run in the parent (reproduced).
"""

import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
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
    with ProcessPoolExecutor(min(most, len(shards)), get_context("spawn"), initializer=end_with_parent) as pool:
        return told(pool.map(fn, shards))


def alike(pieces: Sequence[Shard], form: Callable[[Shard], Hashable]) -> list[list[Shard]]:
    """Return the pieces of one form together, which arrays can hold side by side; forms in order of their first."""
    found: dict[Hashable, list[Shard]] = {}
    for piece in pieces:
        found.setdefault(form(piece), []).append(piece)
    return list(found.values())


def end_with_parent() -> None:
    """Let a worker end when its parent was killed; left alone it would wait for work for ever."""

    def watch() -> None:
        if (parent := parent_process()) is not None:
            parent.join()
            os._exit(1)

    Thread(target=watch, daemon=True).start()
