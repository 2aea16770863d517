"""Readings by MQTT, over a real broker: whatever a topic sends, what is stored is true."""

import json
import socket
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from darkstar_pipeline.config.home_assistant import HomeAssistantSensors, HomeAssistantSettings, MqttSettings
from darkstar_pipeline.config.sources.all_sources import SourcesSettings
from darkstar_pipeline.config.sources.mqtt import MqttReadingSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.home_assistant.feeds.made_feed import made_mqtt_feed
from darkstar_pipeline.service.home_assistant.feeds.mqtt_payload import PayloadError, instant_in, number_in
from darkstar_pipeline.service.home_assistant.feeds.mqtt_reader import MqttReader
from darkstar_pipeline.service.home_assistant.home_feed import HomeFeed
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from tests.builders.broker import Broker, Listener
from tests.builders.service_home import HandClock, moment
from tests.builders.small_home import small_context
from tests.builders.waiting import until

AT = moment(hour=2, minute=0, fold=0)
"""Before the hour that comes twice."""
TOPICS: list[dict[str, Any]] = [
    {"topic": "house/load", "measures": "load", "unit": "W"},
    {"topic": "tele/meter/SENSOR", "measures": "grid_import", "unit": "kWh", "value": "ENERGY.Total"},
    {"topic": "battery/state", "measures": "soc", "unit": "%", "value": "soc", "time": "at"},
]

LOAD = ("house/load", "1200")


def metered(total: float) -> tuple[str, object]:
    """A message of the meter, as Tasmota sends it."""
    return "tele/meter/SENSOR", {"ENERGY": {"Total": total}}


@dataclass
class Home:
    """A home whose devices speak MQTT."""

    context: Context
    broker: Broker
    reader: MqttReader
    feed: HomeFeed
    clock: HandClock
    devices: Listener
    sent: int = 0

    def send(self, *messages: tuple[str, object]) -> None:
        """Send messages and wait until they were handled."""
        for topic, payload in messages:
            self.devices.publish(topic, payload if isinstance(payload, str) else json.dumps(payload))
        self.sent += 1
        self.devices.publish("mark", str(self.sent))
        until(lambda: self.marked() == self.sent, "the message was handled")

    def marked(self) -> int:
        return int(float(self.reader.state("mqtt.water")["state"].replace("unavailable", "0")))

    def at(self, minutes: float) -> datetime:
        self.clock.seconds += 60 * minutes - (self.clock.at - AT).total_seconds()
        self.clock.at = AT + timedelta(minutes=minutes)
        return self.clock.at

    def readings(self) -> list[dict[str, Any]]:
        columns = ("slot_start", "load_kwh", "import_kwh", "soc_end_percent")
        return self.context.lake.read(METER_READINGS, "home").sort("slot_start").select(columns).to_dicts()


def with_topics(context: Context, port: int, *topics: dict[str, Any], **more: Any) -> Context:
    settings = MqttReadingSettings.model_validate({"topics": topics, **more})
    home = HomeAssistantSettings(mqtt=MqttSettings(port=port))
    changes = {"home_assistant": home, "sources": SourcesSettings(mqtt=settings)}
    return replace(context, site_settings=context.site_settings.model_copy(update=changes))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[Broker]:
    running = Broker(tmp_path_factory.mktemp("broker"))
    running.start()
    yield running
    running.kill()


@pytest.fixture
def home(tmp_path: Path, broker: Broker) -> Generator[Home]:
    mark = {"topic": "mark", "measures": "water", "unit": "Wh"}
    context = with_topics(small_context(tmp_path / "home", filled=False), broker.port, *TOPICS, mark)
    clock = HandClock(at=AT)
    devices = Listener(broker)
    made = made_mqtt_feed(context, clock)
    assert made is not None
    reader, feed = made
    reader.start()
    # The broker has all subscriptions or none, since they are one message.
    until(lambda: (devices.publish("mark", "0"), reader.state("mqtt.water")["state"] == "0.0")[1], "it hears")
    yield Home(context, broker, reader, feed, clock, devices)
    reader.stop()
    devices.close()


def test_messages_become_readings_by_the_road_of_every_reading(home: Home):
    for minute in range(0, 121, 5):  # through the hour that comes twice
        level = {"soc": 50 + minute / 10, "at": home.at(minute).isoformat()}
        home.send(LOAD, metered(5000 + minute / 60), ("battery/state", level))
    home.at(120.5)
    home.feed.poll()
    assert home.feed.soc() == (62.0, AT + timedelta(minutes=120))
    (report,) = home.feed.sync()
    assert report.slots_new == 8
    rows = home.readings()
    assert [row["slot_start"] for row in rows] == [AT + timedelta(minutes=15 * n) for n in range(8)]
    assert [row["load_kwh"] for row in rows] == pytest.approx([0.3] * 8)
    assert [row["import_kwh"] for row in rows] == pytest.approx([0.25] * 8)
    assert rows[-1]["soc_end_percent"] == pytest.approx(62.0)
    assert [report.slots_unchanged for report in home.feed.sync()] == [4], "what is read again changes nothing"
    assert home.feed.status().ok, home.feed.status().note


