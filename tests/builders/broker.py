"""A real MQTT broker on loopback, started and killed by tests, and a client that records its messages."""

import json
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from darkstar_pipeline.console.supervisor import LOOPBACK, free_port
from darkstar_pipeline.context import Context
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.engine.wanted_loads import WantedLoad
from darkstar_pipeline.service.home_assistant.mqtt_broker import MqttBroker
from darkstar_pipeline.service.home_assistant.mqtt_publisher import Publisher, Shown
from darkstar_pipeline.service.schemas.plans import PlanDocument
from darkstar_pipeline.service.schemas.steering import Steering
from darkstar_pipeline.service.steering import OFF_WORDS
from tests.builders.tools import mqtt_broker
from tests.builders.waiting import WAIT_SECONDS, until

RECONNECT_SECONDS = 40.0


class Broker:
    """A broker on a free port; it keeps nothing when it ends.

    Args:
        folder: folder of its configuration.
        users: passwords of those who may connect, by name; None for no check.
    """

    def __init__(self, folder: Path, users: dict[str, str] | None = None) -> None:
        program = mqtt_broker()
        self.port = free_port(21_883)
        self._process: subprocess.Popen[bytes] | None = None
        write = _amqtt if program.endswith("amqtt") else _mosquitto
        self._command = [program, "-c", str(write(folder, f"{LOOPBACK}:{self.port}", users))]

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._listens, "the broker listens")

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the broker ended"
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, self.port)) == 0

    def kill(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _mosquitto(folder: Path, address: str, users: dict[str, str] | None) -> Path:
    """Write mosquitto's configuration; return its path."""
    host, port = address.split(":")
    lines = [f"listener {port} {host}", "persistence false"]
    if users is None:
        lines.append("allow_anonymous true")
    else:
        passwords = folder / "passwords"
        passwords.touch(mode=0o600)
        for name, password in users.items():
            subprocess.run(["mosquitto_passwd", "-b", str(passwords), name, password], check=True)
        lines += ["allow_anonymous false", f"password_file {passwords}", "user root"]
    path = folder / "mosquitto.conf"
    path.write_text("\n".join(lines) + "\n")
    return path


def _amqtt(folder: Path, address: str, users: dict[str, str] | None) -> Path:
    """Write aMQTT's configuration; return its path."""
    plugins: dict[str, dict[str, object]] = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {}}
    if users is not None:
        hashing = "import sys; from pwdlib.hashers.argon2 import Argon2Hasher as H; print(H().hash(sys.argv[1]))"
        command = [str(Path(mqtt_broker()).with_name("python")), "-c", hashing]
        hashes = {
            name: subprocess.run([*command, password], check=True, capture_output=True, text=True).stdout
            for name, password in users.items()
        }
        rows = [f"{name}:{hashed}" for name, hashed in hashes.items()]
        (folder / "passwords").write_text("".join(rows))
        plugins = {"amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(folder / "passwords")}}
    path = folder / "amqtt.yaml"
    path.write_text(yaml.safe_dump({"listeners": {"default": {"type": "tcp", "bind": address}}, "plugins": plugins}))
    return path


def publisher_of(
    context: Context,
    engine: PlannerEngine,
    plan: Callable[[], PlanDocument] | None = None,
    loads: Mapping[str, Callable[[], WantedLoad]] | None = None,
) -> Publisher:
    """The publisher of an engine, or of another source of plans, and of loads where there are some."""
    return Publisher(
        MqttBroker(context.site_settings.home_assistant.mqtt),
        site=context.site_name,
        currency=context.site.currency,
        shown=Shown(
            plan=plan or engine.plan,
            command=engine.command,
            steering=lambda: Steering(state="off", steers=False, words=OFF_WORDS),
            loads=loads or {},
        ),
        clock=engine.clock,
    )


class Listener:
    """A client that subscribes to every topic of a broker and keeps the last message of each."""

    def __init__(self, broker: Broker, user: str | None = None, password: str | None = None) -> None:
        self.last: dict[str, bytes] = {}
        self.counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.on_connect = _subscribe
        self._client.on_message = self._keep
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.connect(LOOPBACK, broker.port)
        self._client.loop_start()

    def _keep(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        with self._lock:
            self.last[message.topic] = bytes(message.payload)
            self.counts[message.topic] = self.counts.get(message.topic, 0) + 1

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Publish a message, as Home Assistant or a device would, once the connection is there (again)."""
        until(self._client.is_connected, "the listener is connected", RECONNECT_SECONDS)  # paho raises at once else
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(WAIT_SECONDS)

    def document(self, topic: str) -> dict[str, Any]:
        """Return the last message of a topic; wait for one where there is none."""
        until(lambda: topic in self.last, f"a message of {topic}")
        return json.loads(self.last[topic])

    def forget(self) -> None:
        """Drop all messages."""
        with self._lock:
            self.last.clear()
            self.counts.clear()

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


def _subscribe(client: mqtt.Client, *_: object) -> None:
    """Subscribe to every topic, after a reconnection too."""
    client.subscribe("#", qos=1)
