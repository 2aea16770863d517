"""Loads handed over to Home Assistant and evcc: by block, read back, ended by themselves, left where a person acts."""

import socket
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from darkstar_pipeline.config.home_assistant import MqttSettings
from darkstar_pipeline.config.household.control import DeviceControl, EvccControl
from darkstar_pipeline.context import Context
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.service.control.daily_writes import DailyWrites
from darkstar_pipeline.service.control.default_pace import DefaultPace
from darkstar_pipeline.service.control.lease_keeper import LeaseKeeper, Reach
from darkstar_pipeline.service.control.restoration import Restoration
from darkstar_pipeline.service.devices.evcc import EvccHandover
from darkstar_pipeline.service.devices.handover import HandedLoad, Handover
from darkstar_pipeline.service.engine.wanted_loads import LEFT_ALONE, WantedLoad, wanted_load
from darkstar_pipeline.service.home_assistant.entities import Topics
from darkstar_pipeline.service.home_assistant.lease import read_lease, write_lease
from darkstar_pipeline.service.home_assistant.mqtt_broker import MqttBroker
from darkstar_pipeline.service.schemas.loads import CarReading, LoadBlock, LoadPlan
from tests.builders.broker import Broker, Listener, publisher_of
from tests.builders.service_home import HandClock, made_engine, moment
from tests.builders.waiting import until

ON, OFF = WantedLoad("on", 7.4, moment() + timedelta(hours=1)), WantedLoad("off")


class Guards:
    """Guards that live as long as they are asked for."""

    def ensure(self) -> bool:
        return True

    def dismiss(self, timeout: float) -> bool:
        del timeout
        return True


@dataclass
class Home:
    """A Home Assistant with a switch, a number, a water heater and a script."""

    states: dict[str, str] = field(default_factory=lambda: {"switch.box": "on", "number.tank": "50"})
    temperature: float = 50.0
    runs: int = 0
    takes: bool = True
    away: bool = False
    calls: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list[tuple[str, str, Mapping[str, Any]]])

    def state(self, entity: str) -> Mapping[str, Any] | None:
        if self.away:
            message = "Home Assistant does not answer"
            raise HomeAssistantError(message)
        if entity == "water_heater.tank":
            limits = {"min_temp": 30, "max_temp": 75, "temperature": self.temperature}
            return {"state": "eco", "attributes": limits}
        if entity == "script.charge":
            return {"state": "off", "attributes": {"last_triggered": str(self.runs) if self.runs else None}}
        return {"state": self.states[entity], "attributes": {}} if entity in self.states else None

    def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
        if self.away:
            message = "Home Assistant does not answer"
            raise HomeAssistantError(message)
        self.calls.append((domain, service, data))
        if not self.takes:
            return
        if service in ("turn_on", "turn_off") and domain == "switch":
            self.states[data["entity_id"]] = service.removeprefix("turn_")
        elif domain == "script":
            self.runs += 1
        elif service == "set_temperature":
            self.temperature = data["temperature"]
        elif service == "set_value":
            self.states[data["entity_id"]] = str(data["value"])

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Handed:
    """A handover in the test's hand."""

    handover: Handover
    home: Home
    clock: HandClock
    folder: Path
    wanted: WantedLoad = LEFT_ALONE

    def becomes(self, wanted: WantedLoad) -> None:
        self.wanted = wanted
        self.handover.check()

    @property
    def note(self) -> str:
        return self.handover.components()[0].note


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Handed]:
    def build(**control: Any) -> Handed:
        home, clock = Home(), HandClock(at=moment())
        keeper = LeaseKeeper(
            tmp_path,
            Reach(url="http://127.0.0.1:9"),
            lease_seconds=300,
            margin_seconds=22,
            guards=Guards(),
            uptime=lambda: clock.seconds,
        )
        settings = DeviceControl.model_validate({"enabled": True, **control})
        handed: list[Handed] = []
        load = HandedLoad("ev", settings, lambda: handed[0].wanted)
        handover = Handover(
            (load,), home, keeper, clock, folder=tmp_path, timezone="Europe/Stockholm", wait=lambda _: clock_runs(clock)
        )
        handed.append(Handed(handover, home, clock, tmp_path))
        return handed[0]

    return build


