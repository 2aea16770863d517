"""A real Home Assistant's entities do what the command says, and are back at their default whenever they should be."""

import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from darkstar_pipeline.config.home_assistant import ControlMapping, ControlSettings, HomeAssistantSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.engine.planner_engine import service_folder
from darkstar_pipeline.service.home_assistant.client import TOKEN_VARIABLE, HomeAssistantClient, HomeAssistantError
from darkstar_pipeline.service.home_assistant.controller import Controller
from darkstar_pipeline.service.home_assistant.lease import Lease, boot_id, read_lease, running_seconds, write_lease
from darkstar_pipeline.service.home_assistant.profiles import Write, command_writes, default_writes
from darkstar_pipeline.service.home_assistant.watchdog import watch
from darkstar_pipeline.service.schemas import CommandDocument
from tests.builders.real_home_assistant import RealHomeAssistant, home_assistant
from tests.builders.service_home import HandClock, moment
from tests.builders.small_home import small_context

CHARGE, DISCHARGE, EXPORT = (f"input_number.{name}_power" for name in ("charge", "discharge", "export"))
MODE = "input_select.work_mode"
POWERS = ControlMapping(charge=CHARGE, discharge=DISCHARGE, export=EXPORT, default_export_kw=1.0)
CURRENTS = ControlMapping(
    charge="input_number.charge_current", discharge="input_number.discharge_current", unit="A", battery_volts=50.0
)
MODES = ControlMapping(mode=MODE, charge=CHARGE, discharge=DISCHARGE, export=EXPORT)


def command(charge: float, discharge: float, export: float, **changes: Any) -> CommandDocument:
    """A verified command of the slot at 14:00 on the tests' day."""
    start = moment(minute=0)
    told: dict[str, Any] = {
        "plan_id": "p",
        "rung": "champion",
        "why": "",
        "automatic": True,
        "overridden": False,
        "slot_start": start,
        "expires_at": start + timedelta(minutes=15),
        "charge_kw": charge,
        "discharge_kw": discharge,
        "export_kw": export,
        "command": "",
        "sentence": "",
        "default": False,
    }
    return CommandDocument.model_validate({**told, **changes})


DEFAULT = command(0.0, 8.0, 0.0, default=True)


def settings(mapping: ControlMapping = POWERS, **changes: object) -> ControlSettings:
    plain: dict[str, object] = {"enabled": True, "dry_run": False, "confirm_seconds": 2.0, "lease_minutes": 0.1}
    return ControlSettings(mapping=mapping, **{**plain, **changes})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("control", "told", "writes"),
    [
        pytest.param(settings(), command(2.5, 0, 0), [2500.0, 0.0, 0.0], id="power: charge"),
        pytest.param(settings(), command(0, 8, 3.2), [0.0, 8000.0, 3200.0], id="power: sell"),
        pytest.param(settings(), DEFAULT, [0.0, 8000.0, 1000.0], id="power: default"),
        pytest.param(settings(CURRENTS, profile="current"), command(2.5, 0, 0), [50.0, 0.0], id="current: charge"),
        pytest.param(settings(CURRENTS, profile="current"), DEFAULT, [0.0, 160.0], id="current: default"),
        pytest.param(settings(MODES, profile="work_mode"), command(2.5, 0, 0), [2500.0, "charge"], id="mode: charge"),
        pytest.param(settings(MODES, profile="work_mode"), command(0, 4, 0), [4000.0, "discharge"], id="mode: cover"),
        pytest.param(
            settings(MODES, profile="work_mode"), command(0, 8, 2), [8000.0, 2000.0, "export"], id="mode: sell"
        ),
        pytest.param(settings(MODES, profile="work_mode"), command(0, 0, 99), ["hold"], id="mode: hold"),
        pytest.param(settings(MODES, profile="work_mode"), DEFAULT, ["self_use"], id="mode: default"),
    ],
)
def test_command_means_what_the_profile_says(
    control: ControlSettings, told: CommandDocument, writes: list[float | str]
) -> None:
    assert [write.value for write in command_writes(told, control, 8.0)] == writes
    kw = control.model_copy(update={"mapping": control.mapping.model_copy(update={"unit": "kW"})})
    numbers = [each.value for each in command_writes(command(2.5, 0, 0), kw, 8.0) if isinstance(each.value, float)]
    assert numbers[0] == 2.5


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Generator[RealHomeAssistant]:
    with home_assistant(tmp_path_factory.mktemp("assistant")) as running:
        yield running


