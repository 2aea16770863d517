"""The time: the system's clock, or one set to another moment for trials, and whether it was moved.

Deadlines within the process go by the monotonic clock, which nobody can set; slots and prices go by the wall clock.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

STEP_SECONDS = 2.0
"""The wall clock moved this much otherwise than the monotonic one: it was set, or the machine slept."""


@dataclass
class Clock:
    """A wall clock.

    Attributes:
        offset: added to the system's time; nonzero only in trials (`darkstar serve --at`).
    """

    offset: timedelta = timedelta()
    _last: tuple[float, float] | None = field(default=None, repr=False)

    def now(self) -> datetime:
        """The moment (UTC)."""
        return datetime.now(UTC) + self.offset

    def monotonic(self) -> float:
        """Seconds that only ever rise [s]."""
        return time.monotonic()

    def stepped(self) -> bool:
        """Return whether the wall clock was moved since the last call."""
        seen = (self.now().timestamp(), self.monotonic())
        last, self._last = self._last, seen
        if last is None:
            return False
        return abs((seen[0] - last[0]) - (seen[1] - last[1])) > STEP_SECONDS
