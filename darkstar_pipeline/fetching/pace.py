"""The pace of requests: at most one a second to each host, whoever asks."""

import threading
import time
from collections.abc import Callable


class Pace:
    """A pace of requests, by host.

    Args:
        seconds: least time between the beginnings of two requests to a host [s].
        clock: gives seconds that only grow.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        seconds: float = 1.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds, self._clock, self._sleep = seconds, clock, sleep
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, host: str) -> None:
        """Wait until the next request to a host may begin."""
        with self._lock:
            now = self._clock()
            begin = max(now, self._next.get(host, now))
            self._next[host] = begin + self._seconds
        if begin > now:
            self._sleep(begin - now)


PACE = Pace()
"""The pace that all clients of a process share."""
