"""A connection to the home's MQTT broker: what it listens to, and what is wrong with it, told by one in the same words.

A broker that is absent, refuses or is lost is remembered and logged once, never raised; paho connects again by itself.
"""

import logging
from collections.abc import Callable, Sequence

import paho.mqtt.client as mqtt
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from darkstar_pipeline.service.home_assistant.mqtt_broker import QOS, MqttBroker

_log = logging.getLogger(__name__)


def _nothing() -> None:
    """Do nothing."""


class MqttLink:
    """A client and its topics.

    Args:
        broker: the broker.
        client_id: name of the client; two with one name disconnect each other.
        topics: listened to, after every connection anew.
        name: whose connection it is, for the log.
        take: takes a message.
        connected: called after a connection.
        lost: called after a connection was lost.

    Attributes:
        client: of paho.
        problem: what is wrong with the connection; empty where nothing is.

    Raises:
        ConfigurationError: the password file or the authority's cannot be read, or others can read the password.
    """

    def __init__(
        self,
        broker: MqttBroker,
        client_id: str,
        topics: Sequence[str],
        *,
        name: str,
        take: Callable[[mqtt.MQTTMessage], None],
        connected: Callable[[], None] = _nothing,
        lost: Callable[[], None] = _nothing,
    ) -> None:
        self._broker, self._topics, self._name = broker, list(topics), name
        self._take, self._connected, self._lost = take, connected, lost
        self._ended = False
        self.problem = "not connected yet"
        self.client = broker.new_client(client_id)
        self.client.on_connect, self.client.on_connect_fail = self._on_connect, self._on_connect_fail
        self.client.on_disconnect, self.client.on_subscribe = self._on_disconnect, self._on_subscribe
        self.client.on_message = self._on_message

    def start(self) -> None:
        """Start connecting; return at once, whether there is a broker or not."""
        self._broker.connect(self.client)

    def stop(self) -> None:
        """Disconnect."""
        self._ended = True
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(
        self,
        client: mqtt.Client,
        _data: object,
        _flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _more: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._tell(f"the broker refuses: {reason}")
            return
        self._tell("")
        client.subscribe([(topic, QOS) for topic in self._topics])
        self._connected()

    def _on_subscribe(
        self, _client: mqtt.Client, _data: object, _message: int, reasons: list[ReasonCode], _more: Properties | None
    ) -> None:
        """Tell which topics the broker does not let this user read: it stays connected, and they stay silent."""
        refused = [topic for topic, reason in zip(self._topics, reasons, strict=False) if reason.is_failure]
        if refused:
            self._tell(f"the broker does not let this user read {', '.join(refused)}: allow it there")

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _data: object,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _more: Properties | None,
    ) -> None:
        if self._ended:
            return
        if not self.problem:
            self._tell(f"the connection to {self._broker.address} was lost: {reason}")
        self._lost()

    def _on_connect_fail(self, _client: mqtt.Client, _data: object) -> None:
        self._tell(f"no broker answers at {self._broker.address}")

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self._take(message)

    def _tell(self, problem: str) -> None:
        """Remember what is wrong, and log it where it is something else."""
        if problem and problem != self.problem:
            _log.warning("%s: %s", self._name, problem)
        self.problem = problem
