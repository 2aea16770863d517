"""A live guard stands beside whatever writes; one that ends at once is not started every two seconds."""

import os
import signal
from pathlib import Path

import pytest
from filelock import FileLock

from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from darkstar_pipeline.service.control.guard_process import GuardProcess
from darkstar_pipeline.service.control.guard_status import GuardStatus, live_guard
from darkstar_pipeline.service.home_assistant.lease import boot_id, read_lease, uptime_seconds, write_lease
from tests.builders.stub_home_assistant import ENTITY, StubHomeAssistant
from tests.builders.waiting import until


class FakeProcess:
    """A process of the test's; `status` is its exit status."""

    def __init__(self, status: int | None) -> None:
        self.status, self.killed = status, False

    def poll(self) -> int | None:
        return self.status

    def wait(self, timeout: float | None = None) -> int:
        del timeout
        return self.status or 0

    def kill(self) -> None:
        self.killed, self.status = True, -9


class Machine:
    """Starts of a guard, with time and life in the test's hand."""

    def __init__(self, folder: Path, status: int | None) -> None:
        self.uptime, self.status = 1000.0, status
        self.live: GuardStatus | None = None
        self.started: list[FakeProcess] = []
        self.guards = GuardProcess(
            folder, start=self.start, live=lambda _: self.live, uptime=lambda: self.uptime, patience_seconds=0.0
        )

    def start(self, _: Path) -> FakeProcess:
        self.started.append(FakeProcess(self.status))
        return self.started[-1]

    def sign(self, *, stays: bool) -> None:
        self.live = GuardStatus(
            pid=1, boot=boot_id(), started_at=self.uptime, looked_at=self.uptime, stays=stays, problem=""
        )


def test_guard_is_started_with_growing_pauses_when_it_ends_at_once(tmp_path: Path) -> None:
    machine = Machine(tmp_path, status=1)
    for _ in range(300):  # ten minutes
        assert not machine.guards.ensure()
        machine.uptime += 2.0
    assert 5 <= len(machine.started) <= 12, "not 300"
    component = machine.guards.components()[0]
    assert (component.name, component.ok, component.age_seconds) == ("guard", False, None)
    assert "exit status 1" in component.note
    machine.sign(stays=False)
    assert machine.guards.ensure()
    assert machine.guards.components()[0].ok


def test_no_guard_is_started_when_one_runs_apart(tmp_path: Path) -> None:
    machine = Machine(tmp_path, status=None)
    machine.sign(stays=True)
    assert machine.guards.ensure()
    assert machine.guards.dismiss(0.0), "it stays, so nobody waits for it"
    component = machine.guards.components()[0]
    assert (machine.started, component.ok, component.age_seconds) == ([], True, 0.0)
    assert "apart from the service" in component.note


def test_health_tells_the_guard_that_hangs_when_another_looks_in_its_stead(tmp_path: Path) -> None:
    machine = Machine(tmp_path, status=None)
    machine.sign(stays=True)
    hanging = GuardStatus(pid=1, boot=boot_id(), started_at=0.0, looked_at=machine.uptime - 40.0, stays=True)
    (tmp_path / "guard.json").write_text(hanging.model_dump_json())
    assert machine.guards.components()[0].ok, "nobody holds its place: it has ended"
    with FileLock(tmp_path / "watchdog.lock"):
        component = machine.guards.components()[0]
    assert not component.ok
    assert "no sign for 40 s" in component.note


def test_guard_that_hangs_is_killed_and_replaced(tmp_path: Path) -> None:
    machine = Machine(tmp_path, status=None)
    for _ in range(30):
        machine.guards.ensure()
        machine.uptime += 1.0
    assert machine.started[0].killed
    assert len(machine.started) == 2


def test_dismiss_starts_over_when_the_guard_has_ended(tmp_path: Path) -> None:
    machine = Machine(tmp_path, status=0)
    assert not machine.guards.ensure()
    assert machine.guards.dismiss(0.0)
    assert not machine.guards.ensure()
    assert len(machine.started) == 2, "its end was no failure: the next is started without a pause"


def test_health_has_no_guard_when_none_is_needed(tmp_path: Path, stub_home: StubHomeAssistant) -> None:
    assert GuardProcess(tmp_path).components() == []
    write_lease(tmp_path, stub_home.lease())
    assert not GuardProcess(tmp_path).components()[0].ok, "an outstanding lease needs one"
    (tmp_path / "lease.json").write_text("{")
    assert not GuardProcess(tmp_path).components()[0].ok


@pytest.mark.slow
def test_real_guard_finds_its_folder_and_an_old_token_file_when_both_are_relative(
    tmp_path: Path, stub_home: StubHomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(TOKEN_VARIABLE)
    Path("token").write_text("a token of this test")
    Path("token").chmod(0o600)
    folder = Path("state")
    write_lease(folder, stub_home.lease(token_file=str(Path("token"))))
    guards = GuardProcess(folder)
    guards.ensure()
    until(lambda: (left := read_lease(folder)) is not None and left.released, "it finds both")
    assert float(stub_home.states[ENTITY]) == 0
    assert guards.dismiss(10.0)


@pytest.mark.slow
def test_real_guard_lives_ends_with_its_lease_and_is_replaced_when_it_hangs(
    tmp_path: Path, stub_home: StubHomeAssistant
) -> None:
    lease = stub_home.lease(ends=uptime_seconds() + 600)
    write_lease(tmp_path, lease)
    guards = GuardProcess(tmp_path, patience_seconds=20.0)
    assert guards.ensure()
    first = live_guard(tmp_path)
    assert first is not None
    assert GuardProcess(tmp_path, patience_seconds=0.0).ensure(), "a service that starts again uses it"
    write_lease(tmp_path, lease.model_copy(update={"released": True}))
    assert guards.dismiss(10.0)
    assert live_guard(tmp_path) is None
    write_lease(tmp_path, lease)
    assert guards.ensure()
    second = live_guard(tmp_path)
    assert second is not None
    assert second.pid != first.pid
    os.kill(second.pid, signal.SIGSTOP)
    third = GuardProcess(tmp_path, live=lambda folder: live_guard(folder, places=("standby.lock",)))
    assert third.ensure(), "another stands by"
    os.kill(second.pid, signal.SIGKILL)
    until(lambda: live_guard(tmp_path, places=("watchdog.lock",)) is not None, "it moves up")
    write_lease(tmp_path, stub_home.lease())
    until(lambda: float(stub_home.states[ENTITY]) == 0, "and restores the default")
    until(lambda: (left := read_lease(tmp_path)) is not None and left.released, "nothing is left to guard")
    assert third.dismiss(10.0)
    assert guards.dismiss(10.0)
