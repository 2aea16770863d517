"""What the guard writes: at once where something can be ended, ever more rarely where the inverter ignores it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.fault_injection.faulty_inverter import CHARGE, DISCHARGE, FaultyInverter
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.service.control.daily_writes import WRITES_FILE, DailyWrites
from darkstar_pipeline.service.control.default_pace import PACE_FILE, DefaultPace
from darkstar_pipeline.service.control.restoration import SPENT, Restoration
from darkstar_pipeline.service.home_assistant.entity_values import service_call
from darkstar_pipeline.service.home_assistant.lease import ServiceCall
from darkstar_pipeline.service.home_assistant.profiles import Write

DEFAULT = {CHARGE: 0.0, DISCHARGE: 8000.0}
RUNNING = {CHARGE: 5000.0, DISCHARGE: 0.0}
LOOK_SECONDS = 10.0
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


class Watch:
    """A guard's restoration of an inverter whose charge runs, in simulated time from a midnight on."""

    def __init__(self, folder: Path, *, budget: int = 96, hour: float = 0.0) -> None:
        self.folder, self.budget, self.seconds, self.hour = folder, budget, 1000.0, hour
        self.written: list[float] = []
        self.inverter = FaultyInverter(
            seconds=lambda: self.seconds, written=lambda *_: self.written.append(self.seconds)
        )
        self.inverter.values = dict(RUNNING)
        self.restoration = self.started()

    def started(self) -> Restoration:
        writes = DailyWrites(self.folder, self.now, timezone="UTC", budget=self.budget)
        return Restoration(writes, DefaultPace(self.folder, lambda: self.seconds), wait=self._wait)

    def now(self) -> datetime:
        return MIDNIGHT + timedelta(hours=self.hour, seconds=self.seconds - 1000.0)

    def _wait(self, seconds: float) -> None:
        self.seconds += seconds

    def look(self) -> list[str]:
        calls = [
            ServiceCall(domain="number", service="set_value", data={"entity_id": entity, "value": value})
            for entity, value in DEFAULT.items()
        ]
        return self.restoration.step(self.inverter, calls, goes_on=lambda: True)

    def go(self, hours: float, look_seconds: float = LOOK_SECONDS) -> None:
        end = self.seconds + hours * 3600
        while self.seconds < end:
            self.look()
            self.seconds += look_seconds


