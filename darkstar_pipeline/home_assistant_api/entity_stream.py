"""Every change of some entities, as Home Assistant tells it over a WebSocket connection (`subscribe_entities`)."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field, ValidationError

from darkstar_pipeline.home_assistant_api.answers import Finite, Told
from darkstar_pipeline.home_assistant_api.connection import Connection, Json
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError

QUIET_SECONDS = 20.0
"""After this time without a message Home Assistant is asked whether it is still there [s]."""
_ANSWER_SECONDS = 20.0
_SUBSCRIPTION = 1
_LAST_SECOND = 4_102_444_800
_Second = Annotated[Finite, Field(ge=0, lt=_LAST_SECOND)]


class _Compressed(Told):
    """A state in short: what is not there has not changed."""

    s: str | None = None
    a: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    lc: _Second | None = None
    lu: _Second | None = None


class _Removals(Told):
    a: tuple[str, ...] = ()


class _Change(Told):
    more: _Compressed = Field(default_factory=_Compressed, alias="+")
    less: _Removals = Field(default_factory=_Removals, alias="-")


class _Event(Told):
    a: Mapping[str, _Compressed] = Field(default_factory=dict[str, _Compressed])
    c: Mapping[str, _Change] = Field(default_factory=dict[str, _Change])
    r: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LiveState:
    """The state of an entity.

    Attributes:
        entity: its id.
        state: its state as text.
        attributes: its attributes.
        changed_at: when the state became this one, by Home Assistant's clock.
        updated_at: when state or attributes last changed.
    """

    entity: str
    state: str
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    changed_at: datetime
    updated_at: datetime

    def document(self, since: datetime | None = None) -> Json:
        """Return the state as Home Assistant's REST interface writes it, where given as what it was from then on."""
        changed = self.changed_at if since is None else max(self.changed_at, since)
        return {
            "entity_id": self.entity,
            "state": self.state,
            "attributes": dict(self.attributes),
            "last_changed": changed.isoformat(),
            "last_updated": max(self.updated_at, changed).isoformat(),
        }


class EntityStream:
    """The states of some entities, now and whenever they change.

    Args:
        connection: an authenticated connection that nothing else uses.
        entities: their ids.

    Raises:
        HomeAssistantError: Home Assistant refuses, or the connection is lost.
    """

    def __init__(self, connection: Connection, entities: Sequence[str]) -> None:
        self._connection = connection
        self._states: dict[str, LiveState] = {}
        self._asked = _SUBSCRIPTION
        self._pinged = False
        connection.send({"id": _SUBSCRIPTION, "type": "subscribe_entities", "entity_ids": list(entities)})
        answer = connection.receive(time.monotonic() + _ANSWER_SECONDS)
        if answer.get("type") != "result" or answer.get("success") is not True:
            message = f"Home Assistant refuses subscribe_entities: {answer.get('error') or answer}"
            raise HomeAssistantError(message, "update Home Assistant, or use a token that may read", cause="refused")

    def changes(self) -> list[tuple[str, LiveState | None]]:
        """Wait for the next message and return what it changes: entities with their new state, None where it is gone.

        Returns:
            Nothing where the message is no event, or none has come for a while and Home Assistant is asked for a sign.

        Raises:
            HomeAssistantError: the connection is lost, gives no sign, or sends something else.
        """
        try:
            message = self._connection.receive(time.monotonic() + QUIET_SECONDS)
        except HomeAssistantError as error:
            if error.cause != "late" or self._pinged:
                raise
            self._asked, self._pinged = self._asked + 1, True
            self._connection.send({"id": self._asked, "type": "ping"})
            return []
        self._pinged = False
        if message.get("type") != "event" or message.get("id") != _SUBSCRIPTION:
            return []
        try:
            return self._taken(_Event.model_validate(message.get("event")))
        except (ValidationError, KeyError) as error:
            first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else f"{error} changes, unknown"
            message = f"Home Assistant sends changes in another shape: {first}"
            raise HomeAssistantError(message, "tell its version and this message to Darkstar's makers") from error

    def _taken(self, event: _Event) -> list[tuple[str, LiveState | None]]:
        """Take an event, and return what it changes.

        Raises:
            KeyError: an entity changes that was never told.
        """
        new = {entity: _added(entity, state) for entity, state in event.a.items()}
        new |= {entity: _changed(self._states[entity], change) for entity, change in event.c.items()}
        self._states |= new
        for entity in event.r:
            self._states.pop(entity, None)
        return [*new.items(), *((entity, None) for entity in event.r)]


def _added(entity: str, told: _Compressed) -> LiveState:
    """Return a state that is told as a whole."""
    changed = told.lc if told.lc is not None else told.lu if told.lu is not None else time.time()
    updated = told.lu if told.lu is not None else changed
    return LiveState(
        entity=entity,
        state="unknown" if told.s is None else told.s,
        attributes=told.a,
        changed_at=_instant(changed),
        updated_at=_instant(updated),
    )


def _changed(before: LiveState, change: _Change) -> LiveState:
    """Return a state after a change."""
    more = change.more
    attributes = before.attributes
    if more.a or change.less.a:
        attributes = {name: value for name, value in {**attributes, **more.a}.items() if name not in change.less.a}
    changed = before.changed_at if more.lc is None else _instant(more.lc)
    updated = more.lu if more.lu is not None else more.lc
    return LiveState(
        entity=before.entity,
        state=before.state if more.s is None else more.s,
        attributes=attributes,
        changed_at=changed,
        updated_at=before.updated_at if updated is None else _instant(updated),
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
