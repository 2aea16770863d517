"""When a value may be written again: a command a few times a slot, the default after pauses that double."""

from collections.abc import Sequence
from datetime import datetime

from darkstar_pipeline.service.home_assistant.profiles import Write

ATTEMPTS = 2
"""A command that is not read back is written once more before the default replaces it."""
MOST_PER_SLOT = 4
"""A command that stood and was changed by somebody else is written so often in a slot; then it is given up."""
FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0
KEPT_PART = 4
"""One write in so many of the day's budget is kept for repeating the default."""
GUARD_PART = 5
"""One write in so many is kept for the guard alone."""


class CommandAttempts:
    """Counts the attempts at the values of a slot."""

    def __init__(self) -> None:
        self._slot: datetime | None = None
        self._attempts: dict[tuple[Write, ...], tuple[int, int]] = {}

    def left(self, slot: datetime, writes: tuple[Write, ...]) -> bool:
        """Return whether values may be written in a slot (once more)."""
        unconfirmed, total = self._of(slot).get(writes, (0, 0))
        return unconfirmed < ATTEMPTS and total < MOST_PER_SLOT

    def add(self, slot: datetime, writes: tuple[Write, ...]) -> None:
        """Count an attempt."""
        unconfirmed, total = self._of(slot).get(writes, (0, 0))
        self._attempts[writes] = (unconfirmed + 1, total + 1)

    def confirm(self, slot: datetime, writes: tuple[Write, ...]) -> None:
        """Note that the values stand."""
        _, total = self._of(slot).get(writes, (0, 0))
        self._attempts[writes] = (0, total)

    def _of(self, slot: datetime) -> dict[tuple[Write, ...], tuple[int, int]]:
        if slot != self._slot:
            self._slot, self._attempts = slot, {}
        return self._attempts


class DefaultRepeats:
    """Paces the writes of the default: at once where it is needed, then after pauses that double up to an hour."""

    def __init__(self) -> None:
        self._due_at = float("-inf")
        self._pause = FIRST_PAUSE_SECONDS
        self._stands_since: float | None = None
        self._written: set[str] = set()

    def due(self, now: float, writes: Sequence[Write]) -> tuple[Write, ...]:
        """Return those of some writes that may be done at a moment [s]: all, or the ones never done for this need."""
        return tuple(write for write in writes if now >= self._due_at or write.entity not in self._written)

    def need(self) -> None:
        """Note that something else was written: the next need of the default is a new one."""
        self._due_at, self._stands_since = float("-inf"), None
        self._written.clear()

    def add(self, now: float, writes: Sequence[Write]) -> None:
        """Note that writes of the default are being done."""
        if any(write.entity in self._written for write in writes) or not self._written:
            self._due_at = now + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        self._stands_since = None
        self._written.update(write.entity for write in writes)

    def confirm(self, now: float) -> None:
        """Note that the default stands; after an hour of that, pauses begin anew."""
        if self._stands_since is None:
            self._stands_since = now
        elif now - self._stands_since >= LONGEST_PAUSE_SECONDS:
            self._pause = FIRST_PAUSE_SECONDS


def kept_writes(budget: int, n_default: int) -> int:
    """Return how much of the day's budget commands leave: the default once, and a part for repeating it.

    >>> kept_writes(96, 2), kept_writes(8, 3), kept_writes(4, 3)
    (25, 4, 3)
    """
    return n_default + max(budget - n_default, 0) // KEPT_PART


def guards_writes(budget: int, n_default: int) -> int:
    """Return how much of the day's budget control leaves to the guard, which ends commands that control cannot end.

    >>> guards_writes(96, 2), guards_writes(8, 3), guards_writes(4, 3)
    (18, 1, 0)
    """
    return max(budget - n_default, 0) // GUARD_PART
