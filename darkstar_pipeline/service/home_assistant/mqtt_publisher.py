"""Publishes plan and command as entities in Home Assistant, by MQTT discovery.

Nothing here holds up planning: a broker that is absent or refuses is reported, never raised. Only the discovery message
and the availability are retained, so that no command outlives its service: the broker itself reports a service that
died (last will), and Home Assistant drops states that are not repeated (`expire_after`).
"""

import logging
import ssl
import threading
from collections.abc import Callable

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from darkstar_pipeline.config.home_assistant import MqttSettings
from darkstar_pipeline.service.clock import Clock
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
    plan_attributes,
    steering_attributes,
)
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.service.schemas.plans import CommandDocument, PlanDocument
from darkstar_pipeline.service.schemas.steering import Steering
from darkstar_pipeline.state.secrets import secret

PASSWORD_VARIABLE = "DARKSTAR_MQTT_PASSWORD"  # noqa: S105 - the name of a variable
POLL_SECONDS = 2.0
REPEAT_SECONDS = EXPIRE_SECONDS / 4
KEEP_ALIVE_SECONDS = 15
"""The broker notices a dead service after one and a half times this."""
MAX_RECONNECT_SECONDS = 15
DISCONNECT_SECONDS = 3.0
QOS = 1
_log = logging.getLogger(__name__)


class Publisher:
    """Publishes the plan of a site through a broker, in a thread of its own.

    Args:
        settings: the broker and how to reach it.
        site: name of the site.
        currency: currency of the site.
        plan: returns the latest plan, from memory.
        command: returns the command in force, from memory.
        steering: returns whether the plan steers the battery, from memory.
        clock: the service's clock.

    Raises:
        ConfigurationError: the password file cannot be read, or others can read it.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        site: str,
        currency: str,
        plan: Callable[[], PlanDocument],
        command: Callable[[], CommandDocument],
        steering: Callable[[], Steering],
        clock: Clock,
    ) -> None:
        self._settings, self._site, self._currency = settings, site, currency
        self._plan, self._command, self._steering, self._clock = plan, command, steering, clock
        self._topics = Topics(site, settings.discovery_prefix)
        self._problem = "not connected yet"
        self._announce_due, self._stop, self._wake = threading.Event(), threading.Event(), threading.Event()
        self._published: dict[str, bytes] = {}
        self._next_repeat = 0.0
        self._thread: threading.Thread | None = None
        self._client = self._new_client()

    def _new_client(self) -> mqtt.Client:
        """Return a client named after the site: two services of one site disconnect each other, and report it."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self._topics.device)
        settings = self._settings
        if settings.username is not None:
            client.username_pw_set(settings.username, secret(PASSWORD_VARIABLE, settings.password_file))
        if settings.tls:
            client.tls_set_context(ssl.create_default_context())  # pyright: ignore[reportUnknownMemberType] - paho leaves it untyped
        client.will_set(self._topics.availability, OFFLINE, qos=QOS, retain=True)
        client.reconnect_delay_set(min_delay=1, max_delay=MAX_RECONNECT_SECONDS)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_message, client.on_connect_fail = self._on_message, self._on_connect_fail
        return client

    def start(self) -> None:
        """Start connecting and publishing; return at once, whether there is a broker or not."""
        self._client.connect_async(self._settings.host, self._settings.port, keepalive=KEEP_ALIVE_SECONDS)
        self._client.loop_start()
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
        self._client.disconnect()
        self._client.loop_stop()

    def wake(self) -> None:
        """Publish changes now, such as a new plan."""
        self._wake.set()

    def status(self) -> Component:
        """Return the state of the publisher as a component of the service."""
        return Component(name="mqtt", ok=not self._problem, note=self._problem)

    def _on_connect(
        self,
        client: mqtt.Client,
        _data: object,
        _flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _more: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._problem = f"the broker refuses: {reason}"
            _log.warning("mqtt: %s", self._problem)
            return
        self._problem = ""
        client.subscribe(self._topics.home_assistant, qos=QOS)
        self._announce_due.set()
        self._wake.set()

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _data: object,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _more: Properties | None,
    ) -> None:
        if not self._stop.is_set() and not self._problem:
            self._problem = f"the connection was lost: {reason}"
            _log.warning("mqtt: %s", self._problem)

    def _on_connect_fail(self, _client: mqtt.Client, _data: object) -> None:
        self._problem = f"no broker answers at {self._settings.host}:{self._settings.port}"

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        """Publish everything anew when Home Assistant has started: it keeps only retained messages."""
        if message.payload == ONLINE.encode():
            self._announce_due.set()
            self._wake.set()

    def _run(self) -> None:
        """Publish changes until stopped."""
        while not self._stop.is_set():
            try:
                self._publish_changes()
            except Exception as error:  # noqa: BLE001 - one odd plan must not end the publisher
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
            self._publish(
                self._topics.discovery, discovery_message(self._topics, self._site, self._currency), retain=True
            )
            self._client.publish(self._topics.availability, ONLINE, qos=QOS, retain=True)
            self._next_repeat = 0.0
        repeat = self._clock.monotonic() >= self._next_repeat
        if repeat:
            self._next_repeat = self._clock.monotonic() + REPEAT_SECONDS
        now, plan, command, steering = self._clock.now(), self._plan(), self._command(), self._steering()
        for topic, document in (
            (self._topics.command, command_attributes(command)),
            (self._topics.plan, plan_attributes(plan, now)),
            (self._topics.steering, steering_attributes(steering)),
            (self._topics.state, entity_states(plan, command, steering, now)),
        ):
            if repeat or self._published.get(topic) != compact_json(document):
                self._publish(topic, document, retain=False)
        self._problem = ""

    def _publish(self, topic: str, document: Json, *, retain: bool) -> None:
        """Publish a document."""
        payload = compact_json(document)
        self._client.publish(topic, payload, qos=QOS, retain=retain)
        self._published[topic] = payload
