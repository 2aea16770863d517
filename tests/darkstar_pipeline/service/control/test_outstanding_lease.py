"""Every start ends the lease that an earlier run left, or says that it is still outstanding."""

from datetime import timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from darkstar_pipeline.config.home_assistant import ControlMapping, ControlSettings, HomeAssistantSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.control.outstanding_lease import DAMAGED, OutstandingLease, default_lease
from darkstar_pipeline.service.home_assistant.lease import read_lease, uptime_seconds, write_lease
from darkstar_pipeline.service.server import PlannerServer
from darkstar_pipeline.service.state_folder import SERVING_LOCK, service_folder
from tests.builders.fake_inverter import CHARGE, DISCHARGE, FakeGuards
from tests.builders.small_home import small_context
from tests.builders.stub_home_assistant import ENTITY, StubHomeAssistant
from tests.builders.waiting import until


def settings_of(url: str | None, **control: object) -> HomeAssistantSettings:
    chosen = ControlSettings.model_validate({"mapping": ControlMapping(charge=CHARGE, discharge=DISCHARGE), **control})
    return HomeAssistantSettings(url=url, control=chosen)


def test_step_ends_the_lease_and_is_done_when_the_guard_has_released_it(
    tmp_path: Path, stub_home: StubHomeAssistant
) -> None:
    guards = FakeGuards()
    left = OutstandingLease(tmp_path, guards, fallback=None)
    assert left.step(), "there is none"
    lease = stub_home.lease(ends=uptime_seconds() + 600)
    write_lease(tmp_path, lease)
    assert not left.step()
    assert read_lease(tmp_path) == lease.model_copy(update={"ends": 0.0})
    assert (guards.asked, left.components()[0].ok) == (1, False)
    assert not left.step()
    write_lease(tmp_path, lease.model_copy(update={"released": True, "ends": 0.0}))
    assert left.step()
    assert left.components() == []


def test_step_leaves_the_lease_of_another_service_alone_when_it_is_a_trial(
    tmp_path: Path, stub_home: StubHomeAssistant
) -> None:
    lease = stub_home.lease(ends=uptime_seconds() + 600)
    write_lease(tmp_path, lease)
    assert OutstandingLease(tmp_path, FakeGuards(), fallback=None, is_ours=lambda: False).step()
    assert read_lease(tmp_path) == lease


def test_step_restores_the_default_of_the_settings_when_the_lease_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "lease.json").write_text("{")
    nothing = OutstandingLease(tmp_path, FakeGuards(), fallback=None)
    assert not nothing.step()
    assert "darkstar control release" in nothing.components()[0].note
    assert default_lease(HomeAssistantSettings(url="http://127.0.0.1:9"), 8.0) is None
    fallback = default_lease(settings_of("http://127.0.0.1:9"), 8.0)
    assert fallback is not None
    left = OutstandingLease(tmp_path, FakeGuards(), fallback=fallback)
    assert not left.step()
    assert (read_lease(tmp_path), fallback.expired) == (fallback, True)
    assert (tmp_path / DAMAGED).read_text() == "{"
    assert not left.step()
    assert not left.components()[0].ok


MODES: dict[str, tuple[dict[str, object], bool]] = {
    "off": ({"enabled": False}, False),
    "dry run": ({"enabled": True}, False),
    "trial": ({"enabled": True, "dry_run": False}, True),
}


def context_of(folder: Path, control: dict[str, object]) -> Context:
    context = small_context(folder, filled=False)
    reached = settings_of("http://127.0.0.1:9", **control)
    settings = context.site_settings.model_copy(update={"home_assistant": reached})
    return Context(**{**context.__dict__, "site_settings": settings})


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_start_restores_the_default_when_a_killed_run_has_left_a_lease(
    tmp_path: Path, stub_home: StubHomeAssistant, mode: str
) -> None:
    control, trial = MODES[mode]
    context = context_of(tmp_path, control)
    folder = service_folder(context.home, context.site_name)
    write_lease(folder, stub_home.lease(ends=uptime_seconds() + 600))
    stub_home.skips = True
    server = PlannerServer(context, Clock(offset=timedelta(hours=1) if trial else timedelta()))
    if trial:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / SERVING_LOCK):
            server.outstanding.start()
            assert server.outstanding.components() == [], "it belongs to the service that runs"
    server.outstanding.start()
    until(lambda: len(stub_home.calls) > 0, "the guard tries")
    health = {part.name: part for part in server._outside()}
    assert not health["lease"].ok
    stub_home.skips = False
    until(lambda: not server.outstanding.components(), "nothing is outstanding")
    assert float(stub_home.states[ENTITY]) == 0
    server.outstanding.stop()
    assert server.guards.dismiss(10.0)


def test_lease_is_ended_where_the_inverters_own_profile_is_gone(
    tmp_path: Path, stub_home: StubHomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service does not start, and a forced charge would go on for ever where nothing else guards it."""
    gone = {"family": "mine", "profiles_folder": str(tmp_path / "gone")}
    context = context_of(tmp_path, {"enabled": True, "dry_run": False, "profile": "inverter", "inverter": gone})
    folder, guards = service_folder(context.home, context.site_name), FakeGuards()
    write_lease(folder, stub_home.lease(ends=uptime_seconds() + 600))
    monkeypatch.setattr("darkstar_pipeline.service.server.GuardProcess", lambda _: guards)
    with pytest.raises(ConfigurationError, match="there is no folder"):
        PlannerServer(context, Clock(offset=timedelta()))
    lease = read_lease(folder)
    assert lease is not None
    assert (lease.expired, guards.asked) == (True, 1)


def test_service_starts_where_control_is_off_and_its_profile_is_gone(
    tmp_path: Path, stub_home: StubHomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is controlled, so plans and page go on; that control cannot be turned on is told, and its lease ends."""
    gone = {"family": "mine", "profiles_folder": str(tmp_path / "gone")}
    context = context_of(tmp_path, {"enabled": False, "profile": "inverter", "inverter": gone})
    folder, guards = service_folder(context.home, context.site_name), FakeGuards()
    write_lease(folder, stub_home.lease(ends=uptime_seconds() + 600))
    monkeypatch.setattr("darkstar_pipeline.service.server.GuardProcess", lambda _: guards)
    server = PlannerServer(context, Clock(offset=timedelta()))
    server.outstanding.step()
    lease = read_lease(folder)
    assert lease is not None
    assert (lease.expired, guards.asked) == (True, 1)
    assert server.control is not None
    (told,) = server.control.components()
    assert told.ok
    assert "control is off, and cannot be turned on: there is no folder" in told.note


def test_lease_of_loads_is_ended_where_none_is_handed_over_any_more(
    tmp_path: Path, stub_home: StubHomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script was removed from the settings while the car charged, and its guard died with the container."""
    context, guards = context_of(tmp_path, {"enabled": False}), FakeGuards()
    loads = service_folder(context.home, context.site_name) / "loads"
    write_lease(loads, stub_home.lease(ends=uptime_seconds() + 600))
    monkeypatch.setattr("darkstar_pipeline.service.server.GuardProcess", lambda _: guards)
    server = PlannerServer(context, Clock(offset=timedelta()))
    assert server.left_loads is not None
    server.left_loads.step()
    lease = read_lease(loads)
    assert lease is not None
    assert (lease.expired, guards.asked) == (True, 1)
    assert not server.left_loads.components()[0].ok