@pytest.fixture
def home(assistant: RealHomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """The small home with that Home Assistant, all entities at zero."""
    monkeypatch.setenv(TOKEN_VARIABLE, assistant.token)
    for entity in (CHARGE, DISCHARGE, EXPORT, CURRENTS.charge, CURRENTS.discharge):
        assistant.set(str(entity), 0)
    assistant.set(MODE, "self_use")
    return small_context(tmp_path, filled=False)


def controlled(home: Context, assistant: RealHomeAssistant, control: ControlSettings) -> Context:
    reached = HomeAssistantSettings(url=assistant.url, control=control)
    return replace(home, site_settings=home.site_settings.model_copy(update={"home_assistant": reached}))


class Telling:
    """Somebody who has a command."""

    def __init__(self, told: CommandDocument) -> None:
        self.told = told

    def __call__(self) -> CommandDocument:
        return self.told


def made(
    home: Context, assistant: RealHomeAssistant, control: ControlSettings, told: CommandDocument
) -> tuple[Controller, Telling, HandClock]:
    clock, telling = HandClock(at=moment()), Telling(told)
    clock.monotonic = time.monotonic  # type: ignore[method-assign]  # what is waited for really passes
    return Controller(controlled(home, assistant, control), clock, telling), telling, clock


def until(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)
    return holds()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("control", "told", "states"),
    [
        pytest.param(settings(), command(2.5, 0, 0), {CHARGE: 2500, DISCHARGE: 0}, id="power"),
        pytest.param(settings(), command(9.9, 0, 0), {CHARGE: 5000}, id="no more than the entity takes"),
        pytest.param(
            settings(CURRENTS, profile="current"), command(0, 2.0, 0), {CURRENTS.discharge: 40.0}, id="current"
        ),
        pytest.param(settings(MODES, profile="work_mode"), command(1, 0, 0), {CHARGE: 1000, MODE: "charge"}, id="mode"),
    ],
)
def test_entities_follow_the_command_and_are_left_at_their_default(
    home: Context,
    assistant: RealHomeAssistant,
    control: ControlSettings,
    told: CommandDocument,
    states: dict[str, float | str],
) -> None:
    controller, telling, clock = made(home, assistant, control, told)
    controller.look()
    for entity, value in states.items():
        assert assistant.state(entity) == value if isinstance(value, str) else assistant.number(entity) == value
    status = controller.status()
    assert (status.problem, status.connected, status.confirmed_at) == ("", True, clock.at)
    written = status.writes_today
    controller.look()
    assert controller.status().writes_today == written, "nothing differs"
    telling.told = told.model_copy(update={"automatic": False})
    controller.look()
    for write in default_writes(control, 8.0):
        state = assistant.state(write.entity)
        assert state == write.value if isinstance(write.value, str) else float(state) <= write.value
    controller.stop()


@pytest.mark.slow
def test_nothing_is_written_when_control_is_off_or_dry(home: Context, assistant: RealHomeAssistant) -> None:
    off, _, _ = made(home, assistant, settings(enabled=False), command(2.5, 0, 0))
    off.start()
    off.look()
    off.stop()
    assert off.components() == []
    dry, _, _ = made(home, assistant, settings(dry_run=True), command(2.5, 0, 0))
    dry.start()
    assert until(lambda: bool(dry.status().told))
    dry.stop()
    assert f"{CHARGE} = 2500.0" in dry.components()[0].note
    assert assistant.number(CHARGE) == 0
    assert read_lease(service_folder(dry._context)) is None


@pytest.mark.slow
def test_inverter_is_left_by_itself_when_the_command_is_not_to_be_followed(
    home: Context, assistant: RealHomeAssistant
) -> None:
    controller, telling, clock = made(home, assistant, settings(), command(2.5, 0, 0))
    controller.look()
    clock.at = telling.told.expires_at
    controller.look()
    assert "expired" in controller.status().problem
    assert (assistant.number(CHARGE), assistant.number(DISCHARGE)) == (0, 5000)
    for step in (timedelta(hours=-1), timedelta(hours=1)):  # the clock is set back and ahead, as in autumn and spring
        clock.at = moment() + step
        controller.look()
        assert assistant.number(CHARGE) == 0
    clock.at = moment()
    controller.look()
    assert assistant.number(CHARGE) == 2500
    controller.stop()