def test_messages_that_come_twice_or_broken_do_no_harm(home: Home):
    for minute in range(0, 31, 5):
        home.at(minute)
        home.send(LOAD, LOAD, ("house/load", "broken"), LOAD, metered(100 + minute / 60), metered(100 + minute / 60))
    home.at(30.5)
    home.feed.sync()
    assert [row["load_kwh"] for row in home.readings()] == pytest.approx([0.3, 0.3])
    assert [row["import_kwh"] for row in home.readings()] == pytest.approx([0.25, 0.25])


def test_topics_that_told_nothing_yet_are_named(home: Home):
    assert home.feed.sync() == []
    assert "the MQTT broker has recorded no state of the sensors" in home.feed.status().note
    home.send(LOAD)
    home.at(0.5)
    assert home.feed.sync() == []
    assert "no slot is covered whole" in home.feed.status().note


def test_a_retained_message_is_no_reading(home: Home):
    home.devices.publish("house/load", "90000", retain=True)
    home.reader.stop()
    made = made_mqtt_feed(home.context, home.clock)
    assert made is not None
    reader, _ = made
    reader.start()
    until(lambda: reader.status().ok, "it listens")
    home.devices.publish("mark", "1")
    until(lambda: reader.state("mqtt.water")["state"] == "1.0", "it hears")
    assert reader.state("mqtt.load")["state"] == "unavailable", "of a retained message nobody knows the time"
    reader.stop()


@pytest.mark.parametrize(
    ("topic", "payload", "says"),
    [
        ("house/load", "true", "no number"),
        ("house/load", "unavailable", "no number"),
        ("house/load", "nan", "no number"),
        ("house/load", "1e999", "no number"),
        ("house/load", "1_000", "no number"),
        ("house/load", "", "no number"),
        ("tele/meter/SENSOR", "{}", "it has no ENERGY"),
        ("tele/meter/SENSOR", '{"ENERGY": {"Total": true}}', "True is no number"),
        ("tele/meter/SENSOR", '{"ENERGY": {"Total": NaN}}', "nan is no number"),
        ("tele/meter/SENSOR", "[" * 70_000, "70000 bytes"),
        ("battery/state", '{"soc": 50, "at": "2026-01-01T00:00:00"}', "without offset"),
        ("battery/state", '{"soc": 50, "at": "2099-01-01T00:00:00Z"}', "which is to come"),
        ("battery/state", '{"soc": 50, "at": 1000000000}', "long over"),
        ("battery/state", '{"soc": 50, "at": true}', "no time"),
        ("battery/state", '{"soc": 50, "at": "0001-01-01T00:00:00+01:00"}', "no time"),
        ("battery/state", '{"soc": 50, "at": "9999-12-31T23:59:59-01:00"}', "no time"),
    ],
)
def test_a_message_that_is_no_reading_is_told_and_nothing_is_stored(home: Home, topic: str, payload: str, says: str):
    entity = {each["topic"]: f"mqtt.{each['measures']}" for each in TOPICS}[topic]
    home.send((topic, payload))
    assert says in home.reader.status().note
    assert topic in home.reader.status().note
    assert home.reader.state(entity)["state"] == "unavailable"
    good = {"house/load": "5", "tele/meter/SENSOR": {"ENERGY": {"Total": "7.5"}}}
    home.send((topic, good.get(topic, {"soc": 50, "at": home.clock.at.timestamp()})))
    assert home.reader.status().ok, "the next one mends it"
    assert home.reader.state(entity)["state"] != "unavailable"


def test_late_readings_with_a_time_of_their_own_are_put_where_they_belong(home: Home):
    for minute in (0, 10, 5, 5, 15):
        home.at(max(minute, 10))
        at = int((AT + timedelta(minutes=minute)).timestamp() * 1000)
        home.send(("battery/state", {"soc": 40 + minute, "at": at}))
    home.at(16)
    (states,) = home.reader.history(["mqtt.soc"], AT, home.clock.at)
    assert [each["state"] for each in states] == ["40.0", "45.0", "45.0", "50.0", "55.0"]


def test_a_power_that_falls_silent_is_unknown_and_a_counter_tells_what_it_missed(home: Home):
    for minute in (*range(0, 31, 5), *range(75, 91, 5)):
        home.at(minute)
        home.send(LOAD, metered(10 + minute / 60))
    home.at(90.5)
    home.feed.sync()
    rows = {row["slot_start"]: row for row in home.readings()}
    assert rows[AT + timedelta(minutes=15)]["load_kwh"] == pytest.approx(0.3)
    gone = rows.get(AT + timedelta(minutes=60), {}).get("load_kwh")
    assert gone is None, "nobody knows what the house drew"
    assert sum(row["import_kwh"] or 0 for row in rows.values()) <= 1.5 + 1e-9


