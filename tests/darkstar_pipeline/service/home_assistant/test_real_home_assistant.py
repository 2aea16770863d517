"""The real Home Assistant shows what is published, keeps it, and forgets it; its recorder's states reach the lake."""

import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import uvicorn

from benchmarks.fault_injection.real_home_assistant import RealHomeAssistant
from darkstar_pipeline.config.home_assistant import HomeAssistantSensors, HomeAssistantSettings, MqttSettings
from darkstar_pipeline.console.supervisor import free_port
from darkstar_pipeline.context import Context
from darkstar_pipeline.home_assistant_api.connection import Connection
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.home_assistant.client import HomeAssistantClient
from darkstar_pipeline.service.home_assistant.feeds import live_states
from darkstar_pipeline.service.home_assistant.feeds.live_reader import LiveReader
from darkstar_pipeline.service.home_assistant.feeds.live_states import LiveStates
from darkstar_pipeline.service.home_assistant.home_feed import HomeFeed, StateReader
from darkstar_pipeline.service.http.app import create_app
from darkstar_pipeline.service.http.dependencies import ServiceState
from darkstar_pipeline.service.http.metrics import Metrics
from darkstar_pipeline.service.http.tokens import AccessToken
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from tests.builders import tools
from tests.builders.broker import Broker, publisher_of
from tests.builders.service_home import TOKEN, made_engine
from tests.builders.small_home import small_context
from tests.builders.waiting import until
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
COMMAND, PLAN = "sensor.darkstar_home_command", "sensor.darkstar_home_plan"
VALID, CHANGE = "binary_sensor.darkstar_home_plan_valid", "sensor.darkstar_home_next_change"


REST_COMMAND = "sensor.darkstar_rest_command"


@dataclass
class House:
    """A home with its planner, its Home Assistant and a broker between them."""

    assistant: RealHomeAssistant
    broker: Broker
    context: Context
    engine: PlannerEngine


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Generator[House]:
    """All of it, running; Home Assistant has its MQTT integration set up, as a person does it in the page."""
    folder = tmp_path_factory.mktemp("house")
    tools.home_assistant()
    broker, assistant = Broker(folder), RealHomeAssistant(folder / "assistant")
    broker.start()
    context = with_settings(small_context(folder / "state"), assistant, broker)
    engine, _ = made_engine(context)
    engine.replan()
    with served(engine) as url:
        add_rest_sensors(assistant, url)
        try:
            assistant.start()
            flows = "/api/config/config_entries/flow"
            flow = assistant.request("POST", flows, {"handler": "mqtt"})
            done = assistant.request("POST", f"{flows}/{flow['flow_id']}", {"broker": "127.0.0.1", "port": broker.port})
            assert done["type"] == "create_entry", done
            yield House(assistant, broker, context, engine)
        finally:
            assistant.kill()
            broker.kill()


@contextmanager
def served(engine: PlannerEngine) -> Generator[str]:
    """The planner's interface on a port of this machine; its address."""
    port = free_port(26_000)
    app = create_app(ServiceState(engine=engine, token=AccessToken(TOKEN), metrics=Metrics()))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started, "the planner listens")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def add_rest_sensors(assistant: RealHomeAssistant, url: str) -> None:
    """Have Home Assistant read the command as `docs/operations.md` advises, word by word but for address and name."""
    page = (ROOT / "docs" / "operations.md").read_text()
    advised = page.split("```yaml\n", 1)[1].split("```", 1)[0]
    mine = advised.replace("http://127.0.0.1:8420", url).replace("Darkstar command", "Darkstar REST command")
    (assistant.folder / "secrets.yaml").write_text(f'darkstar_token: "Bearer {TOKEN}"\n')
    with (assistant.folder / "configuration.yaml").open("a") as configuration:
        configuration.write(mine)


def with_settings(context: Context, assistant: RealHomeAssistant, broker: Broker) -> Context:
    """The site with its Home Assistant."""
    sensors = HomeAssistantSensors(soc="sensor.battery_soc", load="sensor.house_load", pv="sensor.solar_power")
    mqtt = MqttSettings(enabled=True, port=broker.port)
    settings = HomeAssistantSettings(url=assistant.url, sensors=sensors, mqtt=mqtt)
    return replace(context, site_settings=context.site_settings.model_copy(update={"home_assistant": settings}))


def shown(house: House, entity: str) -> str:
    """Return the state of an entity in Home Assistant; empty where there is none."""
    states = {each["entity_id"]: each["state"] for each in house.assistant.request("GET", "/api/states")}
    return states.get(entity, "")


