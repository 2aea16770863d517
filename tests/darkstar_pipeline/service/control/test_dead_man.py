"""Where nothing of ours lives, Home Assistant itself sets the inverter's default."""

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.fault_injection.real_home_assistant import RealHomeAssistant
from darkstar_pipeline.config.home_assistant import ControlMapping, ControlSettings
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE, HomeAssistantError
from darkstar_pipeline.service.control import dead_man
from darkstar_pipeline.service.control.dead_man import DeadManNames, DeadManTimer, package
from darkstar_pipeline.service.control.guard import Guard
from darkstar_pipeline.service.home_assistant.client import HomeAssistantClient
from darkstar_pipeline.service.home_assistant.lease import Lease, boot_id, read_lease, uptime_seconds, write_lease
from darkstar_pipeline.service.home_assistant.profiles import Action, Write, default_writes
from tests.builders import tools
from tests.builders.waiting import until

CHARGE, DISCHARGE, MODE = "input_number.charge_power", "input_number.discharge_power", "input_select.work_mode"
NAMES = DeadManNames.of_site("home")
DEFAULT = [Write(CHARGE, 0.0), Write(DISCHARGE, 8000.0), Write(MODE, "self_use")]
INVERTER = """
input_boolean:
  inverter_there: {initial: true}
template:
  - number:
      - name: Inverter power
        state: "{{ states('input_number.charge_power') | float(0) }}"
        availability: "{{ is_state('input_boolean.inverter_there', 'on') }}"
        min: 0
        max: 5000
        step: 1
        set_value:
          - action: input_number.set_value
            target: {entity_id: input_number.charge_power}
            data: {value: "{{ value }}"}
"""


