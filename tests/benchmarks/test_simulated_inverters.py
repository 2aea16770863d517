"""Every family's simulated inverter does what is commanded, or runs its default and that is told."""

from pathlib import Path

import pytest

from benchmarks.simulated_inverters.controlled_inverter import ControlledInverter
from benchmarks.simulated_inverters.faults import FAULTS, fault_result
from benchmarks.simulated_inverters.scenarios import (
    COMMANDS,
    command_result,
    day_writes,
    deaf_result,
    default_result,
    hand_result,
)
from benchmarks.simulated_inverters.simulated_inverter import descriptions

FAMILIES = descriptions()
OTHERS = {"default": default_result, "refuse": deaf_result, "take_over": hand_result}
QUICK = ("sungrow", "fronius")


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "family", [family if family in QUICK else pytest.param(family, marks=pytest.mark.thorough) for family in FAMILIES]
)
def test_inverter_does_as_told_or_the_default_stands_and_that_is_told(family: str, name: str, tmp_path: Path) -> None:
    result = command_result(ControlledInverter(tmp_path, FAMILIES[family]), name)
    assert result.passed, (family, name, result)


@pytest.mark.thorough
@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("family", FAMILIES)
def test_default_stands_when_the_service_dies_the_inverter_is_deaf_or_somebody_insists(
    family: str, name: str, tmp_path: Path
) -> None:
    result = OTHERS[name](ControlledInverter(tmp_path, FAMILIES[family]))
    assert result.passed, (family, name, result)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize(
    "family",
    [family if family == "victron" else pytest.param(family, marks=pytest.mark.thorough) for family in FAMILIES],
)
def test_battery_never_does_more_than_commanded_when_something_fails(family: str, name: str, tmp_path: Path) -> None:
    """Slow, deaf, rounding, forgetful, in another unit, away, with a clock that steps, or with a dead service."""
    result = fault_result(ControlledInverter(tmp_path, FAMILIES[family]), name)
    assert result.passed, (family, name, result)


@pytest.mark.thorough
@pytest.mark.parametrize("family", FAMILIES)
def test_day_of_hourly_commands_stays_within_the_budget(family: str, tmp_path: Path) -> None:
    assert day_writes(ControlledInverter(tmp_path, FAMILIES[family])) <= 96