def test_readings_go_on_when_the_broker_was_gone(home: Home):
    home.send(LOAD)
    home.broker.kill()
    until(lambda: not home.reader.status().ok, "it says so")
    assert "mqtt" in home.reader.status().name
    home.broker.start()
    until(lambda: home.reader.status().ok, "it listens again", 40)
    until(lambda: (home.devices.publish("house/load", "700"), home.reader.state("mqtt.load")["state"] == "700.0")[1],
          "it hears", 40)  # fmt: skip


def test_a_clock_that_was_ahead_leaves_no_readings_to_come(home: Home):
    home.clock.at = AT + timedelta(days=2)
    home.send(("house/load", "900"))
    home.clock.at = AT
    home.send(("house/load", "300"))
    (states,) = home.reader.history(["mqtt.load"], AT - timedelta(hours=1), AT + timedelta(days=3))
    assert [each["state"] for each in states][:1] == ["300.0"]
    assert "900.0" not in [each["state"] for each in states]


def test_a_topic_that_the_broker_refuses_is_named(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        context = with_topics(small_context(tmp_path, filled=False), server.getsockname()[1], *TOPICS)
        made = made_mqtt_feed(context, HandClock(at=AT))
        assert made is not None
        reader, _ = made
        reader.start()
        connection, _ = server.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(b"\x20\x02\x00\x00")  # CONNACK: welcome
            asked = connection.recv(1024)
            connection.sendall(b"\x90\x05" + asked[2:4] + b"\x01\x80\x01")  # SUBACK: the second of three is refused
            until(lambda: "read house/load: allow it there" in reader.status().note, "the refusal is told")
            assert not reader.status().ok
            reader.stop()


def test_a_quantity_from_both_is_refused(tmp_path: Path):
    context = with_topics(small_context(tmp_path, filled=False), 1, TOPICS[0])
    both = context.site_settings.home_assistant.model_copy(update={"sensors": HomeAssistantSensors(load="sensor.a")})
    settings = context.site_settings.model_copy(update={"home_assistant": both})
    with pytest.raises(ConfigurationError, match="load come from Home Assistant and by MQTT"):
        made_mqtt_feed(replace(context, site_settings=settings), HandClock(at=AT))


@pytest.mark.parametrize(
    ("topics", "more", "says"),
    [
        ([{"topic": "a/#", "measures": "pv", "unit": "W"}], {}, "topic"),
        ([{"topic": "a", "measures": "grid", "unit": "kWh"}], {}, "grid is in W or kW"),
        ([{"topic": "a", "measures": "soc", "unit": "W"}], {}, "soc is in %"),
        ([{"topic": "a", "measures": "pv", "unit": "%"}], {}, "a power or an energy"),
        ([{"topic": "a", "measures": "load", "unit": "W"}], {"load": "balance"}, "load is a topic and balance"),
        ([{"topic": each, "measures": "soc", "unit": "%"} for each in "ab"], {}, "two topics measure soc"),
        ([{"topic": "a", "measures": "pv", "unit": "W", "value": "p"}] * 2, {}, "a at p stands twice"),
        ([{"topic": "a", "measures": each, "unit": "W"} for each in ("pv", "load")], {}, "a stands twice"),
    ],
)
def test_settings_that_cannot_be_are_refused(topics: list[dict[str, Any]], more: dict[str, Any], says: str):
    with pytest.raises(ValidationError, match=says):
        MqttReadingSettings.model_validate({"topics": topics, **more})


def test_topics_of_one_quantity_are_summed():
    two = [{"topic": each, "measures": "pv", "unit": "W"} for each in "ab"]
    settings = MqttReadingSettings.model_validate({"topics": two, "load": "balance"})
    assert settings.sensors() == HomeAssistantSensors(pv="mqtt.pv+mqtt.pv_2", load="balance")


@pytest.mark.parametrize("payload", [b"\xff\xfe", b'{"a": [', b"[1, 2]", b'{"a": {}}', b'{"a": null}', b"9" * 5000])
def test_payloads_in_another_shape_hold_no_number(payload: bytes):
    with pytest.raises(PayloadError):
        number_in(payload, "a")


def test_a_time_has_an_offset_or_counts_since_1970():
    assert instant_in(b'{"t": "2025-10-26T02:30:00+01:00"}', "t") == instant_in(b'{"t": 1761442200}', "t")
    with pytest.raises(PayloadError):
        instant_in(b'{"t": 12}', "t")
