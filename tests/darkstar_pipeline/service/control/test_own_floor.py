"""The inverter's own floor is the person's: followed where they change it, restored by default, lease and guard."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.simulated_inverters.controlled_inverter import DEFAULT, ControlledInverter, Powers
from benchmarks.simulated_inverters.simulated_inverter import descriptions
from darkstar_pipeline.service.home_assistant.lease import read_lease

FAMILIES = descriptions()
FLOORS = {
    "tesla": ("number.energy_site_backup_reserve", 45.0),
    "goodwe": ("number.goodwe_depth_of_discharge_on_grid", 55.0),
}


@pytest.mark.parametrize("family", FLOORS)
def test_floor_that_a_person_sets_while_the_default_stands_is_what_ends_every_command(
    family: str, tmp_path: Path
) -> None:
    entity, floor = FLOORS[family]
    home = ControlledInverter(tmp_path, FAMILIES[family])
    home.run(3)
    home.inverter.by_hand(entity, floor)
    home.run(3)
    assert home.inverter.values[entity] == floor, "it is not written over"
    assert home.says(entity, f"was set to {floor:g}: the default keeps that")
    lease = read_lease(tmp_path)
    assert lease is not None
    assert floor in [call.data.get("value") for call in lease.restore], "nor by the guard"
    home.powers = Powers()
    home.run(4)
    assert home.inverter.values[entity] != floor, "a hold sets its own"
    home.powers = DEFAULT
    home.run(4)
    assert home.inverter.values[entity] == floor
    home.restart()
    home.powers = Powers()
    home.run(4)
    home.alive = False
    home.run(12)
    assert home.inverter.values[entity] == floor, "also after a restart, and when the service has died"


def test_value_of_ours_that_comes_late_is_no_floor_of_a_person(tmp_path: Path) -> None:
    """The reserve of a hold shows again for a moment after the default was read back."""
    entity, _ = FLOORS["tesla"]
    home = ControlledInverter(tmp_path, FAMILIES["tesla"])
    home.powers = Powers()
    home.run(4)
    home.powers = DEFAULT
    home.run(4)
    home.inverter.by_hand(entity, 100.0, user=None)
    home.run(4)
    assert home.inverter.values[entity] == 20.0


@pytest.mark.parametrize("family", FLOORS)
def test_floor_that_shows_zero_while_the_integration_starts_is_not_written(family: str, tmp_path: Path) -> None:
    """Home Assistant restarts: the floor shows 0 for a moment while another entity has no value yet."""
    floor, _ = FLOORS[family]
    home = ControlledInverter(tmp_path, FAMILIES[family])
    home.run(20)
    own = home.inverter.values[floor]
    away = next(name for name in home.inverter.values if name != floor)
    read = home.inverter.state
    starting = True

    def state(entity: str) -> Mapping[str, Any] | None:
        shown = read(entity)
        if not starting or shown is None or entity not in (floor, away):
            return shown
        return {**shown, "state": "0" if entity == floor else "unavailable"}

    home.inverter.state = state
    home.run(0.3)
    starting = False
    home.run(30)
    assert home.inverter.values[floor] == own
    lease = read_lease(tmp_path)
    assert lease is not None
    assert own in [call.data.get("value") for call in lease.restore]
