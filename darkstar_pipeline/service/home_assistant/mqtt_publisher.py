"""Publishes plan and command as entities in Home Assistant, by MQTT discovery.

Nothing here holds up planning: a broker that is absent or refuses is reported, never raised. Only the discovery message
and the availability are retained, so that no command outlives its service: the broker itself reports a service that
died (last will), and Home Assistant drops states that are not repeated (`expire_after`).
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import paho.mqtt.client as mqtt

from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.engine.wanted_loads import WantedLoad
from darkstar_pipeline.service.home_assistant.entities import (
    EXPIRE_SECONDS,
    OFFLINE,
    ONLINE,
    Json,
    Topics,
    command_attributes,
    compact_json,
    discovery_message,
    entity_states,
    load_document,
    plan_attributes,
    steering_attributes,
)
from darkstar_pipeline.service.home_assistant.mqtt_broker import QOS, MqttBroker
from darkstar_pipeline.service.home_assistant.mqtt_link import MqttLink
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.service.schemas.plans import CommandDocument, PlanDocument
from darkstar_pipeline.service.schemas.steering import Steering
from planner.fault_isolation import MISTAKES
from planner.wording.languages import ENGLISH, Language, speak

POLL_SECONDS = 2.0
REPEAT_SECONDS = EXPIRE_SECONDS / 4
DISCONNECT_SECONDS = 3.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The sources of what is published, each from memory.

    Attributes:
        plan: returns the latest plan.
        command: returns the command in force.
        steering: returns whether the plan steers the battery.
        loads: return what each movable load is to do now, by its name.
        language: the site's, in which entities are named and speak.
    """

    plan: Callable[[], PlanDocument]
    command: Callable[[], CommandDocument]
    steering: Callable[[], Steering]
    loads: Mapping[str, Callable[[], WantedLoad]] = field(default_factory=dict[str, Callable[[], WantedLoad]])
    language: Language = ENGLISH


class Publisher:
    """Publishes the plan of a site through a broker, in a thread of its own.

    Args:
        broker: the broker.
        site: name of the site.
        currency: currency of the site.
        shown: returns what is published.
        clock: the service's clock.

    Raises:
        ConfigurationError: the password file or the authority's cannot be read, or others can read the password.
    """

    def __init__(
        self,
        broker: MqttBroker,
        *,
        site: str,
        currency: str,
        shown: Shown,
        clock: Clock,
    ) -> None:
        self._site, self._currency = site, currency
        self._shown, self._clock = shown, clock
        self._topics = Topics(site, broker.settings.discovery_prefix)
        self._problem = ""
        self._announce_due, self._stop, self._wake = threading.Event(), threading.Event(), threading.Event()
        self._published: dict[str, bytes] = {}
        self._next_repeat = 0.0
        self._thread: threading.Thread | None = None
        # Named after the site: two services of one site disconnect each other, and report it.
        topics = [self._topics.home_assistant]
        self._link = MqttLink(
            broker, self._topics.device, topics, name="mqtt", take=self._on_message, connected=self._announce
        )
        self._client = self._link.client
        self._client.will_set(self._topics.availability, OFFLINE, qos=QOS, retain=True)

    def start(self) -> None:
        """Start connecting and publishing; return at once, whether there is a broker or not."""
        self._link.start()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Publish that the service is offline, and disconnect."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=DISCONNECT_SECONDS)
        if self._client.is_connected():
            try:
                self._client.publish(self._topics.availability, OFFLINE, qos=QOS, retain=True).wait_for_publish(
                    DISCONNECT_SECONDS
                )
            except (RuntimeError, ValueError):
                _log.warning("the broker did not accept the offline message; its last will reports the same")
        self._link.stop()

    def wake(self) -> None:
        """Publish changes now, such as a new plan."""
        self._wake.set()

    def status(self) -> Component:
        """Return the state of the publisher as a component of the service."""
        problem = self._link.problem or self._problem
        return Component(name="mqtt", ok=not problem, note=problem)

    def _announce(self) -> None:
        """Publish everything anew."""
        self._announce_due.set()
        self._wake.set()

    def _on_message(self, message: mqtt.MQTTMessage) -> None:
        """Publish everything anew when Home Assistant has started: it keeps only retained messages."""
        if message.payload == ONLINE.encode():
            self._announce()

    def _run(self) -> None:
        """Publish changes until stopped."""
        speak(self._shown.language)
        while not self._stop.is_set():
            try:
                self._publish_changes()
            except MISTAKES as error:  # one odd plan must not end the publisher
                self._problem = f"a plan cannot be published: {error}"
                _log.exception("publishing by MQTT failed")
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()

    def _publish_changes(self) -> None:
        """Publish what has changed since it was published, and everything at intervals."""
        if not self._client.is_connected():
            return
        if self._announce_due.is_set():
            self._announce_due.clear()
            announcement = discovery_message(self._topics, self._site, self._currency, self._shown.loads)
            self._publish(self._topics.discovery, announcement, retain=True)
            self._client.publish(self._topics.availability, ONLINE, qos=QOS, retain=True)
            self._next_repeat = 0.0
        repeat = self._clock.monotonic() >= self._next_repeat
        if repeat:
            self._next_repeat = self._clock.monotonic() + REPEAT_SECONDS
        now, shown = self._clock.now(), self._shown
        plan, command, steering = shown.plan(), shown.command(), shown.steering()
        for topic, document in (
            (self._topics.command, command_attributes(command)),
            (self._topics.plan, plan_attributes(plan, now)),
            (self._topics.steering, steering_attributes(steering)),
            (self._topics.state, entity_states(plan, command, steering, now)),
            *(
                (self._topics.load(name), load_document(plan, name, wanted()))
                for name, wanted in self._shown.loads.items()
            ),
        ):
            if repeat or self._published.get(topic) != compact_json(document):
                self._publish(topic, document, retain=False)
        self._problem = ""

    def _publish(self, topic: str, document: Json, *, retain: bool) -> None:
        """Publish a document."""
        payload = compact_json(document)
        self._client.publish(topic, payload, qos=QOS, retain=retain)
        self._published[topic] = payload