def clock_runs(clock: HandClock) -> bool:
    clock.seconds += 1
    return False


def test_switch_follows_the_plan_under_a_lease_and_is_left_as_it_was(made: Callable[..., Handed]) -> None:
    handed = made(switch="switch.box")
    handed.becomes(LEFT_ALONE)
    assert handed.home.calls == []
    assert read_lease(handed.folder) is None
    handed.becomes(OFF)
    assert handed.home.states["switch.box"] == "off"
    lease = read_lease(handed.folder)
    assert lease is not None
    assert [(call.service, call.data) for call in lease.restore] == [("turn_on", {"entity_id": "switch.box"})]
    handed.becomes(ON)
    assert handed.home.states["switch.box"] == "on"
    handed.becomes(OFF)
    n_calls = len(handed.home.calls)
    handed.handover.check()
    assert len(handed.home.calls) == n_calls, "what stands is not written"
    handed.handover.stop()
    assert handed.home.states["switch.box"] == "on"
    lease = read_lease(handed.folder)
    assert lease is not None
    assert lease.released


def test_guard_restores_the_switch_when_the_service_is_dead(made: Callable[..., Handed]) -> None:
    """The guard calls what the lease names; where Home Assistant is away just then, it calls again."""

    class Writes:
        def add(self) -> None: ...

        def left(self) -> int:
            return 9

        def seconds_left(self) -> float:
            return 1000.0

    class Pace:
        begun = True

        def due(self, *_: object, **__: object) -> bool:
            return True

        def add(self, **_: object) -> None: ...

        def over(self) -> None: ...

    handed = made(switch="switch.box")
    handed.becomes(OFF)
    lease = read_lease(handed.folder)
    assert lease is not None
    restoration = Restoration(Writes(), Pace(), wait=lambda _: None)  # pyright: ignore[reportArgumentType] - reduced
    handed.home.away = True
    assert restoration.step(handed.home, lease.restore, goes_on=lambda: True)
    handed.home.away = False
    assert restoration.step(handed.home, lease.restore, goes_on=lambda: True) == []
    assert handed.home.states["switch.box"] == "on"


def test_person_who_switches_by_hand_is_left_alone_until_the_plan_changes(made: Callable[..., Handed]) -> None:
    handed = made(switch="switch.box")
    handed.becomes(OFF)
    handed.home.states["switch.box"] = "on"
    handed.handover.check()
    assert handed.home.states["switch.box"] == "on"
    assert "somebody else has changed switch.box" in handed.note
    assert handed.handover.components()[0].ok
    handed.becomes(ON)
    handed.becomes(OFF)
    assert handed.home.states["switch.box"] == "off"
    assert handed.note == ""


def test_handover_goes_on_after_the_guard_has_restored_the_default(made: Callable[..., Handed]) -> None:
    handed = made(switch="switch.box")
    handed.becomes(OFF)
    lease = read_lease(handed.folder)
    assert lease is not None
    handed.home.states["switch.box"] = "on"
    write_lease(handed.folder, lease.model_copy(update={"released": True}))
    handed.handover.check()
    assert handed.home.states["switch.box"] == "off"
    assert handed.note == ""


def test_switch_that_takes_nothing_is_told_and_not_written_for_ever(made: Callable[..., Handed]) -> None:
    handed = made(switch="switch.box")
    handed.home.takes = False
    for _ in range(10):
        handed.becomes(OFF)
    assert len(handed.home.calls) == 3
    assert handed.note == "switch.box does not take off"
    handed.home.away = True
    handed.handover.check()
    assert handed.note == "Home Assistant does not answer"


