"""Somebody else who writes the inverter's entities is told, written over once, and then left alone for a while."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from darkstar_pipeline.service.control.strangers import Strangers
from darkstar_pipeline.service.home_assistant.lease import read_lease
from darkstar_pipeline.service.home_assistant.profiles import Write
from tests.builders.fake_inverter import CHARGE, DISCHARGE, ControlledInverter, command, power_settings
from tests.builders.service_home import moment

SLOT = timedelta(minutes=15)


def go(control: ControlledInverter, seconds: float) -> None:
    """Let time go by, in the command's slots."""
    control.clock.seconds += seconds
    control.uptime += seconds
    control.clock.at += timedelta(seconds=seconds)
    start = moment(minute=0) + SLOT * ((control.clock.at - moment(minute=0)) // SLOT)
    control.supplier.command = command(2.5, 0, 0, slot_start=start, expires_at=start + SLOT)


def live(control: ControlledInverter, minutes: int) -> None:
    """Let minutes go by with control at work, which renews its lease."""
    for _ in range(minutes):
        go(control, 60)
        control.controller.step()


def commanded(control: ControlledInverter) -> int:
    return control.inverter.written.count((CHARGE, 2500.0))


def test_first_change_is_written_over_and_told_and_the_next_ends_the_command(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings())
    control.controller.step()
    control.inverter.states[CHARGE] = 900.0
    control.controller.step()
    status = control.controller.status()
    assert (control.inverter.states[CHARGE], status.problem) == (2500.0, "")
    assert f"somebody else writes {CHARGE}: it was changed to 900.0" in status.notes
    go(control, 60)
    control.inverter.states[CHARGE] = 900.0
    control.controller.step()
    assert "Darkstar stands back for up to 15 min" in control.controller.status().problem
    assert control.inverter.states == {CHARGE: 0.0, DISCHARGE: 8000.0}
    live(control, 15)
    assert control.inverter.states[CHARGE] == 2500.0, "the next slot's command"
    control.inverter.states[CHARGE] = 900.0
    control.controller.step()
    assert "up to 30 min" in control.controller.status().problem
    n_commanded = commanded(control)
    live(control, 14)
    assert commanded(control) == n_commanded
    live(control, 90)
    control.inverter.states[CHARGE] = 900.0
    control.controller.step()
    assert control.controller.status().problem == "", "an hour without a change, and it begins anew"


def test_inverter_is_theirs_where_the_default_is_changed_too(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings())
    control.controller.step()
    for _ in range(2):
        control.inverter.states[CHARGE] = 900.0
        control.controller.step()
    assert control.inverter.states[CHARGE] == 0.0
    control.inverter.states[CHARGE] = 4444.0
    n_written = len(control.inverter.written)
    for _ in range(20):
        go(control, 10)
        control.controller.step()
    lease = read_lease(tmp_path)
    assert lease is not None
    assert lease.released, "nobody undoes what somebody else wants"
    assert (control.inverter.states[CHARGE], len(control.inverter.written)) == (4444.0, n_written)
    assert "it is theirs until Darkstar commands again" in control.controller.status().problem
    live(control, 15)
    assert control.inverter.states[CHARGE] == 2500.0


def test_command_of_ours_that_comes_late_is_not_left_standing(tmp_path: Path) -> None:
    """An inverter that is slow to take a charge shows it after its default stood: that is no stranger's wish."""
    control = ControlledInverter(tmp_path, power_settings())
    control.controller.step()
    for _ in range(2):
        control.inverter.states[CHARGE] = 900.0
        control.controller.step()
    control.inverter.states[CHARGE] = 2500.0
    go(control, 70)
    control.controller.step()
    assert control.inverter.states[CHARGE] == 0.0


@pytest.mark.parametrize(
    ("context", "who"),
    [
        ({"user_id": "anna", "parent_id": None}, "another user of Home Assistant"),
        ({"user_id": None, "parent_id": "abc"}, "an automation in Home Assistant"),
        ({"user_id": None, "parent_id": None}, "the inverter, its maker's app or an automation"),
        ({}, "the inverter, its maker's app or an automation"),
        ({"user_id": "darkstar", "parent_id": None}, "the inverter, its maker's app or an automation"),
    ],
)
def test_change_is_told_with_whose_it_is_as_far_as_home_assistant_says(context: dict[str, Any], who: str) -> None:
    strangers, write = Strangers(lambda: 0.0), Write(CHARGE, 2500.0)
    strangers.wrote(write)
    strangers.stands([write], lambda _: {"state": "2500", "context": {"user_id": "darkstar"}})
    changes = strangers.changes([write], lambda _: {"state": "0", "context": context})
    assert str(changes[0]).endswith(f"it was changed to 0, by {who}")
    assert strangers.changes([write], lambda _: {"state": "0", "context": context}) == [], "told once"


@pytest.mark.parametrize("text", ["unavailable", "unknown", "nan", "inf"])
def test_entity_without_a_value_is_nobodys_change(text: str) -> None:
    strangers, write = Strangers(lambda: 0.0), Write(CHARGE, 2500.0)
    strangers.stands([write], lambda _: None)
    assert strangers.changes([write], lambda _: {"state": text}) == []