def attributes(house: House, entity: str) -> dict[str, object]:
    return house.assistant.request("GET", f"/api/states/{entity}")["attributes"]


def test_home_assistant_shows_the_plan_and_forgets_it_when_the_service_ends(house: House) -> None:
    engine = house.engine
    publisher = publisher_of(house.context, engine)
    publisher.start()
    try:
        until(lambda: shown(house, COMMAND) == engine.command().command, "the command is shown", 30)
        until(lambda: shown(house, VALID) == "on", "the plan is valid")
        assert shown(house, PLAN) == engine.plan().rung
        values = attributes(house, COMMAND)
        assert values["sentence"] == engine.command().sentence
        assert values["expires_at"] == engine.command().model_dump(mode="json")["expires_at"]
        slots = attributes(house, PLAN)["slots"]
        assert isinstance(slots, list)
        assert datetime.fromisoformat(slots[0][0]) == engine.plan().slots[0].slot_start
        assert shown(house, CHANGE) not in {"", "unavailable"}
        saving = float(shown(house, "sensor.darkstar_home_planned_saving"))
        assert saving == pytest.approx((engine.plan().idle_cost or 0) - (engine.plan().cost or 0), abs=0.006)
        until(lambda: recorded_attributes(house, PLAN).get("slots") == slots, "the recorder keeps the plan")
    finally:
        publisher.stop()
    until(lambda: shown(house, COMMAND) == "unavailable", "nothing is shown of a service that ended")


def recorded_attributes(house: House, entity: str) -> dict[str, object]:
    """Attributes as the recorder has them: it drops those that are too large."""
    rows = house.assistant.request("GET", f"/api/history/period?filter_entity_id={entity}")
    known = [row for row in (rows[0] if rows else []) if row["state"] not in {"unavailable", "unknown"}]
    return known[-1]["attributes"] if known else {}


def test_home_assistant_shows_the_command_by_rest_when_there_is_no_broker(house: House) -> None:
    until(lambda: shown(house, REST_COMMAND) == house.engine.command().command, "the command is read", 30)
    values, command = attributes(house, REST_COMMAND), house.engine.command().model_dump(mode="json")
    names = ("charge_kw", "discharge_kw", "export_kw", "expires_at", "sentence", "rung")
    assert {name: values[name] for name in names} == {name: command[name] for name in names}


def record_an_hour(house: House) -> tuple[datetime, datetime]:
    """A whole hour of this morning, as the recorder would have written it: 1 200 W, 2 kW, and 40 to 50 %.

    Waiting for an hour to go by is no test; Home Assistant finds these rows in its database as it finds its own.
    """
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    start = end - timedelta(hours=1)
    with closing(sqlite3.connect(house.assistant.folder / "home-assistant_v2.db", timeout=30)) as database:
        for entity, first, step in (("house_load", 1200, 0), ("solar_power", 2, 0), ("battery_soc", 40, 1 / 6)):
            meta = "SELECT metadata_id FROM states_meta WHERE entity_id = ?"
            (known,) = database.execute(meta, (f"sensor.{entity}",)).fetchone()
            unit = "SELECT max(attributes_id) FROM states WHERE metadata_id = ?"
            (about,) = database.execute(unit, (known,)).fetchone()
            rows = [
                (str(first + step * minute), known, about, (start + timedelta(minutes=minute)).timestamp())
                for minute in range(61)
            ]
            columns = "state, metadata_id, attributes_id, last_updated_ts, origin_idx"
            database.executemany(f"INSERT INTO states ({columns}) VALUES (?, ?, ?, ?, 0)", rows)  # noqa: S608 - our own
        database.commit()
    return start, end