def test_load_that_is_unavailable_keeps_no_other_from_its_schedule(made: Callable[..., Handed]) -> None:
    """A charger without power for days: the water heater is switched all the same, and both are told and guarded."""
    handed = made(switch="switch.box")
    tank = {"setpoint": "number.tank", "normal_temperature": 50, "boosted_temperature": 60, "default_on": False}
    water = HandedLoad("water", DeviceControl.model_validate(tank), lambda: ON)
    handed.handover._loads = (*handed.handover._loads, water)
    handed.home.states["switch.box"] = "unavailable"
    handed.becomes(OFF)
    assert float(handed.home.states["number.tank"]) == 60
    assert "switch.box is unavailable" in handed.note
    handed.clock.seconds += 200
    handed.handover.check()
    lease = read_lease(handed.folder)
    assert lease is not None
    assert lease.ends > handed.clock.seconds + 200, "it is renewed for the load that is there"
    assert len(lease.restore) == 2
    handed.home.states["switch.box"] = "on"
    handed.handover.check()
    assert handed.home.states["switch.box"] == "off"
    assert handed.note == ""


def test_guard_restores_a_thermostat_until_it_is_read_back(made: Callable[..., Handed]) -> None:
    handed = made(setpoint="water_heater.tank", default_on=False, normal_temperature=45, boosted_temperature=65)
    handed.becomes(ON)
    lease = read_lease(handed.folder)
    assert lease is not None
    seconds = [0.0]
    writes = DailyWrites(handed.folder, timezone="UTC", budget=50)
    restoration = Restoration(writes, DefaultPace(handed.folder, lambda: seconds[0]), wait=lambda _: None)
    handed.home.takes = False
    assert restoration.step(handed.home, lease.restore, goes_on=lambda: True) == [
        "water_heater.tank is set to 65.0, its default is 45.0"
    ]
    handed.home.takes = True
    seconds[0] += 30
    assert restoration.step(handed.home, lease.restore, goes_on=lambda: True) == []
    assert handed.home.temperature == 45


def test_guard_restores_a_load_beside_another_that_is_unavailable(made: Callable[..., Handed]) -> None:
    """A charger without power is no reason to heat the water for ever."""
    handed = made(switch="switch.box")
    tank = {"setpoint": "number.tank", "normal_temperature": 50, "boosted_temperature": 60, "default_on": False}
    handed.handover._loads = (*handed.handover._loads, HandedLoad("t", DeviceControl.model_validate(tank), lambda: ON))
    handed.becomes(OFF)
    lease = read_lease(handed.folder)
    assert lease is not None
    handed.home.states["switch.box"] = "unavailable"
    writes = DailyWrites(handed.folder, timezone="UTC", budget=50)
    restoration = Restoration(writes, DefaultPace(handed.folder, lambda: 0.0), wait=lambda _: None)
    assert restoration.step(handed.home, lease.restore, goes_on=lambda: True) == ["switch.box is unavailable"]
    assert float(handed.home.states["number.tank"]) == 50


def test_setpoint_is_boosted_in_its_hours(made: Callable[..., Handed]) -> None:
    temperatures = {"normal_temperature": 45, "boosted_temperature": 65}
    handed = made(setpoint="water_heater.tank", default_on=False, **temperatures)
    handed.becomes(ON)
    assert handed.home.temperature == 65
    assert handed.home.calls[-1][:2] == ("water_heater", "set_temperature")
    handed.becomes(OFF)
    assert handed.home.temperature == 45
    handed.handover.stop()
    assert handed.home.temperature == 45
    numbered = made(setpoint="number.tank", default_on=False, **temperatures)
    numbered.becomes(ON)
    assert numbered.home.states["number.tank"] == "65.0"


def test_script_is_called_once_a_block_with_its_end(made: Callable[..., Handed]) -> None:
    handed = made(script="script.charge")
    handed.becomes(ON)
    handed.handover.check()
    handed.becomes(OFF)
    handed.handover.stop()
    told = [data["variables"] for _, _, data in handed.home.calls]
    assert [(each["on"], each["power_kw"]) for each in told] == [(True, 7.4), (False, 0.0), (True, 0.0)]
    assert told[0]["until"] == (moment() + timedelta(hours=1)).isoformat()
    lease = read_lease(handed.folder)
    assert lease is not None
    assert lease.released


def test_script_that_does_not_run_is_told_and_not_called_for_ever(made: Callable[..., Handed]) -> None:
    handed = made(script="script.charge")
    handed.home.takes = False
    for _ in range(6):
        handed.becomes(ON)
    assert len(handed.home.calls) == 3, "Home Assistant answers 200 to a script that runs already"
    assert handed.note == "script.charge does not run"


