"""The lease is renewed by what was read back, never by what was sent, and no more often than it has to be."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from darkstar_pipeline.service.control.controller import POLL_SECONDS
from darkstar_pipeline.service.control.lease_keeper import LeaseKeeper, Reach
from darkstar_pipeline.service.home_assistant.lease import Lease, boot_id, read_lease, uptime_seconds, write_lease
from tests.builders.fake_inverter import CHARGE, DISCHARGE, ControlledInverter, FakeGuards, command, power_settings

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
        assert (
            control.uptime >= first.ends or "neither the command nor its default" in control.controller.status().problem
        )
        control.uptime += POLL_SECONDS
        control.controller.step()
    assert lease_of(tmp_path) == first, "the lease that the guard watches is not renewed"
    assert control.uptime > first.ends, "so the guard acts"
    assert "nothing is written until the guard has restored" in control.controller.status().problem
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
    control = ControlledInverter(tmp_path, power_settings(lease_minutes=0.5, confirm_seconds=10.0))
    for _ in range(3):
        control.controller.step()
        assert lease_of(tmp_path).ends == control.uptime + 30.0
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


def test_lease_names_the_authority_where_there_is_one(tmp_path: Path) -> None:
    for ca_file in (None, tmp_path / "ca.pem"):
        reach = Reach(url="https://h", ca_file=ca_file)
        keeper = LeaseKeeper(tmp_path, reach, lease_seconds=9, margin_seconds=1, guards=FakeGuards())
        keeper.renew([])
        assert ("ca_file" in json.loads((tmp_path / "lease.json").read_text())) == (ca_file is not None)
        assert lease_of(tmp_path).ca_file == (None if ca_file is None else str(ca_file))


def test_lease_of_an_earlier_run_is_ended_before_a_new_one_when_the_service_starts(tmp_path: Path) -> None:
    """It may name other entities than ours: an old mapping, another inverter."""
    stored = json.loads(LEASE_OF_0_1)
    far = uptime_seconds() + 600
    (tmp_path / "lease.json").write_text(json.dumps({**stored, "boot": boot_id(), "ends": far}))
    control = ControlledInverter(tmp_path, power_settings())
    control.controller.step()
    assert control.inverter.written == []
    assert "earlier run" in control.controller.status().problem
    left = json.loads((tmp_path / "lease.json").read_text())
    assert left.keys() == stored.keys(), "a watchdog of version 0.1 refuses other keys"
    assert (left["ends"], left["restore"], left["released"]) == (0.0, stored["restore"], False)
    assert control.guards.asked == 1
    write_lease(tmp_path, lease_of(tmp_path).model_copy(update={"released": True}))  # as the guard does at its end
    control.controller.step()
    assert control.inverter.states[CHARGE] == 2500.0
    assert [call.data["entity_id"] for call in lease_of(tmp_path).restore] == [CHARGE, DISCHARGE]


def test_nothing_is_written_when_no_live_guard_watches_the_lease(tmp_path: Path) -> None:
    control = ControlledInverter(tmp_path, power_settings(lease_minutes=1))
    control.guards.lives = False
    control.controller.step()
    assert control.inverter.written == []
    assert "no live guard" in control.controller.status().problem
    control.guards.lives = True
    control.controller.step()
    assert control.inverter.states[CHARGE] == 2500.0
    written = list(control.inverter.written)
    control.guards.lives = False  # it was killed
    control.supplier.command = command(1.0, 0, 0)
    control.uptime += POLL_SECONDS
    control.controller.step()
    assert control.inverter.written == written


def test_stop_leaves_the_lease_to_the_guard_when_the_default_is_not_read_back(tmp_path: Path) -> None:
    """Home Assistant answers 200 and skips an entity: an accepted call proves nothing."""
    control = ControlledInverter(tmp_path, power_settings(), uptime=uptime_seconds())
    control.controller.step()
    control.inverter.refuses = (CHARGE,)
    control.controller.stop()
    assert not lease_of(tmp_path).released
    assert lease_of(tmp_path).expired, "the guard need not wait"


def test_nothing_is_written_under_an_expired_lease_until_its_guard_has_restored_the_default(tmp_path: Path) -> None:
    """A command written then would stand unguarded: the guard ends once it has restored the default."""
    control = ControlledInverter(tmp_path, power_settings(lease_minutes=1))
    control.controller.step()
    control.uptime += 61  # the service hung, Home Assistant was away, or the machine slept
    control.inverter.states[CHARGE] = 0.0
    written = list(control.inverter.written)
    control.controller.step()
    assert control.inverter.written == written
    assert "the lease has expired" in control.controller.status().problem
    leases: list[Lease] = []
    call = control.inverter.call

    def noting(domain: str, service: str, data: Mapping[str, Any]) -> None:
        leases.append(lease_of(tmp_path))
        call(domain, service, data)

    control.inverter.call = noting  # type: ignore[method-assign]
    write_lease(tmp_path, lease_of(tmp_path).model_copy(update={"released": True}))  # as the guard does at its end
    control.controller.step()
    assert control.inverter.states[CHARGE] == 2500.0
    assert leases
    assert all(not lease.released and lease.ends == control.uptime + 60 for lease in leases)
    assert control.guards.dismissed == 1, "the end of the guard whose lease was released is waited for"
    assert control.controller.status().problem == ""


def test_uptime_only_rises() -> None:
    assert 0 < uptime_seconds() <= uptime_seconds()
