"""Cuts work into shards of about a second: less is lost with a worker then, and what an engine costs is below 2 %."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TypeVar

Item = TypeVar("Item")

SHARD_SECONDS = 1.0
"""Time that a shard should take [s]."""


def cut_shards(
    items: Sequence[Item], seconds: float | Sequence[float], *, shard_seconds: float = SHARD_SECONDS
) -> list[Sequence[Item]]:
    """Return the items in order, cut where about so much work is together; no shard is empty.

    Args:
        items: pieces of work, neighbours best together.
        seconds: time that each takes, or that any takes, as measured or guessed [s].
        shard_seconds: time that a shard should take [s].

    >>> cut_shards(["anna", "bo", "cleo", "dana"], 0.4)
    [['anna', 'bo'], ['cleo', 'dana']]
    """
    costs = [seconds] * len(items) if isinstance(seconds, (int, float)) else list(seconds)
    ends = list(accumulate(costs))
    total = ends[-1] if ends else 0.0
    n_shards = max(1, round(total / shard_seconds)) if total > 0.0 else 1
    # An item belongs where its middle lies, so that rounding never adds up along the line.
    places = [
        int((end - cost / 2) / total * n_shards) if total > 0.0 else 0 for end, cost in zip(ends, costs, strict=True)
    ]
    starts = [n for n, place in enumerate(places) if n == 0 or place != places[n - 1]]
    return [items[first:last] for first, last in pairwise([*starts, len(items)])]