def test_script_that_ran_unseen_is_called_back(made: Callable[..., Handed]) -> None:
    """Home Assistant did not answer in time and ran it all the same: the load would be on for ever."""
    handed = made(script="script.charge", default_on=False)
    handed.home.takes = False
    for _ in range(4):
        handed.becomes(ON)
    handed.home.takes = True
    handed.becomes(LEFT_ALONE)
    assert handed.home.calls[-1][2]["variables"]["on"] is False
    lease = read_lease(handed.folder)
    assert lease is not None
    assert lease.released


def test_script_that_is_missing_is_told(made: Callable[..., Handed]) -> None:
    missing = made(script="script.renamed")
    missing.becomes(ON)
    assert missing.note == "Home Assistant has no entity script.renamed"
    assert missing.home.calls == []


def test_script_of_a_dead_service_is_called_back_by_the_guard(made: Callable[..., Handed]) -> None:
    """The car was told to charge, and nobody is left to end that: the guard calls the script until it has run."""
    handed = made(script="script.charge")
    handed.becomes(ON)
    lease = read_lease(handed.folder)
    assert lease is not None
    assert not lease.released
    writes = DailyWrites(handed.folder, timezone="UTC", budget=50)
    seconds = [0.0]
    restoration = Restoration(writes, DefaultPace(handed.folder, lambda: seconds[0]), wait=lambda _: None)

    def look() -> list[str]:
        seconds[0] += 30
        return restoration.step(handed.home, lease.restore, goes_on=lambda: True)

    handed.home.takes = False
    assert look() == ["script.charge has not run yet"]
    handed.home.away = True
    assert look() == ["Home Assistant does not answer"]
    handed.home.away, handed.home.takes = False, True
    assert look() == []
    told = handed.home.calls[-1][2]["variables"]
    assert told == {"on": True, "power_kw": 0.0, "until": None}
    write_lease(handed.folder, lease.model_copy(update={"released": True}))
    n_calls = len(handed.home.calls)
    handed.handover.check()
    assert len(handed.home.calls) == n_calls + 1, "the plan still wants it: it is told again, under a new lease"


@pytest.mark.parametrize(
    ("minutes", "automatic", "state"),
    [(0, True, "off"), (20, True, "on"), (20, False, "default"), (50, True, "off"), (3000, True, "default")],
)
def test_plan_says_what_a_load_is_to_do(context: Context, minutes: int, automatic: bool, state: str) -> None:  # noqa: FBT001 - a case of the table
    engine, clock = made_engine(context)
    engine.check()
    start = clock.at + timedelta(minutes=15)
    block = LoadBlock(start=start, end=start + timedelta(minutes=30), energy_kwh=3.7, power_kw=7.4)
    load = LoadPlan(name="ev", energy_kwh=3.7, cost=1.0, blocks=[block])
    plan = engine.plan().model_copy(update={"loads": [load]})
    assert wanted_load(plan, "ev", clock.at + timedelta(minutes=minutes), automatic=automatic).state == state
    left = plan.model_copy(update={"loads": [load.model_copy(update={"managed": False})]})
    assert wanted_load(left, "ev", start, automatic=True) == LEFT_ALONE


@pytest.fixture
def broker(tmp_path: Path) -> Generator[Broker]:
    running = Broker(tmp_path)
    running.start()
    yield running
    running.kill()


