"""The lease is renewed by what was read back, never by what was sent, and no more often than it has to be."""

import json
from pathlib import Path

import pytest
from filelock import FileLock

from darkstar_pipeline.service.home_assistant.controller import POLL_SECONDS
from darkstar_pipeline.service.home_assistant.lease import Lease, boot_id, read_lease, uptime_seconds
from darkstar_pipeline.service.home_assistant.watchdog import LOCK_FILE, watchdog_runs
from tests.builders.fake_inverter import CHARGE, DISCHARGE, ControlledInverter, power_settings

LEASE_OF_0_1 = """{
 "url": "http://127.0.0.1:9",
 "token_file": "/etc/darkstar/ha_token",
 "restore": [
  {
   "domain": "number",
   "service": "set_value",
   "data": {
    "entity_id": "number.charge_power",
    "value": 0.0
   }
  }
 ],
 "boot": "7f6b4a3e-0000-4000-8000-000000000000",
 "ends": 4242.5,
 "released": false
}"""
"""As `darkstar serve` of version 0.1 wrote it."""


def lease_of(folder: Path) -> Lease:
    lease = read_lease(folder)
    assert lease is not None
    return lease


@pytest.mark.parametrize("refused", [(CHARGE,), (CHARGE, DISCHARGE)], ids=["one entity", "every entity"])
def test_lease_expires_when_neither_command_nor_default_is_read_back(tmp_path: Path, refused: tuple[str, ...]) -> None:
    control = ControlledInverter(tmp_path, power_settings(lease_minutes=1))
    control.inverter.refuses = refused
    control.controller.step()
    first = lease_of(tmp_path)
    for _ in range(40):
        control.uptime += POLL_SECONDS
        control.controller.step()
    assert lease_of(tmp_path) == first, "the lease that the watchdog was started with is not renewed"
    assert control.uptime > first.ends, "so the watchdog acts"
    assert "neither the command nor its default" in control.controller.status().problem
    assert control.controller.status().confirmed_at is None


def test_lease_is_renewed_when_the_default_is_read_back_in_place_of_the_command(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings(lease_minutes=1))
    control.inverter.refused_values = (2500.0,)
    for _ in range(40):
        control.controller.step()
        control.uptime += POLL_SECONDS
    assert lease_of(tmp_path).ends > control.uptime
    assert control.inverter.states == {CHARGE: 0.0, DISCHARGE: 8000.0}
    assert "did not take the command" in control.controller.status().problem


def test_lease_is_written_only_when_less_than_half_is_left(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings(lease_minutes=5))
    ends: list[float] = []
    for _ in range(300):  # ten minutes
        control.controller.step()
        ends.append(lease_of(tmp_path).ends)
        assert ends[-1] - control.uptime >= 150 - POLL_SECONDS
        control.uptime += POLL_SECONDS
    assert len(set(ends)) == 4, "written once and renewed at half of five minutes, not 300 times"


def test_lease_is_written_at_once_when_what_restores_the_default_changes(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings())
    control.controller.step()
    control.inverter.largest = 5000.0
    control.supplier.command = control.supplier.command.model_copy(update={"automatic": False})
    control.controller.step()
    assert [call.data["value"] for call in lease_of(tmp_path).restore] == [0.0, 5000.0]


def test_lease_is_renewed_at_every_step_when_a_step_may_take_longer_than_half_of_it(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings(lease_minutes=0.1, confirm_seconds=10.0))
    for _ in range(3):
        control.controller.step()
        assert lease_of(tmp_path).ends == control.uptime + 6.0
        control.uptime += POLL_SECONDS


def test_lease_is_released_when_the_controller_stops(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings())
    control.controller.step()
    assert control.inverter.states[CHARGE] == 2500.0
    control.controller.stop()
    assert control.inverter.states == {CHARGE: 0.0, DISCHARGE: 8000.0}
    assert lease_of(tmp_path).released


def test_lease_and_count_of_version_0_1_are_read_when_they_are_there(tmp_path: Path) -> None:
    (tmp_path / "lease.json").write_text(LEASE_OF_0_1)
    lease = lease_of(tmp_path)
    assert (lease.ends, lease.restore[0].data["value"], lease.released) == (4242.5, 0.0, False)
    assert lease.expired, "the machine was restarted since"
    (tmp_path / "writes.json").write_text('{"day":"2025-10-26","writes":7}')
    assert ControlledInverter(tmp_path, power_settings()).controller.status().writes_today == 7


def test_watchdog_of_version_0_1_goes_on_when_a_newer_service_starts(tmp_path: Path) -> None:
    (tmp_path / "lease.json").write_text(LEASE_OF_0_1)
    control = ControlledInverter(tmp_path, power_settings(lease_minutes=5))
    with FileLock(tmp_path / LOCK_FILE):  # as the old process holds it
        assert watchdog_runs(tmp_path)
        control.controller.step()
        first = lease_of(tmp_path)
        assert (first.boot, first.ends) == (boot_id(), control.uptime + 300)
        control.inverter.refuses = (CHARGE, DISCHARGE)
        control.inverter.states[CHARGE] = 1.0
        control.uptime += 200
        control.controller.step()
        assert lease_of(tmp_path) == first, "a watchdog of somebody else's is no reason to renew"
        assert control.watchdog.started == 0
    stored = json.loads((tmp_path / "lease.json").read_text())
    assert stored.keys() == json.loads(LEASE_OF_0_1).keys(), "the old process refuses other keys"
    assert not watchdog_runs(tmp_path)
    control.controller.step()
    assert control.watchdog.started == 1, "once it has ended, it is replaced"


def test_uptime_only_rises() -> None:
    assert 0 < uptime_seconds() <= uptime_seconds()
