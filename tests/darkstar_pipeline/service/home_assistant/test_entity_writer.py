"""What no entity shows is written whenever it may have changed; sonnen's charge and discharge are one setpoint."""

from collections.abc import Mapping
from typing import Any

import pytest

from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.service.home_assistant.entity_writer import EntityWriter
from darkstar_pipeline.service.home_assistant.profiles import Write
from tests.builders.fake_inverter import command
from tests.darkstar_pipeline.service.home_assistant.test_inverter_writes import translator

SONNEN: dict[str, Any] = {
    "family": "sonnen",
    "entities": {
        "mode": "select.sonnenbatterie_1_select_operating_mode",
        "charge_power": "number.sonnenbatterie_1_number_charge",
        "discharge_power": "number.sonnenbatterie_1_number_discharge",
    },
}
HOLD, CHARGE, EXPORT = command(0, 0, 0), command(2, 0, 0), command(0, 3, 3)


class Sonnen:
    """A battery of one setpoint, which its numbers do not show."""

    def __init__(self) -> None:
        self.mode, self.setpoint, self.fails_after, self.calls = "automatic", 0.0, False, 0

    def state(self, entity: str) -> Mapping[str, Any]:
        if entity.startswith("select."):
            return {"state": self.mode, "attributes": {"options": ["manual", "automatic"]}}
        return {"state": "0", "attributes": {"min": 0, "max": 4600, "step": 1, "unit_of_measurement": "W"}}

    def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
        del service
        self.calls += 1
        if domain == "select":
            self.mode = str(data["option"])
        else:
            value = float(data["value"])
            self.setpoint = -value if str(data["entity_id"]).endswith("_discharge") else value
        if self.fails_after:
            raise HomeAssistantError("it does not answer")

    def close(self) -> None: ...


def _written(writer: EntityWriter, writes: tuple[Write, ...]) -> None:
    writer.write(writer.look(writes))


def _writer(battery: Sonnen) -> EntityWriter:
    return EntityWriter(battery, confirm_seconds=1, monotonic=lambda: 0.0, wait=lambda _: True, on_write=lambda _: None)


def test_setpoint_is_written_again_after_another_entity_has_changed_it() -> None:
    battery, sonnen = Sonnen(), translator(SONNEN)
    writer = _writer(battery)
    for told, setpoint in ((HOLD, 0), (EXPORT, -3000), (HOLD, 0), (CHARGE, 2000), (EXPORT, -3000), (CHARGE, 2000)):
        writes = sonnen.command(told).writes
        _written(writer, writes)
        assert battery.setpoint == setpoint
        assert writer.look(writes).stands
    calls = battery.calls
    _written(writer, sonnen.command(CHARGE).writes)
    assert battery.calls == calls, "what stands is not written"


def test_setpoint_is_written_again_after_a_call_that_failed_and_was_carried_out() -> None:
    battery, sonnen = Sonnen(), translator(SONNEN)
    writer = _writer(battery)
    _written(writer, sonnen.command(HOLD).writes)
    battery.fails_after = True
    with pytest.raises(HomeAssistantError):
        _written(writer, sonnen.command(EXPORT).writes)
    battery.fails_after = False
    _written(writer, sonnen.command(HOLD).writes)
    assert battery.setpoint == 0