def test_default_is_written_ever_more_rarely_when_the_inverter_ignores_it(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.inverter.fault = "ignores writes"
    watch.go(0.05)
    assert 8 <= len(watch.written) <= 12, "a slip of its bus is over in minutes"
    watch.go(0.95)
    assert len(watch.written) <= 21
    watch.go(22.9, 60)
    assert len(watch.written) <= 45
    assert watch.seconds - watch.written[-1] <= 3700, "it is never given up"


@pytest.mark.parametrize("budget", [8, 24])
def test_writes_last_until_midnight_when_fewer_are_left_than_hours(budget: int, tmp_path: Path) -> None:
    watch = Watch(tmp_path, budget=budget)
    watch.inverter.fault = "ignores writes"
    watch.go(23.9, 60)
    assert len(watch.written) <= budget
    watch.inverter.fault, watch.inverter.values[CHARGE] = None, 4000.0
    watch.look()
    assert (watch.inverter.values, len(watch.written) <= budget) == (DEFAULT, True), "what moved is ended at once"


@pytest.mark.parametrize("fault", ["unavailable", "away", "gone", "in kW"])
def test_default_is_written_at_once_when_the_inverter_can_be_reached_again(fault: str, tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.inverter.fault = "ignores writes"
    watch.go(3)
    n_written = len(watch.written)
    watch.inverter.fault = fault  # pyright: ignore[reportAttributeAccessIssue]
    watch.go(0.01)
    watch.inverter.fault = None
    watch.go(0.01 if fault == "in kW" else 0.0001)  # the change to kW was tried as well
    assert watch.inverter.values == DEFAULT
    assert len(watch.written) <= n_written + 6


def test_writes_are_paced_when_the_entity_comes_and_goes_and_ignores_them(tmp_path: Path) -> None:
    watch = Watch(tmp_path, hour=0.1)
    for _ in range(23 * 60):
        for fault in ("ignores writes", "unavailable"):
            watch.inverter.fault = fault
            watch.look()
            watch.seconds += 30
    assert len(watch.written) <= 96
    assert watch.seconds - watch.written[-1] <= 3700


def test_running_charge_is_ended_at_once_when_the_day_has_no_writes_left(tmp_path: Path) -> None:
    watch = Watch(tmp_path, budget=4)
    writes = DailyWrites(tmp_path, watch.now, timezone="UTC", budget=4)
    for _ in range(4):
        writes.add()
    watch.look()
    assert watch.inverter.values == DEFAULT
    assert watch.look() == []
    watch.inverter.values, watch.inverter.fault, n_written = dict(RUNNING), "ignores writes", len(watch.written)
    watch.go(10, 60)
    assert 10 <= len(watch.written) - n_written <= 13, "then one value an hour"
    assert watch.look()[-1] == SPENT


def test_pace_goes_on_when_the_guard_is_killed_and_started_again(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.inverter.fault = "ignores writes"
    for _ in range(180):
        watch.restoration = watch.started()
        watch.look()
        watch.seconds += 2
    assert len(watch.written) <= 25
    watch.inverter.fault = None
    watch.go(0.2)
    assert watch.inverter.values == DEFAULT
    assert not (tmp_path / PACE_FILE).exists()


def test_other_entity_is_set_when_one_never_takes_its_default(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    call = watch.inverter.call
    deaf = {CHARGE, DISCHARGE}
    watch.inverter.call = lambda domain, service, data: (  # pyright: ignore[reportAttributeAccessIssue]
        None if data["entity_id"] in deaf else call(domain, service, data)
    )
    watch.look()
    assert watch.inverter.values == RUNNING
    deaf.remove(DISCHARGE)
    watch.go(0.1)
    assert watch.inverter.values == {**RUNNING, DISCHARGE: 8000.0}


def test_control_and_guard_count_together_and_over_restarts(tmp_path: Path) -> None:
    control = DailyWrites(tmp_path, lambda: MIDNIGHT, timezone="Europe/Stockholm", budget=10)
    guard = DailyWrites(tmp_path, lambda: MIDNIGHT)
    for each in (control, guard, control):
        each.add()
    assert (control.count(), guard.count(), guard.left()) == (3, 3, 7)
    assert guard.seconds_left() == 23 * 3600, "it is one o'clock in Stockholm"
    tomorrow = DailyWrites(tmp_path, lambda: MIDNIGHT + timedelta(hours=23))
    assert (tomorrow.count(), tomorrow.left()) == (0, 10)


@pytest.mark.parametrize("content", [b"{", b"[[[[", b'{"timezone": "No/Where", "writes": 3}', b"\xff"])
def test_count_goes_on_when_its_file_is_damaged(content: bytes, tmp_path: Path) -> None:
    (tmp_path / WRITES_FILE).write_bytes(content)
    (tmp_path / PACE_FILE).write_bytes(content)
    watch = Watch(tmp_path)
    watch.look()
    assert (watch.inverter.values, DailyWrites(tmp_path, watch.now).count()) == (DEFAULT, 2)


def test_default_is_restored_when_the_disk_takes_nothing(tmp_path: Path) -> None:
    (tmp_path / "writes.lock").mkdir()
    (tmp_path / PACE_FILE).mkdir()
    watch = Watch(tmp_path)
    watch.inverter.fault = "ignores writes"
    watch.go(1)
    assert len(watch.written) <= 21, "the count is kept in memory"
    watch.inverter.fault, watch.inverter.values[CHARGE] = None, 1.0
    watch.look()
    assert watch.inverter.values == {CHARGE: 0.0, DISCHARGE: 8000.0}


class ModeInverter:
    """An inverter that charges from the grid at its limit while a mode has it do so; that is taken late or never."""

    def __init__(self, *, takes_mode_after: int = 0) -> None:
        self.values: dict[str, str] = {"select.mode": "charge", "number.limit": "500"}
        self.tries, self.takes_mode_after = 0, takes_mode_after
        self.charged_at = 0.0
        self.refuses = False

    def state(self, entity: str) -> Mapping[str, Any]:
        options = ["self_use", "charge"] if not self.refuses else ["charge"]
        attributes = {"options": options} if entity == "select.mode" else {"max": 5000}
        return {"state": self.values[entity], "attributes": attributes}

    def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
        del service
        if domain == "select":
            if self.refuses:
                message = "no such option"
                raise HomeAssistantError(message)
            self.tries += 1
            if self.tries > self.takes_mode_after:
                self.values["select.mode"] = data["option"]
        else:
            self.values["number.limit"] = str(data["value"])
        if self.values["select.mode"] == "charge":
            self.charged_at = max(self.charged_at, float(self.values["number.limit"]))


MODE_DEFAULT = [
    ServiceCall(domain="select", service="select_option", data={"entity_id": "select.mode", "option": "self_use"}),
    ServiceCall(domain="number", service="set_value", data={"entity_id": "number.limit", "value": 5000.0}),
]


@pytest.mark.parametrize("late", [0, 1, 5])
def test_limit_is_raised_only_when_the_charge_has_ended(late: int, tmp_path: Path) -> None:
    watch, inverter = Watch(tmp_path), ModeInverter(takes_mode_after=late)
    for _ in range(40):
        problems = watch.restoration.step(inverter, MODE_DEFAULT, goes_on=lambda: True)
        watch.seconds += 5
        if not problems:
            break
    assert inverter.values == {"select.mode": "self_use", "number.limit": "5000.0"}
    assert inverter.charged_at in {0.0, 500.0}, "never at full power"


@pytest.mark.parametrize("state", [None, {"state": "unavailable"}])
def test_limit_is_not_raised_while_a_mode_cannot_be_seen(state: Mapping[str, Any] | None, tmp_path: Path) -> None:
    """A mode that was renamed while it charges: its limit stays low, also where another mode is taken meanwhile."""
    seen = ServiceCall(domain="switch", service="turn_off", data={"entity_id": "switch.forced"})

    class Renamed(ModeInverter):
        def state(self, entity: str) -> Mapping[str, Any]:
            if entity == "switch.forced":
                return {"state": self.values.get(entity, "on")}
            return super().state(entity) if entity != "select.mode" else state  # pyright: ignore[reportReturnType]

        def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
            if domain == "switch":
                self.values["switch.forced"] = "off"
            else:
                super().call(domain, service, data)

    watch, inverter = Watch(tmp_path), Renamed()
    for _ in range(10):
        problems = watch.restoration.step(inverter, [seen, *MODE_DEFAULT], goes_on=lambda: True)
        watch.seconds += 5
        assert any("select.mode" in problem for problem in problems), "it is told"
    assert (inverter.values["switch.forced"], inverter.values["number.limit"]) == ("off", "500")


def test_limit_does_not_wait_for_a_mode_that_home_assistant_refuses(tmp_path: Path) -> None:
    watch, inverter = Watch(tmp_path), ModeInverter()
    inverter.refuses = True
    for _ in range(10):
        watch.restoration.step(inverter, MODE_DEFAULT, goes_on=lambda: True)
        watch.seconds += 5
    assert inverter.values["number.limit"] == "5000.0"


@pytest.mark.parametrize(("unit", "written"), [("W", 30.0), ("kW", 0.03), ("A", None), (None, 30.0)])
def test_default_is_restored_in_the_unit_that_the_entity_shows(
    unit: str | None, written: float | None, tmp_path: Path
) -> None:
    """Somebody changed it in Home Assistant: 30 W written as kW, and kept within the limits, would be 9 kW."""

    class Setpoint:
        value = 4000.0 if unit != "kW" else 4.0

        def state(self, entity: str) -> Mapping[str, Any]:
            attributes = {"unit_of_measurement": unit, "max": 9 if unit == "kW" else 9000, "step": 0.01}
            return {"entity_id": entity, "state": str(self.value), "attributes": attributes}

        def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
            del domain, service
            self.value = data["value"]

    home = Setpoint()
    calls = [service_call(Write("number.setpoint", 30.0, "W"))]
    problems = Watch(tmp_path).restoration.step(home, calls, goes_on=lambda: True)
    if written is None:
        assert (problems, home.value) == (
            ["number.setpoint is in A, and home_assistant.control.mapping.unit says W"],
            4000,
        )
    else:
        assert (problems, home.value) == ([], pytest.approx(written))
