"""A thread of the service that does one thing now and then, and outlives any mistake of it."""

import logging
import threading
from collections.abc import Callable

from planner.fault_isolation import MISTAKES

_log = logging.getLogger(__name__)


class PeriodicCheck:
    """Calls a check now and then, in a thread of its own.

    Args:
        check: what is called; an exception is logged, and it is called again.
        name: of the thread.
        first_seconds: wait after the start [s].
        seconds: wait between two calls [s].
    """

    def __init__(self, check: Callable[[], None], *, name: str, first_seconds: float, seconds: float) -> None:
        self._check, self._name = check, name
        self._first_seconds, self._seconds = first_seconds, seconds
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop it, and wait for a check that is under way as long as this [s]."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=timeout)

    def _run(self) -> None:
        """Check until stopped."""
        pause = self._first_seconds
        while not self._stop.wait(pause):
            pause = self._seconds
            try:
                self._check()
            except MISTAKES:  # the thread outlives any mistake
                _log.exception("%s failed", self._name)
