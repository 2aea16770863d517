"""The guard apart from the service outlives what ends that: SIGKILL of its group, PID 1 of its namespace, a stop."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from filelock import FileLock

from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from darkstar_pipeline.service.control.guard_status import live_guard
from darkstar_pipeline.service.guard_service import GuardService
from darkstar_pipeline.service.home_assistant.lease import read_lease, uptime_seconds, write_lease
from darkstar_pipeline.service.state_folder import SERVING_LOCK, service_folder
from darkstar_pipeline.state.folder_names import LOADS_FOLDER
from tests.builders import tools
from tests.builders.command_line import PROGRAM, environment
from tests.builders.stub_home_assistant import ENTITY, StubHomeAssistant, stub_home_assistant
from tests.builders.waiting import until

SERVICE = """
import sys, time
from pathlib import Path
from darkstar_pipeline.service.control.guard_process import GuardProcess
from darkstar_pipeline.service.home_assistant.lease import ServiceCall
from darkstar_pipeline.service.control.lease_keeper import LeaseKeeper, Reach
from darkstar_pipeline.service.home_assistant.client import HomeAssistantClient
folder, url = Path(sys.argv[1]), sys.argv[2]
call = ServiceCall(domain="number", service="set_value", data={"entity_id": "number.charge_power", "value": 0.0})
keeper = LeaseKeeper(folder, Reach(url=url), lease_seconds=4.0, margin_seconds=3.0, guards=GuardProcess(folder))
while keeper.guard([call]):
    time.sleep(0.1)
with HomeAssistantClient(url, "a token of this test") as home:
    home.call("number", "set_value", {"entity_id": "number.charge_power", "value": 5000.0})
while True:
    keeper.renew([call])
    time.sleep(0.1)
"""
"""What a service does of control: a lease with a guard, a command, renewals."""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Generator[StubHomeAssistant]:
    monkeypatch.setenv(TOKEN_VARIABLE, "a token of this test")
    with stub_home_assistant() as running:
        running.states[ENTITY] = "0.0"
        yield running


@pytest.fixture
def guarded(tmp_path: Path, home: StubHomeAssistant) -> Generator[Path]:
    """The folder of a site whose guard runs apart, without any configuration."""
    assert home.url
    (tmp_path / "darkstar.yaml").write_text("sites: {home: [a slip")
    folder = service_folder(tmp_path / "state", "home")
    folder.mkdir(parents=True)
    process = subprocess.Popen(
        [PROGRAM, "control", "guard", "--json"], cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE
    )
    try:
        until(lambda: (guard := live_guard(folder)) is not None and guard.stays, "the guard lives", 30)
        yield folder
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        assert b'"site"' in out


def service(folder: Path, url: str, *before: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([*before, sys.executable, "-c", SERVICE, str(folder), url], start_new_session=True)


def is_charging(home: StubHomeAssistant) -> bool:
    return float(home.states[ENTITY]) == 5000


def is_released(folder: Path) -> bool:
    lease = read_lease(folder)
    return lease is not None and lease.released


@pytest.mark.slow
def test_default_is_restored_when_the_group_of_the_service_is_killed(guarded: Path, home: StubHomeAssistant) -> None:
    process = service(guarded, home.url)
    until(lambda: is_charging(home), "it charges", 30)
    guard = live_guard(guarded)
    assert guard is not None
    assert guard.stays, "no other was started"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    until(lambda: is_released(guarded), "the guard has nothing left to do", 30)
    assert float(home.states[ENTITY]) == 0


@pytest.mark.slow
def test_default_is_restored_when_process_1_of_the_service_s_namespace_is_killed(
    guarded: Path, home: StubHomeAssistant
) -> None:
    """As when a container is killed: everything in its namespace dies, children with sessions of their own too."""
    namespace = (tools.pid_namespace(), "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL")
    process = service(guarded, home.url, *namespace)
    until(lambda: is_charging(home), "it charges", 30)
    process.kill()
    process.wait()
    until(lambda: is_released(guarded), "the guard has nothing left to do", 30)
    assert float(home.states[ENTITY]) == 0


@pytest.mark.slow
def test_default_is_restored_when_home_assistant_was_away_at_the_kill(guarded: Path, home: StubHomeAssistant) -> None:
    process = service(guarded, home.url)
    until(lambda: is_charging(home), "it charges", 30)
    home.answer = b"<html>502 Bad Gateway</html>"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    until(lambda: (guard := live_guard(guarded)) is not None and guard.problem != "", "the guard says so", 30)
    assert not is_released(guarded)
    home.answer = None
    until(lambda: is_released(guarded), "it has gone on", 40)
    assert float(home.states[ENTITY]) == 0


def test_every_folder_gets_a_guard_when_it_appears_and_when_its_guard_has_ended(tmp_path: Path) -> None:
    seen: list[str] = []
    guards = GuardService(tmp_path, guard=lambda folder: seen.append(folder.name))
    guards.scan()
    assert seen == []
    for name in ("home", "cabin", ".hidden"):
        service_folder(tmp_path, name).mkdir(parents=True)
    (tmp_path / "service" / "token").write_text("no folder")
    guards.scan()
    until(lambda: sorted(seen) == ["cabin", "home"], "both have one")
    for thread in guards._threads.values():
        thread.join()
    guards.scan()
    until(lambda: sorted(seen) == ["cabin", "cabin", "home", "home"], "what has ended is replaced")
    only = GuardService(tmp_path, "later", guard=lambda folder: seen.append(folder.name))
    only.scan()
    until(lambda: seen[-1] == "later", "the named one, though it has no folder yet")


def test_lease_is_ended_at_the_start_when_no_service_lives_that_holds_it(
    tmp_path: Path, home: StubHomeAssistant
) -> None:
    folder = service_folder(tmp_path, "home")
    lease = home.lease(ends=uptime_seconds() + 600)
    write_lease(folder, lease)
    with FileLock(folder / SERVING_LOCK):
        GuardService(tmp_path, guard=lambda _: None).scan()
        assert read_lease(folder) == lease
    GuardService(tmp_path, guard=lambda _: None).scan()
    assert read_lease(folder) == lease.model_copy(update={"ends": 0.0})


def test_loads_of_a_site_are_guarded_beside_its_inverter(tmp_path: Path, home: StubHomeAssistant) -> None:
    """The service's own guard of the loads dies with its container; a lease ends where the site's service is dead."""
    folder = service_folder(tmp_path, "home")
    lease = home.lease(ends=uptime_seconds() + 600)
    write_lease(folder / LOADS_FOLDER, lease)
    seen: list[Path] = []
    with FileLock(folder / SERVING_LOCK):
        GuardService(tmp_path, guard=seen.append).scan()
        assert read_lease(folder / LOADS_FOLDER) == lease
    until(lambda: sorted(seen) == [folder, folder / LOADS_FOLDER], "both have a guard")
    GuardService(tmp_path, "home", guard=lambda _: None).scan()
    assert read_lease(folder / LOADS_FOLDER) == lease.model_copy(update={"ends": 0.0})


def test_scan_goes_on_when_the_folder_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    guards = GuardService(tmp_path, guard=lambda _: None)
    shutil.rmtree(tmp_path / "service")
    (tmp_path / "service").symlink_to(tmp_path / "service")
    guards.scan()
