"""The one seam through which heavy loops over days or homes go: in process, over processes, or over many machines."""

from collections.abc import Callable, Generator, Hashable, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

from planner.local_engine import LocalEngine, in_worker

Shard = TypeVar("Shard")
Answer = TypeVar("Answer")


Progress = Callable[[int, int], None]
"""Takes how many parts are done, and of how many."""


class Engine(Protocol):
    """Somebody who works on shards, anywhere and in any order."""

    def answers(
        self, fn: Callable[[Shard], Answer], shards: Sequence[Shard], *, workers: int | None = None
    ) -> Generator[tuple[int, Answer]]:
        """Yield the number and the answer of every shard, as they come.

        A lost worker's shard is begun again; an error of the function is raised as it is. Closing ends all work.

        Args:
            fn: picklable.
            shards: picklable.
            workers: shards at work at a time at most; None for what the engine has.
        """
        ...


_LOCAL = LocalEngine()
_engine: ContextVar[Engine] = ContextVar("engine", default=_LOCAL)


@contextmanager
def running_on(engine: Engine) -> Generator[None]:
    """Work on shards by an engine for a while; a thread or process that is started meanwhile works locally."""
    token = _engine.set(engine)
    try:
        yield
    finally:
        _engine.reset(token)


def map_shards(
    fn: Callable[[Shard], Answer],
    shards: Sequence[Shard],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Answer]:
    """Apply a picklable function to every shard; answers in the order of the shards, whatever the engine.

    Args:
        fn: importable by name from a module, and the same answer for the same shard: it may be asked twice.
        shards: picklable pieces of work; one piece, or one worker, stays in this process, and so does all that a
            worker maps in turn.
        workers: processes at most; None for as many as the engine has.
        progress: told after every piece.

    Raises:
        ShardLostError: a shard's worker ended again and again before it had answered.
    """
    alone = len(shards) <= 1 or (workers is not None and workers <= 1) or in_worker()
    found: dict[int, Answer] = {}
    with closing((_LOCAL if alone else _engine.get()).answers(fn, shards, workers=1 if alone else workers)) as answers:
        for number, answer in answers:
            found[number] = answer
            if progress is not None:
                progress(len(found), len(shards))
    return [found[number] for number in range(len(shards))]


def part_of(progress: Progress | None, first: int, total: int) -> Progress | None:
    """Return the progress of a part of some work, told as that of the whole.

    Args:
        progress: of the whole.
        first: parts of it that are done before.
        total: parts of the whole.
    """
    return None if progress is None else lambda done, _: progress(first + done, total)


def alike(pieces: Sequence[Shard], form: Callable[[Shard], Hashable]) -> list[list[Shard]]:
    """Return the pieces of one form together, which arrays can hold side by side; forms in order of their first."""
    found: dict[Hashable, list[Shard]] = {}
    for piece in pieces:
        found.setdefault(form(piece), []).append(piece)
    return list(found.values())
