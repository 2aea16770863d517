"""Whatever the inverter does: writes stay within the day's budget, and the lease is renewed by what was read back."""

import itertools
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.fault_injection.accelerated_days import GUARD_SLACK_SECONDS, AcceleratedHome, DayCounts
from benchmarks.fault_injection.faulty_inverter import INVERTER_FAULTS, InverterFault
from darkstar_pipeline.service.control.attempts import DefaultRepeats
from darkstar_pipeline.service.control.daily_writes import DailyWrites
from darkstar_pipeline.service.control.execution import UNREADABLE_SECONDS
from darkstar_pipeline.service.home_assistant.lease import read_lease
from darkstar_pipeline.service.home_assistant.profiles import Write
from tests.builders.fake_inverter import CHARGE, DISCHARGE, ControlledInverter, command, power_settings

BUDGET = 96


def assert_kept(counts: DayCounts, budget: int = BUDGET) -> None:
    assert max(counts.writes.values(), default=0) <= budget, counts
    assert counts.outlived_seconds <= GUARD_SLACK_SECONDS, counts
    assert counts.renewed_unconfirmed == 0, counts


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, marks=() if number % 5 == 0 else pytest.mark.thorough)
        for number, fault in enumerate(INVERTER_FAULTS)
    ],
)
def test_budget_holds_when_an_inverter_has_a_fault_for_hours(fault: InverterFault, tmp_path: Path) -> None:
    home = AcceleratedHome(tmp_path, seed=1, faults=(), budget=24)
    home.draws = False
    home.run(0.1)
    home.inverter.fault = fault
    assert_kept(home.run(0.5), 24)


@pytest.mark.parametrize("seed", [1])
def test_budget_and_lease_hold_when_faults_come_every_two_minutes(seed: int, tmp_path: Path) -> None:
    counts = AcceleratedHome(tmp_path, seed=seed).run(3)
    assert_kept(counts)
    assert counts.commanded_seconds > 600, "and commands are carried out in between"


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [1])
def test_budget_and_lease_hold_for_three_days_of_faults(seed: int, tmp_path: Path) -> None:
    counts = AcceleratedHome(tmp_path, seed=seed).run(72)
    assert_kept(counts)
    assert len(counts.writes) >= 3
    assert len(counts.faults) == len(INVERTER_FAULTS) + 4


def test_nothing_is_written_and_it_is_told_when_the_entity_reports_another_unit(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings())
    control.controller.step()
    assert control.inverter.states[CHARGE] == 2500.0
    n_written, lease = len(control.inverter.written), read_lease(tmp_path)
    control.inverter.unit = "kW"
    for _ in range(20):
        control.uptime += 2
        control.controller.step()
    assert len(control.inverter.written) == n_written
    assert "is in kW, and home_assistant.control.mapping.unit says W" in control.controller.status().problem
    assert read_lease(tmp_path) == lease, "and what cannot be looked at is not renewed"


def test_default_replaces_the_command_when_an_entity_has_had_no_value_for_a_while(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings())
    control.controller.step()
    control.inverter.texts[DISCHARGE] = "unavailable"
    control.controller.step()
    assert f"{DISCHARGE} is unavailable" in control.controller.status().problem
    assert control.inverter.states[CHARGE] == 2500.0, "a moment is nothing"
    control.clock.seconds += UNREADABLE_SECONDS
    control.controller.step()
    assert control.inverter.states[CHARGE] == 0.0
    control.inverter.texts.clear()
    control.controller.step()
    assert control.inverter.states == {CHARGE: 0.0, DISCHARGE: 8000.0}, "until the next slot"
    assert f"{DISCHARGE} is unavailable" in control.controller.status().problem


def test_status_says_what_the_inverter_takes_at_most_when_that_is_less_than_the_command(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings())
    control.inverter.largest = 5000.0
    control.supplier.command = command(6.5, 0, 0)
    control.controller.step()
    assert control.inverter.states[CHARGE] == 5000.0
    assert f"{CHARGE} takes at most 5000 W, not 6500 W" in control.controller.components()[0].note
    assert control.controller.components()[0].ok


def test_lease_is_not_released_when_the_default_does_not_stand_at_the_end(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings())
    control.controller.step()
    control.inverter.refuses = (CHARGE,)
    control.controller.stop()
    lease = read_lease(tmp_path)
    assert lease is not None
    assert not lease.released, "the guard restores it"


def test_command_is_given_up_for_the_slot_when_somebody_else_changes_it_again_and_again(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings())
    for _ in range(20):
        control.controller.step()
        control.inverter.states[CHARGE] = 700.0
    commanded = [value for entity, value in control.inverter.written if (entity, value) == (CHARGE, 2500.0)]
    assert len(commanded) == 2, "written over once; who insists is left alone"
    assert f"somebody else writes {CHARGE}: it was changed to 700.0" in control.controller.status().problem
    assert len(control.inverter.written) <= 10


def test_lease_is_released_when_the_budget_has_no_room_for_a_command_and_the_default_stands(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings(writes_per_day=8))
    while "budget" not in control.controller.status().problem:
        control.supplier.command = command(1.0 + len(control.inverter.written) / 10, 0, 0)
        control.controller.step()
    lease = read_lease(tmp_path)
    assert lease is not None
    assert (lease.released, control.inverter.states) == (True, {CHARGE: 0.0, DISCHARGE: 8000.0})
    control.inverter.states[CHARGE] = 1500.0
    n_written = len(control.inverter.written)
    for _ in range(50):
        control.uptime += 2
        control.clock.seconds += 2
        control.controller.step()
    assert read_lease(tmp_path) == lease, "what somebody else writes then is not for the guard to undo"
    assert len(control.inverter.written) - n_written <= 1
    assert len(control.inverter.written) <= 8


def test_default_is_left_to_the_guard_when_control_stops_and_no_write_is_left(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings())
    control.controller.step()
    for _ in range(96):
        DailyWrites(tmp_path, control.clock.now).add()
    n_written = len(control.inverter.written)
    control.controller.stop()
    lease = read_lease(tmp_path)
    assert lease is not None
    assert (lease.released, len(control.inverter.written)) == (False, n_written)


def test_control_is_not_well_when_its_last_look_is_long_ago(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings())
    hangs, asked = threading.Event(), threading.Event()
    state = control.inverter.state

    def hanging(entity: str) -> Mapping[str, Any]:
        asked.set()
        hangs.wait(20)
        return state(entity)

    control.inverter.state = hanging  # pyright: ignore[reportAttributeAccessIssue]
    control.controller.start()
    assert asked.wait(10)
    assert control.controller.components()[0].ok
    control.clock.seconds += 600
    part = control.controller.components()[0]
    assert not part.ok
    assert "has not looked at the inverter for 600 s" in part.note
    assert part.age_seconds == 600
    hangs.set()
    control.controller.stop()


def test_repeats_of_the_default_are_paced_and_begin_anew_after_an_hour_of_standing() -> None:
    repeats, now, writes = DefaultRepeats(), 0.0, list[float]()
    default = [Write(CHARGE, 0.0)]
    while now < 24 * 3600:
        if repeats.due(now, default):
            repeats.add(now, default)
            writes.append(now)
        now += 2
    assert [later - earlier for earlier, later in itertools.pairwise(writes)][:8] == [
        60, 120, 240, 480, 960, 1920, 3600, 3600,
    ]  # fmt: skip
    assert len(writes) < 32
    repeats.confirm(now)
    repeats.confirm(now + 3600)
    assert repeats.due(now + 3600, default)
    repeats.add(now + 3600, default)
    assert repeats.due(now + 3660, default)