@pytest.mark.slow
def test_budget_of_writes_is_kept_over_restarts_and_ends_with_the_default(
    home: Context, assistant: RealHomeAssistant
) -> None:
    control = settings(writes_per_day=8)
    controller, telling, clock = made(home, assistant, control, command(1.0, 0, 0))
    for power in (1.0, 1.5, 2.0, 2.5, 3.0, 3.5):
        telling.told = command(power, 0, 0)
        controller.look()
    assert "budget" in controller.status().problem
    assert assistant.number(CHARGE) == 0
    assert controller.status().writes_today <= 8
    again, _, later = made(home, assistant, control, command(2.0, 0, 0))
    again.look()
    assert "budget" in again.status().problem
    later.at = clock.at + timedelta(days=1)
    again._supplier = Telling(command(2.0, 0, 0, slot_start=later.at, expires_at=later.at + timedelta(minutes=15)))
    again.look()
    assert (again.status().problem, assistant.number(CHARGE)) == ("", 2000)
    controller.stop()
    again.stop()


@pytest.mark.slow
def test_power_rises_in_steps_when_it_is_ramped(home: Context, assistant: RealHomeAssistant) -> None:
    control = settings(ramp_kw_per_step=1.0, ramp_step_seconds=0.01, mapping=MODES, profile="work_mode")
    controller, telling, _ = made(home, assistant, control, command(2.5, 0, 0))
    seen: list[float] = []
    for _ in range(4):
        controller.look()
        seen.append(assistant.number(CHARGE))
        time.sleep(0.02)
    assert seen == [1000, 2000, 2500, 2500]
    telling.told = command(0.5, 0, 0)
    controller.look()
    assert assistant.number(CHARGE) == 1500
    controller.stop()


@pytest.mark.slow
def test_inverter_is_left_by_itself_when_it_does_not_take_what_it_is_told(
    home: Context, assistant: RealHomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller, telling, clock = made(home, assistant, settings(confirm_seconds=0.5), command(2.5, 0, 0))
    call = HomeAssistantClient.call

    def stubborn(self: HomeAssistantClient, domain: str, service: str, data: Any) -> None:
        """Somebody else's hand is on the charge power."""
        call(self, domain, service, {**data, "value": 700} if data["entity_id"] == CHARGE and data["value"] else data)

    monkeypatch.setattr(HomeAssistantClient, "call", stubborn)
    controller.look()
    assert "does not take" in controller.status().problem
    assert assistant.number(CHARGE) == 0
    monkeypatch.undo()
    monkeypatch.setenv(TOKEN_VARIABLE, assistant.token)
    controller.look()
    assert assistant.number(CHARGE) == 0, "until the next slot"
    clock.at = telling.told.expires_at
    telling.told = command(2.5, 0, 0, slot_start=clock.at, expires_at=clock.at + timedelta(minutes=15))
    controller.look()
    assert (assistant.number(CHARGE), controller.status().problem) == (2500, "")
    controller.stop()


HOST = """
import sys, time
from datetime import timedelta
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.darkstar_pipeline.service.home_assistant.test_controller import Telling, command, controlled, settings
from tests.builders.service_home import HandClock, moment
from tests.builders.small_home import small_context
from darkstar_pipeline.service.home_assistant.controller import Controller

class There:
    url = {url!r}

context = controlled(small_context(Path({folder!r}), filled=False), There, settings())
clock = HandClock(at=moment())
clock.monotonic = time.monotonic
controller = Controller(context, clock, Telling(command(2.5, 0, 0)))
controller.start()
print("started", flush=True)
time.sleep(600)
"""


@pytest.mark.slow
def test_default_is_restored_when_the_service_is_killed(
    home: Context, assistant: RealHomeAssistant, root: Path
) -> None:
    script = HOST.format(root=str(root), url=assistant.url, folder=str(home.home))
    host = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL)
    assert until(lambda: assistant.number(CHARGE) == 2500, 40)
    time.sleep(8)
    assert assistant.number(CHARGE) == 2500, "the lease is renewed"
    host.kill()
    host.wait()
    killed = time.monotonic()
    assert until(lambda: assistant.number(CHARGE) == 0, 30)
    assert time.monotonic() - killed < 20, "a lease of six seconds"
    assert assistant.number(DISCHARGE) == 5000
    folder = service_folder(home)
    assert until(lambda: (lease := read_lease(folder)) is not None and lease.released, 10)


