"""Reads Home Assistant's states as they come live, and over REST what does not."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.home_assistant.feeds.live_states import LiveStates
from darkstar_pipeline.service.home_assistant.home_feed import StateReader

FRESH = timedelta(minutes=1)
"""A state that has not changed for longer is asked for over REST, at most once in that time: only there stands when its
sensor last reported it, so that a full battery whose sensor still reports does not look stale."""


class LiveReader:
    """Reads one Home Assistant.

    Args:
        rest: asks it over REST.
        live: follows its sensors.
        clock: the service's clock.
    """

    def __init__(self, rest: StateReader, live: LiveStates, *, clock: Clock) -> None:
        self._rest, self._live, self._clock = rest, live, clock
        self._looked: dict[str, tuple[float, datetime, Mapping[str, Any] | None]] = {}

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """Return the state of an entity with its attributes and timestamps; None where there is no such entity.

        Raises:
            HomeAssistantError: it does not come live, and is not to be had over REST.
        """
        live = self._live.state(entity)
        if live is None:
            return self._rest.state(entity)
        if abs(self._clock.now() - live.updated_at) <= FRESH:
            return live.document()
        now = self._clock.monotonic()
        at, updated_at, answer = self._looked.get(entity, (0.0, None, None))
        if updated_at == live.updated_at and now - at < FRESH.total_seconds():
            return answer
        try:
            answer = self._rest.state(entity)
        except HomeAssistantError:
            answer = live.document()
        self._looked[entity] = (now, live.updated_at, answer)
        return answer

    def history(self, entities: Sequence[str], since: datetime, until: datetime) -> list[Any]:
        """Return the states of a period, one list an entity, as `/api/history/period` returns them.

        What was followed all the time needs no question; sensors that Home Assistant does not record are known from
        when they were followed on.

        Raises:
            HomeAssistantError: they were not followed all the time, and are not to be had over REST.
        """
        if self._live.covers(since, until):
            return [states for each in entities if (states := self._live.history(each, since, until))]
        lists: list[Any] = [states for states in self._rest.history(entities, since, until) if states]
        recorded = {str(states[0].get("entity_id")) for states in lists}
        followed = (self._live.history(each, since, until) for each in entities if each not in recorded)
        return [*lists, *(states for states in followed if states)]
