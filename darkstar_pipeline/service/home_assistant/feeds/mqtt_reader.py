"""Readings that come as MQTT messages, kept for some hours as states that the feed reads as it reads Home Assistant's.

A message has no time of its own unless its payload tells one, so it is dated when it comes. One that the broker had
kept (retained) is of an unknown time and passed over; one that comes twice, late or disordered says what a state says
that comes so. What is no reading is told and passed over.
"""

import logging
import threading
from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import paho.mqtt.client as mqtt

from darkstar_pipeline.config.sources.mqtt import MqttReadingSettings, MqttTopic
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.home_assistant.feeds.mqtt_payload import PayloadError, instant_in, number_in
from darkstar_pipeline.service.home_assistant.mqtt_broker import MqttBroker
from darkstar_pipeline.service.home_assistant.mqtt_link import MqttLink
from darkstar_pipeline.service.schemas.health import Component

KEPT = timedelta(hours=6)
AHEAD = timedelta(minutes=5)
"""A reading that is dated further ahead is not believed: somebody's clock is wrong."""
MOST_STATES = 50_000
"""Of one topic; some two a second for as long as they are kept."""
_UNKNOWN = "unavailable"
_log = logging.getLogger(__name__)


@dataclass
class _Sensor:
    """A topic and what it told.

    Attributes:
        topic: its settings.
        states: what it told, in order of time.
        problem: why the last message was no reading; empty where it was one.
    """

    topic: MqttTopic
    states: list[tuple[datetime, float]] = field(default_factory=list[tuple[datetime, float]])
    problem: str = ""


class MqttReader:
    """Listens to the topics of a site.

    Args:
        broker: the broker.
        settings: the topics.
        site: name of the site; two services of one site disconnect each other.
        clock: the service's clock.

    Raises:
        ConfigurationError: the password file or the authority's cannot be read, or others can read the password.
    """

    def __init__(self, broker: MqttBroker, settings: MqttReadingSettings, *, site: str, clock: Clock) -> None:
        self._clock = clock
        self._sensors = {entity: _Sensor(topic) for entity, topic in settings.entities.items()}
        self._lock = threading.Lock()
        topics = sorted({each.topic.topic for each in self._sensors.values()})
        client_id = f"darkstar_{site}_readings"
        self._link = MqttLink(broker, client_id, topics, name="mqtt readings", take=self._on_message)

    def start(self) -> None:
        """Start listening; return at once, whether there is a broker or not."""
        self._link.start()

    def stop(self) -> None:
        """Stop listening."""
        self._link.stop()

    def status(self) -> Component:
        """Return the state of the connection and of the messages as a component of the service."""
        with self._lock:
            strange = [each.problem for each in self._sensors.values() if each.problem]
        problems = [problem for problem in (self._link.problem, *strange) if problem]
        return Component(name="mqtt_broker", ok=not problems, note="; ".join(problems))

    def state(self, entity: str) -> Mapping[str, Any]:
        """Return what a topic told last, as a state of Home Assistant; unavailable where it told nothing lately."""
        now, sensor = self._clock.now(), self._sensors[entity]
        with self._lock:
            at, value = next((each for each in reversed(sensor.states) if each[0] <= now + AHEAD), (now, None))
        silent = _silent_after(sensor.topic)
        return _document(entity, sensor.topic, at, None if silent is not None and now - at > silent else value)

    def history(self, entities: Sequence[str], since: datetime, until: datetime) -> list[Any]:
        """Return what topics told in a period, one list each, as `/api/history/period` returns states."""
        with self._lock:
            told = {entity: self._told(self._sensors[entity], until) for entity in entities}
        lists: list[list[dict[str, Any]]] = []
        for entity, states in told.items():
            begin = max(bisect_right([at for at, _ in states], since) - 1, 0)
            topic = self._sensors[entity].topic
            lists.append([_document(entity, topic, max(at, since), value) for at, value in states[begin:]])
        return [states for states in lists if states]

    def _told(self, sensor: _Sensor, until: datetime) -> list[tuple[datetime, float | None]]:
        """Return what a topic told until a moment; a power that was silent for long is unknown meanwhile."""
        states = [(at, value) for at, value in sensor.states if at < until]
        silent = _silent_after(sensor.topic)
        if silent is None or not states:
            return list(states)
        told: list[tuple[datetime, float | None]] = []
        for (at, value), following in zip(states, [*(at for at, _ in states[1:]), until], strict=True):
            told.append((at, value))
            if following - at > silent:
                told.append((at + silent, None))
        return told

    def _on_message(self, message: mqtt.MQTTMessage) -> None:
        """Keep what a message says of every quantity that its topic measures."""
        if message.retain:
            return
        now = self._clock.now()
        for sensor in self._sensors.values():
            if sensor.topic.topic != message.topic:
                continue
            try:
                problem = self._keep(sensor, bytes(message.payload), now)
            except PayloadError as error:
                problem = f"{message.topic}: {error}"
            if problem and not sensor.problem:
                _log.warning("mqtt, a message is no reading: %s", problem)
            sensor.problem = problem

    def _keep(self, sensor: _Sensor, payload: bytes, now: datetime) -> str:
        """Keep a reading; return why it is not believed, empty where it is.

        Raises:
            PayloadError: it holds no reading.
        """
        value = number_in(payload, sensor.topic.value)
        at = now if sensor.topic.time is None else instant_in(payload, sensor.topic.time)
        if at > now + AHEAD:
            return f"{sensor.topic.topic}: it is dated {at:%Y-%m-%d %H:%M:%SZ}, which is to come"
        if at < now - KEPT:
            return f"{sensor.topic.topic}: it is dated {at:%Y-%m-%d %H:%M:%SZ}, which is long over"
        with self._lock:
            insort(sensor.states, (at, value), key=lambda each: each[0])
            first, last = sensor.states[0][0], sensor.states[-1][0]
            # What was dated by a clock that was ahead is no past.
            if first < now - 1.1 * KEPT or last > now + AHEAD or len(sensor.states) > MOST_STATES:
                kept = [each for each in sensor.states if now - KEPT <= each[0] <= now + AHEAD]
                sensor.states = kept[-MOST_STATES // 2 :]
        return ""


def _silent_after(topic: MqttTopic) -> timedelta | None:
    """Return after what silence a value is unknown; None where it holds: a counter tells what it missed."""
    is_power = topic.unit in ("W", "kW")
    return timedelta(minutes=topic.silent_minutes) if is_power and topic.silent_minutes is not None else None


def _document(entity: str, topic: MqttTopic, at: datetime, value: float | None) -> dict[str, Any]:
    """Return a reading as Home Assistant writes a state."""
    stamp = at.isoformat()
    return {
        "entity_id": entity,
        "state": _UNKNOWN if value is None else repr(value),
        "attributes": {"unit_of_measurement": topic.unit, "friendly_name": topic.topic},
        "last_changed": stamp,
        "last_updated": stamp,
    }
