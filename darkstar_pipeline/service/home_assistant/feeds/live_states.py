"""The states of the home's sensors as they change: followed over Home Assistant's WebSocket, in a thread of its own.

A connection that is lost is made again, with pauses that grow; meanwhile whoever asks is told that nothing is known.
What a sensor was before the connection began is not known here either: the recorder tells that.
"""

import logging
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from darkstar_pipeline.home_assistant_api.connection import Connection
from darkstar_pipeline.home_assistant_api.entity_stream import EntityStream, LiveState
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.schemas.health import Component
from planner.fault_isolation import MISTAKES

KEPT_SECONDS = 3 * 3600.0
"""States are kept for so long; the feed asks for the last hour and a quarter [s]."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
"""Pause before a lost connection is made again [s]: it doubles from the first to the longest."""
REFUSED_PAUSE_SECONDS = 300.0
"""The same where the token is not accepted: Home Assistant may ban who tries it too often [s]."""
_STOP_SECONDS = 5.0
_log = logging.getLogger(__name__)


class LiveStates:
    """Follows some entities.

    Args:
        opened: opens an authenticated connection.
        entities: their ids.
        clock: the service's clock.
        without_past: entities that are asked for their present state alone.
    """

    def __init__(
        self,
        opened: Callable[[], Connection],
        entities: Sequence[str],
        *,
        clock: Clock,
        without_past: Sequence[str] = (),
    ) -> None:
        self._entities = tuple(dict.fromkeys((*entities, *without_past)))
        self._opened, self._clock, self._kept = opened, clock, frozenset(entities)
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._connection: Connection | None = None
        self._thread: threading.Thread | None = None
        self._present: dict[str, LiveState] = {}
        self._past: dict[str, deque[tuple[float, LiveState]]] = {}
        self._since: float | None = None
        self._problem = "not connected yet"

    def start(self) -> None:
        """Start following; return at once, whether there is a Home Assistant or not."""
        self._thread = threading.Thread(target=self._run, name="live states", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop following."""
        self._stop.set()
        connection = self._connection
        if connection is not None:
            connection.close()
        if self._thread is not None:
            self._thread.join(timeout=_STOP_SECONDS)

    def status(self) -> Component:
        """Return how states come, as a component of the service; polling in its stead is no fault of the home."""
        with self._lock:
            problem = "" if self._since is not None else self._problem
        note = f"states are polled, since they do not come live: {problem}" if problem else "states come live"
        return Component(name="live_states", ok=True, note=note)

    def state(self, entity: str) -> LiveState | None:
        """Return the present state of an entity; None where it is not known here."""
        with self._lock:
            return self._present.get(entity) if self._since is not None else None

    def document(self, entity: str) -> dict[str, Any] | None:
        """Return the present state of an entity as REST writes it; None where it is not known here."""
        state = self.state(entity)
        return None if state is None else state.document()

    def covers(self, since: datetime, until: datetime) -> bool:
        """Return whether every change of a period that ends now was followed.

        The connection's age is measured by a clock that nobody sets: a step of the other makes no past that was not.
        """
        with self._lock:
            began = self._since
        return began is not None and (until - since).total_seconds() <= self._clock.monotonic() - began

    def history(self, entity: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """Return the states of a period as `/api/history/period` does: the one at its begin, then every change."""
        with self._lock:
            known = [state for _, state in self._past.get(entity, ())]
        known.sort(key=lambda state: state.changed_at)  # Home Assistant's clock may have been set
        begin = max(bisect_right([state.changed_at for state in known], since) - 1, 0)
        return [state.document(since) for state in known[begin:] if state.changed_at < until]

    def _run(self) -> None:
        """Follow until stopped."""
        pause = FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            refused = False
            try:
                self._follow()
            except HomeAssistantError as error:
                refused = error.cause == "refused"
                pause = FIRST_PAUSE_SECONDS if self._lost(error.message) else pause
            except MISTAKES as error:  # the thread outlives any mistake; states are polled meanwhile
                _log.exception("live states failed")
                self._lost(f"{type(error).__name__}: {error}")
            self._stop.wait(REFUSED_PAUSE_SECONDS if refused else pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _follow(self) -> None:
        """Follow over one connection until it is lost.

        Raises:
            HomeAssistantError: it is.
        """
        connection = self._connection = self._opened()
        try:
            stream = EntityStream(connection, self._entities)
            while not self._stop.is_set():
                self._take(stream.changes())
        finally:
            self._connection = None
            connection.close()

    def _take(self, changes: list[tuple[str, LiveState | None]]) -> None:
        """Keep what has changed; the first message tells how all is."""
        now = self._clock.monotonic()
        with self._lock:
            if self._since is None and changes:
                self._since, self._present, self._past = now, {}, {}
                _log.info("the states of %d sensors come live", len(changes))
            for entity, state in changes:
                if state is None:
                    self._present.pop(entity, None)
                    continue
                before = self._present.get(entity)
                self._present[entity] = state
                if entity not in self._kept:
                    continue
                if before is None or (before.state, before.changed_at) != (state.state, state.changed_at):
                    past = self._past.setdefault(entity, deque())
                    past.append((now, state))
                    while len(past) > 1 and past[1][0] < now - KEPT_SECONDS:
                        past.popleft()

    def _lost(self, problem: str) -> bool:
        """Remember that nothing is known; return whether something was."""
        with self._lock:
            was, self._since = self._since is not None, None
            told, self._problem = self._problem != problem, problem
        if told and not self._stop.is_set():
            _log.warning("states do not come live: %s", problem)
        return was