class Timer:
    """A Home Assistant that has, or lacks, a timer."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.there = self.reached = True
        self.is_on = False

    def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
        assert domain == "timer"
        if not self.reached:
            raise HomeAssistantError("Home Assistant does not answer", "")
        self.calls.append((service, dict(data)))
        self.is_on = service == "start"

    def state(self, entity: str) -> Mapping[str, Any] | None:
        assert entity == NAMES.timer
        return {"state": "active" if self.is_on else "idle"} if self.there else None

    def close(self) -> None: ...


def lease(ends: float, **changes: object) -> Lease:
    plain: dict[str, object] = {"url": "", "token_file": None, "restore": [], "boot": boot_id(), "ends": ends}
    return Lease.model_validate({**plain, **changes})


def test_timer_follows_the_lease_when_it_is_renewed_and_not_otherwise() -> None:
    home = Timer()
    timer = DeadManTimer(home, NAMES.timer, lambda: 1000.0)
    timer.follow(None)
    timer.follow(lease(1300.0, released=True))
    assert home.calls == []
    timer.follow(lease(1300.0))
    timer.follow(lease(1300.0))
    timer.follow(lease(1450.0))
    assert home.calls == [
        ("start", {"entity_id": NAMES.timer, "duration": 360}),
        ("start", {"entity_id": NAMES.timer, "duration": 510}),
    ]
    timer.cancel()
    timer.cancel()
    assert [service for service, _ in home.calls] == ["start", "start", "cancel"]
    assert timer.components()[0].ok
    assert DeadManTimer(home, None).components() == []


def test_timer_is_tried_again_when_home_assistant_has_none_or_is_away() -> None:
    home = Timer()
    timer = DeadManTimer(home, NAMES.timer, lambda: 1000.0)
    home.there = False
    timer.follow(lease(1300.0))
    assert "is missing" in timer.problem
    assert "darkstar control install" in timer.components()[0].note
    home.there, home.reached = True, False
    timer.follow(lease(1300.0))
    assert "does not answer" in timer.problem
    home.reached = True
    timer.follow(lease(1300.0))
    assert timer.problem == ""


def test_package_names_every_entity_of_the_default() -> None:
    mapping = ControlMapping(mode="select.mode", mode_default='Self "Use" ö', charge="number.charge")
    settings = ControlSettings(enabled=True, profile="work_mode", mapping=mapping)
    text = package(DeadManNames("timer.lease"), default_writes(settings, 8.0), 300)
    document = yaml.safe_load(text)
    assert document["timer"]["lease"] == {
        "name": "Lease lease",
        "duration": 360,
        "restore": True,
        "icon": "mdi:timer-alert",
    }
    limited = mapping.model_copy(update={"import_limit": "number.import_limit", "default_import_limit_kw": 17.25})
    with_limit = default_writes(settings.model_copy(update={"mapping": limited}), 8.0)
    assert "number.import_limit" in package(DeadManNames("timer.lease"), with_limit, 300)
    switch = document["automation"][2]
    assert switch["actions"][0]["then"][0]["data"] == {"option": 'Self "Use" ö'}
    assert DeadManNames.of_site("My-Cabin").timer == "timer.darkstar_my_cabin"


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Generator[RealHomeAssistant]:
    """A Home Assistant that has the package, and an inverter that can be unavailable."""
    tools.home_assistant()
    folder = tmp_path_factory.mktemp("assistant")
    running = RealHomeAssistant(folder)
    (folder / "packages").mkdir()
    (folder / "packages" / "darkstar_home.yaml").write_text(package(NAMES, DEFAULT, 3))
    (folder / "packages" / "inverter.yaml").write_text(INVERTER)
    path = folder / "configuration.yaml"
    packages = "homeassistant:\n  packages: !include_dir_named packages\n"
    path.write_text(path.read_text().replace("homeassistant:\n", packages, 1))
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture
def armed(assistant: RealHomeAssistant, monkeypatch: pytest.MonkeyPatch) -> RealHomeAssistant:
    """The inverter charges, and the timer was started for a lease of three seconds and a margin of one."""
    monkeypatch.setattr(dead_man, "MARGIN_SECONDS", 1.0)
    assistant.set(CHARGE, 4000)
    assistant.set(DISCHARGE, 0)
    assistant.set(MODE, "charge")
    with HomeAssistantClient(assistant.url, assistant.token) as client:
        timer = DeadManTimer(client, NAMES.timer)
        timer.follow(lease(uptime_seconds() + 3))
        assert timer.problem == ""
    until(lambda: assistant.state(NAMES.armed) == "on", "the switch is armed")
    assert assistant.number(CHARGE) == 4000
    return assistant


def has_default(assistant: RealHomeAssistant) -> bool:
    return (assistant.number(CHARGE), assistant.number(DISCHARGE), assistant.state(MODE)) == (0, 5000, "self_use")


@pytest.mark.thorough
def test_home_assistant_sets_the_default_when_nothing_of_ours_lives(armed: RealHomeAssistant) -> None:
    assert armed.state(NAMES.automation) == "on"
    until(lambda: has_default(armed), "the timer has ended")
    until(lambda: armed.state(NAMES.armed) == "off", "there is nothing left to do", 30)
    armed.set(CHARGE, 1234)
    with HomeAssistantClient(armed.url, armed.token) as client:
        timer = DeadManTimer(client, NAMES.timer)
        timer.follow(lease(uptime_seconds() + 60))
        until(lambda: armed.state(NAMES.armed) == "on", "the switch is armed")
        timer.cancel()
        assert timer.problem == ""
    until(lambda: armed.state(NAMES.armed) == "off", "a lease that was released disarms it")
    assert armed.number(CHARGE) == 1234


@pytest.mark.thorough
def test_home_assistant_sets_the_default_when_the_timer_ended_while_it_was_away(armed: RealHomeAssistant) -> None:
    armed.stop()
    armed.start()
    until(lambda: has_default(armed), "it looks at its start and every minute", 75)


@pytest.mark.thorough
def test_guard_waits_for_an_inverter_that_home_assistant_skips(
    assistant: RealHomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, assistant.token)
    entity = "number.inverter_power"
    call = {"domain": "number", "service": "set_value", "data": {"entity_id": entity, "value": 0.0}}
    assistant.set(CHARGE, 4000)
    assistant.request("POST", "/api/services/input_boolean/turn_off", {"entity_id": "input_boolean.inverter_there"})
    until(lambda: assistant.state(entity) == "unavailable", "the inverter is away")
    with HomeAssistantClient(assistant.url, assistant.token) as client:
        client.call("number", "set_value", call["data"])  # answered with 200
    assert assistant.number(CHARGE) == 4000
    write_lease(tmp_path, lease(0.0, url=assistant.url, restore=[call]))
    guard = Guard(tmp_path, stays=True)
    assert not guard.turn()
    left = read_lease(tmp_path)
    assert left is not None
    assert not left.released
    assistant.request("POST", "/api/services/input_boolean/turn_on", {"entity_id": "input_boolean.inverter_there"})
    until(lambda: not guard.turn() and assistant.number(CHARGE) == 0, "it goes on until the default stands")
    until(lambda: not guard.turn() and (now := read_lease(tmp_path)) is not None and now.released, "and is done")


def test_package_restores_switches_services_and_the_most_an_entity_takes() -> None:
    default = [
        Write("switch.export_limit", "off"),
        Write("number.limit", 1e6, "W", most=True),
        Write(
            "sensor.forced", "Stopped", action=Action("huawei_solar", "stop_forcible_charge", (("device_id", "abc"),))
        ),
    ]
    text = package(DeadManNames("timer.lease"), default, 300)
    actions = yaml.safe_load(text)["automation"][2]["actions"]
    switch, number, service = (action["then"][0] for action in actions[:3])
    assert (switch["action"], switch["target"]) == ("switch.turn_off", {"entity_id": "switch.export_limit"})
    assert "data" not in switch
    assert "state_attr('number.limit', 'max')" in number["data"]["value"]
    assert (service["action"], service["data"]) == ("huawei_solar.stop_forcible_charge", {"device_id": "abc"})
    assert "is_state('sensor.forced', \"Stopped\")" in actions[2]["if"][0]["value_template"]