@pytest.mark.slow
def test_default_is_restored_when_home_assistant_comes_back(home: Context, assistant: RealHomeAssistant) -> None:
    controller, _, _ = made(home, assistant, settings(lease_minutes=0.1), command(2.5, 0, 0))
    controller.start()
    assert until(lambda: assistant.number(CHARGE) == 2500)
    assistant.kill()
    assert until(lambda: not controller.status().connected, 30)
    assert controller.status().problem
    controller._stop.set()  # the service hangs while Home Assistant is away
    assert controller._thread is not None
    controller._thread.join()
    assistant.start()
    assert until(lambda: assistant.number(CHARGE) == 0, 30), "the watchdog waited for it"
    assert controller._watchdog is not None
    controller._watchdog.wait(timeout=10)
    again, _, _ = made(home, assistant, settings(), command(1.0, 0, 0))
    again.start()
    assert until(lambda: assistant.number(CHARGE) == 1000)
    again.stop()
    assert assistant.number(CHARGE) == 0
    lease = read_lease(service_folder(home))
    assert lease is not None
    assert lease.released


def lease_of(url: str, **changes: object) -> Lease:
    plain: dict[str, object] = {
        "url": url,
        "token_file": None,
        "restore": [{"domain": "input_number", "service": "set_value", "data": {"entity_id": CHARGE, "value": 0}}],
        "boot": boot_id(),
        "ends": running_seconds() + 60,
    }
    return Lease.model_validate({**plain, **changes})


def test_watchdog_has_nothing_to_do_when_there_is_no_lease_or_it_was_released(tmp_path: Path) -> None:
    assert not watch(tmp_path)
    write_lease(tmp_path, lease_of("http://127.0.0.1:9", released=True))
    assert not watch(tmp_path)
    (tmp_path / "lease.json").write_text("{")
    assert read_lease(tmp_path) is None
    assert not watch(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"ends": 0.0}, {"boot": "another run of the machine"}], ids=["over", "restarted"])
def test_watchdog_restores_the_default_when_the_lease_has_ended(
    home: Context, assistant: RealHomeAssistant, changes: dict[str, object]
) -> None:
    assistant.set(CHARGE, 1234)
    write_lease(home.home, lease_of(assistant.url, **changes))
    assert watch(home.home, look_seconds=0.05)
    assert assistant.number(CHARGE) == 0


@pytest.mark.slow
def test_home_assistant_is_asked_kindly_when_it_refuses_or_knows_nothing(assistant: RealHomeAssistant) -> None:
    with HomeAssistantClient(assistant.url, assistant.token) as client:
        assert client.state("sensor.nobody") is None
        with pytest.raises(HomeAssistantError, match="answers 400"):
            client.call("input_number", "set_value", {"entity_id": CHARGE, "value": "much"})
    with (
        HomeAssistantClient(assistant.url, "not the token") as client,
        pytest.raises(HomeAssistantError, match="does not take the token") as refused,
    ):
        client.state(CHARGE)
    assert "not the token" not in str(refused.value)
    with (
        HomeAssistantClient("http://127.0.0.1:9", "x") as client,
        pytest.raises(HomeAssistantError, match="does not answer"),
    ):
        client.state(CHARGE)


def test_control_is_refused_when_it_cannot_reach_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    context = small_context(tmp_path, filled=False)
    for url in (None, "http://127.0.0.1:9"):
        reached = HomeAssistantSettings(url=url, control=settings())
        own = replace(context, site_settings=context.site_settings.model_copy(update={"home_assistant": reached}))
        with pytest.raises(ConfigurationError, match="is missing"):
            Controller(own, HandClock(at=moment()), Telling(DEFAULT))
    with pytest.raises(ValueError, match=r"needs mapping\.charge and mapping\.discharge"):
        settings(ControlMapping())
    with pytest.raises(ValueError, match="unit A"):
        settings(POWERS, profile="current")
    assert Write("input_number.x", 1.0).data == {"entity_id": "input_number.x", "value": 1.0}
