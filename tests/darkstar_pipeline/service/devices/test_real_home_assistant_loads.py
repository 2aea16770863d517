"""The real Home Assistant: its entities are read, switched, set and called, and a real guard ends what is left."""

import os
from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.fault_injection.real_home_assistant import RealHomeAssistant
from darkstar_pipeline.config.devices import DeviceSettings
from darkstar_pipeline.config.home_assistant import HomeAssistantSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.devices.household import Household
from darkstar_pipeline.service.devices.outlets import handover, loads_reader
from darkstar_pipeline.service.engine.wanted_loads import LEFT_ALONE, WantedLoad
from darkstar_pipeline.service.home_assistant.lease import end_lease, read_lease
from darkstar_pipeline.service.state_folder import service_folder
from darkstar_pipeline.state.folder_names import LOADS_FOLDER
from tests.builders import tools
from tests.builders.small_home import small_context
from tests.builders.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.thorough]
ENTITIES = """
input_boolean:
  wallbox: {initial: true}
  plugged: {initial: true}
  element: {initial: false}
  script_ran: {initial: false}
climate:
  - platform: generic_thermostat
    name: Tank
    heater: input_boolean.element
    target_sensor: sensor.battery_soc
    min_temp: 30
    max_temp: 75
    target_temp: 50
    initial_hvac_mode: heat
script:
  charge:
    sequence:
      - if: "{{ on }}"
        then: [{service: input_boolean.turn_on, target: {entity_id: input_boolean.script_ran}}]
        else: [{service: input_boolean.turn_off, target: {entity_id: input_boolean.script_ran}}]
"""


@pytest.fixture
def assistant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[RealHomeAssistant]:
    tools.home_assistant()
    running = RealHomeAssistant(tmp_path / "assistant")
    with (running.folder / "configuration.yaml").open("a") as configuration:
        configuration.write(ENTITIES)
    try:
        running.start()
        monkeypatch.setenv(TOKEN_VARIABLE, running.token)
        yield running
    finally:
        running.kill()


def with_devices(context: Context, url: str, devices: dict[str, object]) -> Context:
    settings = context.site_settings.model_copy(
        update={
            "home_assistant": HomeAssistantSettings(url=url),
            "devices": DeviceSettings.model_validate(devices),
        }
    )
    return replace(context, site_settings=settings)


def state(assistant: RealHomeAssistant, entity: str) -> dict[str, object]:
    return assistant.request("GET", f"/api/states/{entity}")


def test_loads_are_read_and_handed_over_and_end_by_themselves(assistant: RealHomeAssistant, tmp_path: Path) -> None:
    sensors = {"soc": "sensor.battery_soc", "plugged": "input_boolean.plugged", "power": "sensor.house_load"}
    thermostat = {"enabled": True, "setpoint": "climate.tank", "normal_temperature": 45, "boosted_temperature": 65}
    context = with_devices(
        small_context(tmp_path / "state", filled=False),
        assistant.url,
        {
            "vehicle": {
                "power_kw": 11,
                "capacity_kwh": 60,
                "sensors": sensors,
                "control": {"enabled": True, "switch": "input_boolean.wallbox"},
            },
            "water_heater": {"power_kw": 3, "energy_kwh_per_day": 6, "control": {**thermostat, "default_on": False}},
        },
    )
    folder = service_folder(context.home, context.site_name)
    household = Household(context, folder, Clock(), loads_reader(context))
    assert household.car is not None
    household.poll()
    read = household.car.state()
    assert (read.plugged, read.soc_percent, read.power_kw) == (True, 55.0, 0.8)
    assert household.car.holds_battery
    household.stop()

    wanted = {"ev": WantedLoad("off"), "water": WantedLoad("on")}
    handed = handover(context, Clock(), {name: lambda name=name: wanted[name] for name in wanted})
    assert handed is not None
    handed.check()
    until(lambda: (handed.check(), not handed.components()[0].note)[1], "a guard lives, and both stand", 60)
    assert state(assistant, "input_boolean.wallbox")["state"] == "off"
    assert state(assistant, "climate.tank")["attributes"]["temperature"] == 65  # pyright: ignore[reportIndexIssue]
    wanted["ev"] = WantedLoad("on")
    handed.check()
    assert state(assistant, "input_boolean.wallbox")["state"] == "on"
    wanted["ev"] = WantedLoad("off")
    handed.check()

    # The service is gone: nobody renews the lease, and the guard, a process of its own, restores what was.
    lease = read_lease(folder / LOADS_FOLDER)
    assert lease is not None
    end_lease(folder / LOADS_FOLDER, lease)
    until(lambda: state(assistant, "input_boolean.wallbox")["state"] == "on", "the switch is as it was", 60)
    until(lambda: state(assistant, "climate.tank")["attributes"]["temperature"] == 45, "and so is the tank", 60)  # pyright: ignore[reportIndexIssue]
    until(lambda: (read_lease(folder / LOADS_FOLDER) or lease).released, "the lease is released")
    until(lambda: (handed.check(), not handed.components()[0].note)[1], "it goes on with a lease of its own", 60)
    wanted |= dict.fromkeys(wanted, LEFT_ALONE)
    handed.stop()
    assert state(assistant, "input_boolean.wallbox")["state"] == "on"
    assert os.environ[TOKEN_VARIABLE] not in (folder / LOADS_FOLDER / "lease.json").read_text()


def test_script_is_called_with_its_variables_and_ended_by_the_guard(
    assistant: RealHomeAssistant, tmp_path: Path
) -> None:
    control = {"enabled": True, "script": "script.charge", "default_on": False}
    context = with_devices(
        small_context(tmp_path / "state", filled=False),
        assistant.url,
        {"vehicle": {"power_kw": 11, "control": control}},
    )
    folder = service_folder(context.home, context.site_name) / LOADS_FOLDER
    until_then = Clock().now() + timedelta(hours=1)
    handed = handover(context, Clock(), {"ev": lambda: WantedLoad("on", 7.4, until_then)})
    assert handed is not None
    until(lambda: (handed.check(), handed.components()[0].ok)[1], "a guard lives, and the script has run", 60)
    assert state(assistant, "input_boolean.script_ran")["state"] == "on"

    # The service is gone.
    lease = read_lease(folder)
    assert lease is not None
    end_lease(folder, lease)
    until(
        lambda: state(assistant, "input_boolean.script_ran")["state"] == "off", "the guard has called its default", 60
    )
    until(lambda: (read_lease(folder) or lease).released, "and seen that it ran")
    until(lambda: (handed.check(), handed.components()[0].ok)[1], "it goes on with a lease of its own", 60)
    assert state(assistant, "input_boolean.script_ran")["state"] == "on"
    handed.stop()
    assert state(assistant, "input_boolean.script_ran")["state"] == "off"
