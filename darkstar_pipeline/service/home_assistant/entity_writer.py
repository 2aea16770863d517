"""Writes values to entities of Home Assistant, only where they differ, and confirms each by reading it back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from darkstar_pipeline.service.home_assistant.entity_values import (
    State,
    has_value,
    number_of,
    service_call,
    within_limits,
)
from darkstar_pipeline.service.home_assistant.lease import ServiceCall
from darkstar_pipeline.service.home_assistant.profiles import Write

CONFIRM_PAUSE_SECONDS = 0.3


class EntityClient(Protocol):
    """A Home Assistant whose entities can be read and written; `HomeAssistantClient` is the real one."""

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """Return the state of an entity; None where there is no such entity."""
        ...

    def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
        """Call a service."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class EntityWriter:
    """Writes entities and reads them back.

    Args:
        client: Home Assistant.
        confirm_seconds: time within which a write has to be read back [s].
        monotonic: seconds that only rise [s].
        wait: waits for so many seconds; returns True where the controller stops, which ends the confirmation.
        on_write: called after every value that was written.
    """

    def __init__(
        self,
        client: EntityClient,
        *,
        confirm_seconds: float,
        monotonic: Callable[[], float],
        wait: Callable[[float], bool],
        on_write: Callable[[Write], None],
    ) -> None:
        self._client, self._confirm_seconds = client, confirm_seconds
        self._monotonic, self._wait, self._on_write = monotonic, wait, on_write
        self._last_states: dict[str, State] = {}

    def write(self, writes: Sequence[Write]) -> bool:
        """Write what differs.

        Returns:
            Whether every value was read back in time.

        Raises:
            HomeAssistantError: Home Assistant does not answer.
        """
        unconfirmed: list[Write] = []
        for write in writes:
            state = self.read(write.entity)
            allowed = within_limits(state, write)
            if not has_value(state, allowed):
                self._client.call(allowed.domain, allowed.service, allowed.data)
                self._on_write(allowed)
                unconfirmed.append(allowed)
        deadline = self._monotonic() + self._confirm_seconds
        while unconfirmed:
            unconfirmed = [write for write in unconfirmed if not has_value(self._client.state(write.entity), write)]
            if unconfirmed and (self._monotonic() > deadline or self._wait(CONFIRM_PAUSE_SECONDS)):
                return False
        return True

    def read(self, entity: str) -> State | None:
        """Return the state of an entity, and keep it for the limits that it has.

        Raises:
            HomeAssistantError: Home Assistant does not answer.
        """
        state = self._client.state(entity)
        if state is not None:
            self._last_states[entity] = state
        return state

    def calls(self, writes: Sequence[Write]) -> list[ServiceCall]:
        """Return the service calls of writes, within the limits that the entities had when last read."""
        return [service_call(within_limits(self._last_states.get(write.entity), write)) for write in writes]


class Ramp:
    """Limits by how much a power changes in one write.

    Args:
        step: largest change, in the entities' unit; None for no limit.
        pause_seconds: time between two steps [s].
        monotonic: seconds that only rise [s].
    """

    def __init__(self, step: float | None, pause_seconds: float, monotonic: Callable[[], float]) -> None:
        self._step, self._pause_seconds, self._monotonic = step, pause_seconds, monotonic
        self._next_step_at = 0.0

    def next_step(self, target: Sequence[Write], read: Callable[[str], State | None]) -> list[Write]:
        """Return the target, or the next step on the way to it.

        Args:
            target: values that the entities are to have in the end.
            read: reads the state of an entity.
        """
        if self._step is None:
            return list(target)
        now = self._monotonic()
        due = now >= self._next_step_at
        writes = [self._towards(write, read, self._step if due else 0.0) for write in target]
        if due:
            self._next_step_at = now + self._pause_seconds
        return writes

    def _towards(self, write: Write, read: Callable[[str], State | None], change: float) -> Write:
        """Return a write that is at most `change` from the present value, where the target is further than a step."""
        if isinstance(write.value, str) or self._step is None:
            return write
        value = number_of(read(write.entity))
        if value is None or abs(write.value - value) <= self._step:
            return write
        return Write(write.entity, round(value + change if write.value > value else value - change, 3))