def test_feed_reads_home_assistant_when_it_runs_and_says_so_when_it_does_not(house: House, tmp_path: Path) -> None:
    context = with_settings(small_context(tmp_path, filled=False), house.assistant, house.broker)
    house.assistant.set("input_number.soc", 61.5)
    with HomeAssistantClient(house.assistant.url, house.assistant.token) as client:
        feed = HomeFeed(context, clock=Clock(), client=client)
        until(lambda: (feed.poll(), feed.soc() is not None and feed.soc()[0] == 61.5)[1], "the charge is read")  # pyright: ignore[reportOptionalSubscript]
        read = feed.soc()
        assert read is not None
        assert abs(read[1] - datetime.now(UTC)) < timedelta(minutes=1)
        hour = record_an_hour(house)
        feed.sync()
        assert feed.status().ok, feed.status().note
        rows = context.lake.read(METER_READINGS, "home").filter(pl.col("slot_start").is_between(*hour, closed="left"))
        assert rows["load_kwh"].to_list() == pytest.approx([0.3] * 4)
        assert rows["pv_kwh"].to_list() == pytest.approx([0.5] * 4)
        assert rows["soc_end_percent"].to_list() == pytest.approx([42.5, 45.0, 47.5, 50.0])
        before = context.lake.read(METER_READINGS, "home")
        again = HomeFeed(context, clock=Clock(), client=client)
        assert [report.slots_changed + report.slots_new for report in again.sync()] == [0]
        assert context.lake.read(METER_READINGS, "home").equals(before)
        house.assistant.set("input_number.soc", -5)
        until(lambda: shown(house, "sensor.battery_soc") == "-5.0", "an impossible charge")
        feed.poll()
        assert "not a percentage" in feed.status().note
    for url, says in ((house.assistant.url, "does not accept the token"), ("http://127.0.0.1:9", "does not answer")):
        with HomeAssistantClient(url, "wrong") as client:
            feed = HomeFeed(context, clock=Clock(), client=client)
            feed.poll()
            assert (feed.soc(), feed.sync()) == (None, [])
            assert feed.status().note.count(says) == 2


@pytest.mark.thorough
def test_feed_follows_home_assistant_live_until_its_token_is_revoked_and_over_a_restart(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_states, "REFUSED_PAUSE_SECONDS", 0.5)
    context = with_settings(small_context(tmp_path, filled=False), house.assistant, house.broker)
    url, (token, revoke) = house.assistant.url, long_lived_token(house)
    sensors = ["sensor.house_load", "sensor.battery_soc"]
    live = LiveStates(lambda: Connection(url, token, ca_file=None, seconds=10), sensors, clock=Clock())

    def level() -> str:
        state = live.state("sensor.battery_soc")
        return "" if state is None else state.state

    with HomeAssistantClient(url, token) as rest:
        reader = LiveReader(rest, live, clock=Clock())
        feed = HomeFeed(context, clock=Clock(), client=reader)

        def told(source: StateReader, since: datetime) -> list[list[str]]:
            return [[each["state"] for each in one] for one in source.history(sensors, since, datetime.now(UTC))]

        live.start()
        try:
            until(lambda: bool(level()), "the states come")
            began = datetime.now(UTC)
            for soc, load in ((41.5, 700), (42.5, 900), (43.5, 1100)):
                house.assistant.set("input_number.soc", soc)
                house.assistant.set("input_number.load", load)
                until(lambda soc=soc: level() == str(soc), "the change comes")
            feed.poll()
            assert feed.soc() is not None
            assert feed.soc()[0] == 43.5  # pyright: ignore[reportOptionalSubscript]
            assert live.covers(began, datetime.now(UTC))
            until(lambda: told(rest, began) == told(reader, began), "the recorder says what came live", 30)
            assert [one[-1] for one in told(reader, began)] == ["1100.0", "43.5"]
            house.assistant.kill()
            until(lambda: not level(), "it is told that nothing is known")
            assert "states are polled" in live.status().note
            house.assistant.start()
            until(lambda: bool(level()), "it is followed again", 90)
            assert not live.covers(began, datetime.now(UTC))
            revoke()
            until(lambda: "does not accept the token" in live.status().note, "it is told", 30)
            feed.poll()
            assert not feed.status().ok
            assert "does not accept the token" in feed.status().note
        finally:
            live.stop()


def long_lived_token(house: House) -> tuple[str, Callable[[], object]]:
    """A token as a person makes it in their profile, and what revokes it there."""

    def ask(kind: str, **fields: object) -> Any:
        connection = Connection(house.assistant.url, house.assistant.token, ca_file=None, seconds=10)
        try:
            connection.send({"id": 1, "type": kind, **fields})
            answer = connection.receive(time.monotonic() + 10)
        finally:
            connection.close()
        assert answer["success"], answer
        return answer["result"]

    token = ask("auth/long_lived_access_token", client_name="Darkstar", lifespan=10)
    until(lambda: house.assistant.remembers("Darkstar"), "the token is on the disk, so that it outlives a kill", 30)
    (mine,) = [each["id"] for each in ask("auth/refresh_tokens") if each["client_name"] == "Darkstar"]
    return token, lambda: ask("auth/delete_refresh_token", refresh_token_id=mine)
