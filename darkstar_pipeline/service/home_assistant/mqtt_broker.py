"""The way to the home's MQTT broker: address, user, TLS and how a lost connection is made again."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from darkstar_pipeline.config.home_assistant import MqttSettings
from darkstar_pipeline.state.secrets import secret
from darkstar_pipeline.state.trust import with_authority

PASSWORD_VARIABLE = "DARKSTAR_MQTT_PASSWORD"  # noqa: S105 - the name of a variable
MAX_RECONNECT_SECONDS = 15
KEEP_ALIVE_SECONDS = 15
"""The broker notices a dead client after one and a half times this."""
QOS = 1


@dataclass(frozen=True)
class MqttBroker:
    """A broker.

    Attributes:
        settings: where it is and how to reach it.
        ca_file: certificate authority that is trusted beside the system's; None for none.
    """

    settings: MqttSettings
    ca_file: Path | None = None

    @property
    def address(self) -> str:
        """Host and port, for messages."""
        return f"{self.settings.host}:{self.settings.port}"

    def new_client(self, client_id: str) -> mqtt.Client:
        """Return a client that is not connected yet; two with one id disconnect each other.

        Raises:
            ConfigurationError: the password file or the authority's cannot be read, or others can read the password.
        """
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        settings = self.settings
        if settings.username is not None:
            client.username_pw_set(settings.username, secret(PASSWORD_VARIABLE, settings.password_file))
        if settings.tls:
            trusted = with_authority(ssl.create_default_context(), self.ca_file)
            client.tls_set_context(trusted)  # pyright: ignore[reportUnknownMemberType] - paho leaves it untyped
        client.reconnect_delay_set(min_delay=1, max_delay=MAX_RECONNECT_SECONDS)
        return client

    def connect(self, client: mqtt.Client) -> None:
        """Start connecting a client in a thread of its own; return at once, whether there is a broker or not."""
        client.connect_async(self.settings.host, self.settings.port, keepalive=KEEP_ALIVE_SECONDS)
        client.loop_start()