@pytest.mark.slow
def test_evcc_gets_a_mode_by_block_and_its_own_back_when_the_service_dies(broker: Broker) -> None:
    """A real broker: evcc's topics are read, the mode is set and read back, and the last will restores it."""
    listener, taken, now = Listener(broker), list[CarReading](), [LEFT_ALONE]
    handover = EvccHandover(
        MqttBroker(MqttSettings(port=broker.port)),
        EvccControl(loadpoint=1),
        site="home",
        wanted=lambda: now[0],
        take=taken.append,
        clock=HandClock(at=moment()),
    )
    handover._link.start()
    try:
        until(lambda: not handover.components()[0].note, "connected")
        for topic, text in (("mode", "pv"), ("connected", "true"), ("chargePower", "7400"), ("vehicleSoc", "0")):
            listener.publish(f"evcc/loadpoints/1/{topic}", text)
        until(lambda: len(taken) == 2, "what evcc says of the car")
        assert taken == [CarReading(plugged=True), CarReading(power_kw=7.4)]
        handover.check()
        assert "evcc/loadpoints/1/mode/set" not in listener.last
        now[0] = ON
        handover.check()
        until(lambda: listener.last.get("evcc/loadpoints/1/mode/set") == b"now", "the mode is set")
        listener.publish("evcc/loadpoints/1/mode", "now")
        until(lambda: handover._mode == "now", "and read back")
        handover.check()
        listener.publish("evcc/loadpoints/1/mode", "minpv")
        until(lambda: handover._mode == "minpv", "somebody sets another")
        handover.check()
        assert "somebody else has set evcc to minpv" in handover.components()[0].note
        listener.forget()
        connection = handover._client.socket()
        assert isinstance(connection, socket.socket)
        handover._client.reconnect_delay_set(min_delay=60, max_delay=60)
        connection.shutdown(socket.SHUT_RDWR)
        until(lambda: listener.last.get("evcc/loadpoints/1/mode/set") == b"pv", "the broker restores the default")
    finally:
        handover.stop()


def test_mode_that_the_brokers_last_will_has_set_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is lost for a moment, and the broker sets the default in our name: the car charges on."""
    handover = EvccHandover(
        MqttBroker(MqttSettings()),
        EvccControl(loadpoint=1),
        site="home",
        wanted=lambda: ON,
        take=lambda _: None,
        clock=HandClock(at=moment()),
    )
    published: list[str] = []
    monkeypatch.setattr(handover._client, "is_connected", lambda: True)
    monkeypatch.setattr(handover._client, "publish", lambda _topic, mode, **_: published.append(mode))
    handover.check()
    handover._mode = "now"
    handover.check()
    lost = (mqtt.DisconnectFlags(False), ReasonCode(PacketTypes.DISCONNECT), None)  # noqa: FBT003 - paho's own
    handover._link._on_disconnect(handover._client, None, *lost)
    handover._mode = "pv"
    handover.check()
    assert published == ["now", "now"]
    assert "somebody else" not in handover.components()[0].note


def test_handover_says_that_no_broker_answers() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        handover = EvccHandover(
            MqttBroker(MqttSettings(port=nobody.getsockname()[1])),
            EvccControl(loadpoint=1),
            site="home",
            wanted=lambda: LEFT_ALONE,
            take=lambda _: None,
            clock=HandClock(at=moment()),
        )
        handover._link.start()
        try:
            until(lambda: "no broker answers at" in handover.components()[0].note, "it says that there is none")
        finally:
            handover.stop()


@pytest.mark.slow
def test_loads_are_published_with_their_schedule(context: Context, broker: Broker) -> None:
    engine, clock = made_engine(context)
    engine.check()
    block = LoadBlock(start=clock.at, end=clock.at + timedelta(hours=1), energy_kwh=7.4, power_kw=7.4)
    load = LoadPlan(name="ev", energy_kwh=7.4, cost=3.21, unplanned_cost=4.0, blocks=[block], leaves=clock.at)
    plan = engine.plan().model_copy(update={"loads": [load]})
    mqtt = MqttSettings(enabled=True, port=broker.port)
    settings = context.site_settings.home_assistant.model_copy(update={"mqtt": mqtt})
    site_settings = context.site_settings.model_copy(update={"home_assistant": settings})
    listener = Listener(broker)
    publisher = publisher_of(
        Context(**{**vars(context), "site_settings": site_settings}), engine, lambda: plan, {"ev": lambda: ON}
    )
    publisher.start()
    try:
        told = listener.document("darkstar/home/car")
        assert (told["state"], told["cost"], told["unplanned_cost"]) == ("ON", 3.21, 4.0)
        assert told["blocks"] == [
            [clock.at.isoformat(timespec="seconds"), block.end.isoformat(timespec="seconds"), 7.4]
        ]
        entity = listener.document(Topics("home", "homeassistant").discovery)["components"]["car"]
        assert (entity["platform"], entity["state_topic"]) == ("binary_sensor", "darkstar/home/car")
    finally:
        publisher.stop()
