"""Entities by MQTT discovery against a real broker: published, repeated, and gone when the service is."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from darkstar_pipeline.config.home_assistant import MqttSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.home_assistant import mqtt_publisher
from darkstar_pipeline.service.home_assistant.entities import Topics
from darkstar_pipeline.service.home_assistant.mqtt_broker import PASSWORD_VARIABLE
from darkstar_pipeline.service.home_assistant.mqtt_publisher import Publisher
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.service.schemas.plans import PlanDocument
from darkstar_pipeline.service.steering import OFF_WORDS
from tests.builders.broker import Broker, Listener, publisher_of
from tests.builders.service_home import HandClock, made_engine
from tests.builders.waiting import until

TOPICS = Topics("home", "homeassistant")


def with_mqtt(context: Context, port: int, **more: object) -> Context:
    """The home with a broker."""
    mqtt = MqttSettings.model_validate({"enabled": True, "port": port, **more})
    settings = context.site_settings.home_assistant.model_copy(update={"mqtt": mqtt})
    return replace(context, site_settings=context.site_settings.model_copy(update={"home_assistant": settings}))


@pytest.fixture
def broker(tmp_path: Path) -> Generator[Broker]:
    made = Broker(tmp_path)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def engine(context: Context) -> tuple[PlannerEngine, HandClock]:
    made, clock = made_engine(context)
    made.replan()
    return made, clock


def ok(publisher: Publisher) -> bool:
    return publisher.status().ok


def test_publisher_tells_plan_and_command_when_a_broker_is_there(
    context: Context, broker: Broker, engine: tuple[PlannerEngine, HandClock]
) -> None:
    planner, clock = engine
    listener = Listener(broker)
    publisher = publisher_of(with_mqtt(context, broker.port), planner)
    publisher.start()
    try:
        state = listener.document(TOPICS.state)
        assert state["command"] == planner.command().command
        assert state["plan"] == planner.plan().rung
        assert (state["steering"], listener.document(TOPICS.steering)["words"]) == ("off", OFF_WORDS)
        assert (
            listener.document(TOPICS.command)["expires_at"] == planner.command().model_dump(mode="json")["expires_at"]
        )
        first = listener.document(TOPICS.plan)["slots"][0][0]
        assert datetime.fromisoformat(first) == planner.plan().slots[0].slot_start
        until(lambda: listener.last.get(TOPICS.availability) == b"online", "availability")
        assert publisher.status() == Component(name="mqtt", ok=True, note="")
        late = Listener(broker)  # only what is retained reaches who comes late: no command may outlive its service
        until(lambda: TOPICS.discovery in late.last, "the announcement is retained")
        until(lambda: TOPICS.availability in late.last, "availability is retained")
        assert late.last.keys().isdisjoint({TOPICS.state, TOPICS.command, TOPICS.plan, TOPICS.steering})
        late.close()
        listener.forget()
        clock.seconds += (
            mqtt_publisher.REPEAT_SECONDS
        )  # nothing has changed, and it is published again before it expires
        publisher.wake()
        assert listener.document(TOPICS.state) == state
        listener.forget()
        listener.publish(TOPICS.home_assistant, "online")  # Home Assistant has started anew
        assert listener.document(TOPICS.state) == state
        assert listener.document(TOPICS.discovery)["origin"]["name"] == "Darkstar"
    finally:
        publisher.stop()
    until(lambda: listener.last.get(TOPICS.availability) == b"offline", "the goodbye")
    listener.close()


def test_publisher_tells_everything_again_when_the_broker_was_gone(
    context: Context, broker: Broker, engine: tuple[PlannerEngine, HandClock]
) -> None:
    broker.kill()
    planner, _ = engine
    publisher = publisher_of(with_mqtt(context, broker.port), planner)
    publisher.start()
    try:
        until(lambda: "no broker answers" in publisher.status().note, "it says that there is none")
        for _ in range(2):  # there at last, then gone and back
            broker.start()
            listener = Listener(broker)
            assert listener.document(TOPICS.discovery)["device"]["name"] == "Darkstar home"
            assert listener.document(TOPICS.state)["plan_valid"] == "ON"
            until(lambda: ok(publisher), "it is well again")
            listener.close()
            broker.kill()
            until(lambda: not ok(publisher), "it says that the broker is gone")
    finally:
        publisher.stop()


def test_publisher_says_refused_when_the_password_is_wrong(
    context: Context,
    tmp_path: Path,
    engine: tuple[PlannerEngine, HandClock],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = Broker(tmp_path, users={"darkstar": "right-password"})
    broker.start()
    words = tmp_path / "password"
    words.write_text("wrong-password\n")
    words.chmod(0o640)
    secured = with_mqtt(context, broker.port, username="darkstar", password_file=str(words))
    with pytest.raises(ConfigurationError, match="can be read by others"):
        publisher_of(secured, engine[0])
    words.chmod(0o600)
    wrong = publisher_of(secured, engine[0])
    wrong.start()
    until(lambda: "refuses" in wrong.status().note, "it says that it was refused")
    assert "wrong-password" not in wrong.status().note + caplog.text
    wrong.stop()
    monkeypatch.setenv(PASSWORD_VARIABLE, "right-password")
    right = publisher_of(secured, engine[0])
    right.start()
    until(lambda: ok(right), "the right one lets it in")
    right.stop()
    broker.kill()


def test_publisher_goes_on_when_a_plan_cannot_be_published(
    context: Context, broker: Broker, engine: tuple[PlannerEngine, HandClock]
) -> None:
    planner, _ = engine
    broken = [True]

    def plan() -> PlanDocument:
        if broken[0]:
            raise ValueError("no such plan")
        return planner.plan()

    listener = Listener(broker)
    publisher = publisher_of(with_mqtt(context, broker.port), planner, plan=plan)
    publisher.start()
    try:
        until(lambda: "no such plan" in publisher.status().note, "it says so")
        broken[0] = False
        publisher.wake()
        assert listener.document(TOPICS.state)["plan_valid"] == "ON"
        until(lambda: ok(publisher), "it is well again")
    finally:
        publisher.stop()
        listener.close()


def test_broker_says_offline_when_the_service_is_killed(broker: Broker, root: Path, tmp_path: Path) -> None:
    listener = Listener(broker)
    script = f"""
import time
from pathlib import Path
from tests.builders.broker import publisher_of
from tests.builders.service_home import made_engine
from tests.builders.small_home import small_context
from tests.darkstar_pipeline.service.home_assistant.test_mqtt_publisher import with_mqtt

context = small_context(Path({str(tmp_path / "state")!r}))
engine, _ = made_engine(context)
publisher_of(with_mqtt(context, {broker.port}), engine).start()
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
    try:
        until(lambda: listener.last.get(TOPICS.availability) == b"online", "it is there", 60)
        assert listener.document(TOPICS.state)
        process.send_signal(signal.SIGKILL)
        until(lambda: listener.last.get(TOPICS.availability) == b"offline", "the last will", 30)
    finally:
        process.kill()
        process.wait()
        listener.close()
