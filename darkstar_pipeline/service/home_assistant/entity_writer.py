"""Looks at entities of Home Assistant, writes what differs, and confirms it by looking again.

An answer of 200 is no proof that a write stood: Home Assistant skips entities that are unavailable, and an inverter may
round, clamp, ignore or take its time. Only what is read back counts.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from darkstar_pipeline.service.home_assistant.entity_values import (
    State,
    has_value,
    limit_note,
    number_of,
    refusal,
    service_call,
    unit_of,
    unreadable,
    within_limits,
)
from darkstar_pipeline.service.home_assistant.lease import ServiceCall
from darkstar_pipeline.service.home_assistant.profiles import Write
from darkstar_pipeline.service.home_assistant.write_order import first_part, in_safe_order

CONFIRM_PAUSE_SECONDS = 0.3
_log = logging.getLogger(__name__)


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


@dataclass(frozen=True)
class Look:
    """Observations of the entities of some writes.

    Attributes:
        differing: writes whose value the entity does not have, within its limits, in their order.
        unreadable: why entities have no value now; empty where all have one.
        refused: why values must not be written at all; empty where all may.
        notes: what the entities cannot express.
    """

    differing: tuple[Write, ...]
    unreadable: str
    refused: str
    notes: tuple[str, ...]

    @property
    def stands(self) -> bool:
        """Return whether every entity has its value."""
        return not (self.differing or self.unreadable or self.refused)


class EntityWriter:
    """Writes entities and reads them back.

    Args:
        client: Home Assistant.
        confirm_seconds: time within which a write has to be read back [s].
        monotonic: seconds that only rise [s].
        wait: waits for so many seconds; returns True where the controller stops, which ends the confirmation.
        on_write: called before every value that is written, also where Home Assistant then fails.
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
        self._without_unit: set[str] = set()
        self._done: dict[str, tuple[float | str, float]] = {}
        self._unseen: tuple[tuple[str, float | str], ...] | None = None

    def look(self, writes: Sequence[Write]) -> Look:
        """Return whether the entities have the values of writes, and what may be written.

        Raises:
            HomeAssistantError: Home Assistant does not answer.
        """
        differing: list[Write] = []
        unseen: list[Write] = []
        missing: list[str] = []
        refused: list[str] = []
        notes: list[str] = []
        runs = False
        for write in writes:
            state = self.read(write.entity)
            allowed = within_limits(state, write)
            if why := refusal(state, allowed):
                refused.append(why)
                runs = runs or write.ends
            elif why := unreadable(state, write):
                missing.append(why)
                runs = runs or write.ends
            else:
                notes += [note] if (note := limit_note(state, write, allowed)) else []
                if not write.read_back:
                    unseen.append(allowed)
                elif not has_value(state, allowed) or self._is_forgotten(allowed):
                    differing.append(allowed)
                self._warn_without_unit(state, write)
        if runs:  # what may still run would take a limit that is raised
            differing, unseen = [write for write in differing if write.ends], []
        differing = in_safe_order(self._with_unseen(differing, unseen, writes), self._shown)
        return Look(tuple(differing), "; ".join(missing), "; ".join(refused), tuple(notes))

    def _shown(self, entity: str) -> str | None:
        state = self.last(entity)
        return None if state is None else str(state.get("state"))

    def _with_unseen(self, differing: list[Write], unseen: list[Write], order: Sequence[Write]) -> list[Write]:
        """Return what is to be written with what no entity shows: where something else is, or that has changed.

        They belong together: charge and discharge of one inverter may be one setpoint, which the last of them holds.
        """
        if not unseen or not (differing or _shown_by_none(unseen) != self._unseen):
            return differing
        place = {write.entity: number for number, write in enumerate(order)}
        return sorted((*differing, *unseen), key=lambda write: place[write.entity])

    def _is_forgotten(self, write: Write) -> bool:
        """Return whether the inverter forgets a value about now, though it still shows it."""
        if write.again_seconds is None:
            return False
        value, at = self._done.get(write.entity, (None, 0.0))
        return value != write.value or self._monotonic() - at >= write.again_seconds

    def write(self, look: Look) -> None:
        """Write what a look found to differ; where a mode that has to end first does not, nothing else.

        Raises:
            HomeAssistantError: Home Assistant does not answer, or refuses a value.
        """
        unseen = _shown_by_none(look.differing)
        if unseen:
            self._unseen = None  # a call that fails may have been carried out
        first, others = first_part(look.differing)
        self._call(first)
        if first and others and not self.settled(first).stands:
            return
        self._call(others)
        if unseen:
            self._unseen = unseen

    def _call(self, writes: Sequence[Write]) -> None:
        for write in writes:
            self._on_write(write)
            self._client.call(write.domain, write.service, write.data)
            self._done[write.entity] = (write.value, self._monotonic())

    def settled(self, writes: Sequence[Write]) -> Look:
        """Look until the entities have the values of writes, at most `confirm_seconds`; return the last look.

        Raises:
            HomeAssistantError: Home Assistant does not answer.
        """
        deadline = self._monotonic() + self._confirm_seconds
        look = self.look(writes)
        while not look.stands and self._monotonic() <= deadline and not self._wait(CONFIRM_PAUSE_SECONDS):
            look = self.look(writes)
        return look

    def read(self, entity: str) -> State | None:
        """Return the state of an entity, and keep it for the limits that it has.

        Raises:
            HomeAssistantError: Home Assistant does not answer.
        """
        state = self._client.state(entity)
        if state is not None:
            self._last_states[entity] = state
        return state

    def last(self, entity: str) -> State | None:
        """Return the state of an entity as it was read last; None where it never was."""
        return self._last_states.get(entity)

    def calls(self, writes: Sequence[Write]) -> list[ServiceCall]:
        """Return the service calls of writes, within the limits that the entities had when last read."""
        return [service_call(write) for write in self.allowed(writes)]

    def allowed(self, writes: Sequence[Write]) -> list[Write]:
        """Return writes within the limits that the entities had when last read."""
        return [within_limits(self._last_states.get(write.entity), write) for write in writes]

    def _warn_without_unit(self, state: State | None, write: Write) -> None:
        """Warn once of a number that does not say its unit."""
        if write.unit and not unit_of(state) and write.entity not in self._without_unit:
            self._without_unit.add(write.entity)
            _log.warning("%s reports no unit; it is taken to be %s", write.entity, write.unit)


def _shown_by_none(writes: Sequence[Write]) -> tuple[tuple[str, float | str], ...]:
    """Return entities and values of the writes that are not read back."""
    return tuple((write.entity, write.value) for write in writes if not write.read_back)


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
        if isinstance(write.value, str) or self._step is None or not write.ramped:
            return write
        value = number_of(read(write.entity))
        if value is None or abs(write.value - value) <= self._step:
            return write
        return replace(write, value=round(value + change if write.value > value else value - change, 3))
