"""Others have the battery by the clock or by an entity: the default is restored once, then nothing is written."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from darkstar_pipeline.config.household.live_caps import HandsOffSettings
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.service.control.hands_off import HandsOff
from darkstar_pipeline.service.home_assistant.lease import read_lease
from env.time_grid import zone
from planner.wording.messages import translated
from tests.builders.fake_inverter import CHARGE, DISCHARGE, ControlledInverter, power_settings
from tests.builders.service_home import HandClock, moment
from tests.builders.small_home import ZONE


def at(day: date, hour: int, minute: int = 0, fold: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone(ZONE), fold=fold)


def windows(*each: dict[str, Any]) -> HandsOff:
    return HandsOff(HandsOffSettings.model_validate({"windows": each}), ZONE)


EVENING = {"start": "17:00", "end": "20:00", "weekdays": [1, 2, 3, 4, 5]}
NIGHT = {"start": "23:30", "end": "05:00"}
MONDAY, SATURDAY = date(2026, 2, 2), date(2026, 2, 7)


@pytest.mark.parametrize(
    ("when", "end"),
    [
        (at(MONDAY, 17), at(MONDAY, 20)),
        (at(MONDAY, 19, 59), at(MONDAY, 20)),
        (at(MONDAY, 20), None),
        (at(MONDAY, 16, 59), None),
        (at(SATURDAY, 18), None),
        (at(SATURDAY, 23, 30), at(SATURDAY + timedelta(days=1), 5)),
        (at(SATURDAY, 4, 59), at(SATURDAY, 5)),
        (at(date(2026, 3, 29), 3), at(date(2026, 3, 29), 5)),
        (at(date(2025, 10, 26), 2, 30, fold=1), at(date(2025, 10, 26), 5)),
    ],
)
def test_window_holds_by_the_local_clock(when: datetime, end: datetime | None) -> None:
    assert windows(EVENING, NIGHT).until(when) == end


def test_entity_holds_while_it_has_no_value() -> None:
    hands_off = HandsOff(HandsOffSettings(entity="switch.aggregator"), ZONE)
    now = at(MONDAY, 12, 5)
    for state, is_off in (("on", True), ("unavailable", True), (None, True), ("off", False), ("unknown", False)):

        def read(entity: str, state: str | None = state) -> Mapping[str, Any] | None:
            assert entity == "switch.aggregator"
            return None if state is None else {"state": state}

        hands_off.look(read)
        assert (hands_off.until(now) is not None) == is_off

    def fails(entity: str) -> Mapping[str, Any] | None:
        raise HomeAssistantError(f"{entity} is away")

    hands_off.look(fails)
    assert hands_off.until(now) is None


def test_default_is_restored_once_and_nothing_is_written_until_it_is_over(tmp_path: Path) -> None:
    now = HandClock(at=moment()).now().astimezone(zone(ZONE))
    begin = (now + timedelta(minutes=2)).strftime("%H:%M")
    end = (now + timedelta(minutes=4)).strftime("%H:%M")
    control = ControlledInverter(tmp_path, power_settings(hands_off={"windows": [{"start": begin, "end": end}]}))
    control.controller.step()
    assert control.inverter.states[CHARGE] == 2500.0
    _go(control, 125)
    control.controller.step()
    lease = read_lease(tmp_path)
    assert lease is not None
    assert (control.inverter.states, lease.released) == ({CHARGE: 0.0, DISCHARGE: 8000.0}, True)
    n_written = len(control.inverter.written)
    control.inverter.states[CHARGE] = 3333.0
    for _ in range(5):
        _go(control, 2)
        control.controller.step()
    assert len(control.inverter.written) == n_written, "what others write then is theirs"
    assert "others have the battery" in control.controller.status().notes
    assert not control.controller.status().problem
    [component] = control.controller.components()
    assert "andra har batteriet nu" in translated(component.note, "sv"), "what is joined keeps its translation"
    _go(control, 120)
    control.controller.step()
    assert control.inverter.states[CHARGE] == 2500.0


def _go(control: ControlledInverter, seconds: float) -> None:
    control.clock.seconds += seconds
    control.clock.at += timedelta(seconds=seconds)


def test_start_in_others_time_leaves_what_they_have_set(tmp_path: Path) -> None:
    now = HandClock(at=moment()).now().astimezone(zone(ZONE))
    begin, end = ((now + timedelta(minutes=minutes)).strftime("%H:%M") for minutes in (-2, 2))
    control = ControlledInverter(tmp_path, power_settings(hands_off={"windows": [{"start": begin, "end": end}]}))
    for _ in range(3):
        control.controller.step()
        _go(control, 2)
    assert not control.inverter.written
    assert read_lease(tmp_path) is None
    _go(control, 120)
    control.controller.step()
    assert control.inverter.states[CHARGE] == 2500.0


def test_entity_without_a_value_since_the_start_is_told_and_nothing_is_commanded() -> None:
    """A restart in their time, or a wrong name: what is not known is not taken for leave to command."""
    hands_off = HandsOff(HandsOffSettings(entity="switch.aggregator"), ZONE)
    now = at(MONDAY, 12, 5)
    hands_off.look(lambda _: None)
    assert hands_off.until(now) is not None
    assert "switch.aggregator" in hands_off.problem
    hands_off.look(lambda _: {"state": "off"})
    assert (hands_off.until(now), hands_off.problem) == (None, "")
    hands_off.look(lambda _: {"state": "unavailable"})
    assert hands_off.until(now) is None
    assert "has no value" in hands_off.problem
