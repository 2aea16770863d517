"""Plan and command as entities in Home Assistant, by MQTT discovery: connects, announces, tells, and tells again.

Nothing here is in the way of planning: the broker may be gone, come back or refuse; that is told, never raised. Only
the announcement and the availability are retained, so that no command outlives the service that gave it: the broker
itself reports its death (last will), and Home Assistant forgets what it has not heard again (`expire_after`).
"""

import logging
import ssl
import threading
from collections.abc import Callable

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from darkstar_pipeline.context import Context
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.home_assistant.entities import (
    EXPIRE_SECONDS,
    OFFLINE,
    ONLINE,
    Json,
    Topics,
    announcement,
    command_attributes,
    packed,
    plan_attributes,
    states,
)
from darkstar_pipeline.service.schemas import CommandDocument, Component, PlanDocument
from darkstar_pipeline.service.secrets import secret

PASSWORD_VARIABLE = "DARKSTAR_MQTT_PASSWORD"  # noqa: S105 - the name of a variable
LOOK_SECONDS = 2.0
REPEAT_SECONDS = EXPIRE_SECONDS / 4
KEEP_ALIVE_SECONDS = 15
"""A dead service is noticed by the broker after one and a half of it."""
LONGEST_PAUSE_SECONDS = 15
GOODBYE_SECONDS = 3.0
QOS = 1
_log = logging.getLogger(__name__)


class Publisher:
    """Tells Home Assistant, through a broker, what is planned; a thread of its own.

    Args:
        context: the site.
        plan: gives the latest plan, from memory.
        command: gives what the inverter is told now, from memory.
        clock: what time it is.

    Raises:
        ConfigurationError: the password file cannot be read, or others can read it.
    """

    def __init__(
        self,
        context: Context,
        *,
        plan: Callable[[], PlanDocument],
        command: Callable[[], CommandDocument],
        clock: Clock,
    ) -> None:
        self._settings = context.site_settings.home_assistant.mqtt
        self._site, self._currency = context.site_name, context.site.currency
        self._plan, self._command, self._clock = plan, command, clock
        self._topics = Topics(context.site_name, self._settings.discovery_prefix)
        self._trouble = "not connected yet"
        self._announce, self._stop, self._wake = threading.Event(), threading.Event(), threading.Event()
        self._told: dict[str, bytes] = {}
        self._next_repeat = 0.0
        self._thread: threading.Thread | None = None
        self._client = self._made_client()

    def _made_client(self) -> mqtt.Client:
        """The client; a site has one, so two services of one site take the name from each other, and say so."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self._topics.device)
        settings = self._settings
        if settings.username is not None:
            client.username_pw_set(settings.username, secret(PASSWORD_VARIABLE, settings.password_file))
        if settings.tls:
            client.tls_set_context(ssl.create_default_context())  # pyright: ignore[reportUnknownMemberType] - paho leaves it untyped
        client.will_set(self._topics.availability, OFFLINE, qos=QOS, retain=True)
        client.reconnect_delay_set(min_delay=1, max_delay=LONGEST_PAUSE_SECONDS)
        client.on_connect, client.on_disconnect = self._connected, self._disconnected
        client.on_message, client.on_connect_fail = self._heard, self._unreached
        return client

    def start(self) -> None:
        """Begin to connect and to tell; returns at once, whether there is a broker or not."""
        self._client.connect_async(self._settings.host, self._settings.port, keepalive=KEEP_ALIVE_SECONDS)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye and tell no more."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=GOODBYE_SECONDS)
        if self._client.is_connected():
            try:
                self._client.publish(self._topics.availability, OFFLINE, qos=QOS, retain=True).wait_for_publish(
                    GOODBYE_SECONDS
                )
            except (RuntimeError, ValueError):
                _log.warning("the broker did not take the goodbye; its last will says the same")
        self._client.disconnect()
        self._client.loop_stop()

    def wake(self) -> None:
        """Have it look now; for whoever made a new plan."""
        self._wake.set()

    def status(self) -> Component:
        """How it is."""
        return Component(name="mqtt", ok=not self._trouble, note=self._trouble)

    def _connected(
        self,
        client: mqtt.Client,
        _data: object,
        _flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _more: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._trouble = f"the broker refuses: {reason}"
            _log.warning("mqtt: %s", self._trouble)
            return
        self._trouble = ""
        client.subscribe(self._topics.home_assistant, qos=QOS)
        self._announce.set()
        self._wake.set()

    def _disconnected(
        self,
        _client: mqtt.Client,
        _data: object,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _more: Properties | None,
    ) -> None:
        if not self._stop.is_set() and not self._trouble:
            self._trouble = f"the connection was lost: {reason}"
            _log.warning("mqtt: %s", self._trouble)

    def _unreached(self, _client: mqtt.Client, _data: object) -> None:
        self._trouble = f"no broker answers at {self._settings.host}:{self._settings.port}"

    def _heard(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        """Home Assistant has started: it has forgotten what was not retained."""
        if message.payload == ONLINE.encode():
            self._announce.set()
            self._wake.set()

    def _run(self) -> None:
        """Look, and tell what has changed, until told to stop."""
        while not self._stop.is_set():
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - the home's display must not fall to one odd plan
                self._trouble = f"cannot be told: {error}"
                _log.exception("telling Home Assistant failed")
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()

    def _look(self) -> None:
        """Tell what has changed since it was told, and everything now and then."""
        if not self._client.is_connected():
            return
        if self._announce.is_set():
            self._announce.clear()
            self._say(self._topics.discovery, announcement(self._topics, self._site, self._currency), retain=True)
            self._client.publish(self._topics.availability, ONLINE, qos=QOS, retain=True)
            self._next_repeat = 0.0
        repeat = self._clock.monotonic() >= self._next_repeat
        if repeat:
            self._next_repeat = self._clock.monotonic() + REPEAT_SECONDS
        now, plan, command = self._clock.now(), self._plan(), self._command()
        for topic, document in (
            (self._topics.command, command_attributes(command)),
            (self._topics.plan, plan_attributes(plan, now)),
            (self._topics.state, states(plan, command, now)),
        ):
            if repeat or self._told.get(topic) != packed(document):
                self._say(topic, document, retain=False)
        self._trouble = ""

    def _say(self, topic: str, document: Json, *, retain: bool) -> None:
        """Send a document."""
        payload = packed(document)
        self._client.publish(topic, payload, qos=QOS, retain=retain)
        self._told[topic] = payload
