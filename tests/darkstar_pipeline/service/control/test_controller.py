"""The entities of a real Home Assistant follow the command, and return to their default whenever they should."""

import subprocess
import sys
import threading
import time
from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.fault_injection.real_home_assistant import RealHomeAssistant
from darkstar_pipeline.config.home_assistant import ControlMapping, ControlSettings, HomeAssistantSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE, HomeAssistantError
from darkstar_pipeline.service.control.controller import Controller
from darkstar_pipeline.service.home_assistant.client import HomeAssistantClient
from darkstar_pipeline.service.home_assistant.entity_writer import Ramp
from darkstar_pipeline.service.home_assistant.lease import read_lease
from darkstar_pipeline.service.home_assistant.profiles import Write, command_writes, default_writes
from darkstar_pipeline.service.schemas.plans import CommandDocument
from darkstar_pipeline.service.server import controlled_home
from darkstar_pipeline.service.state_folder import service_folder
from tests.builders.fake_inverter import Supplier, command
from tests.builders.real_home_assistant import home_assistant
from tests.builders.service_home import HandClock, moment
from tests.builders.small_home import small_context
from tests.builders.waiting import until

CHARGE, DISCHARGE, EXPORT = (f"input_number.{name}_power" for name in ("charge", "discharge", "export"))
MODE = "input_select.work_mode"
POWERS = ControlMapping(charge=CHARGE, discharge=DISCHARGE, export=EXPORT, default_export_kw=1.0)
CURRENTS = ControlMapping(
    charge="input_number.charge_current", discharge="input_number.discharge_current", unit="A", battery_volts=50.0
)
MODES = ControlMapping(mode=MODE, charge=CHARGE, discharge=DISCHARGE, export=EXPORT)
LIMITED = POWERS.model_copy(update={"import_limit": "input_number.import_limit", "default_import_limit_kw": 17.25})
LIMITED_MODES = MODES.model_copy(
    update={"import_limit": "number.grid_peak", "default_import_limit_kw": 11.0, "import_limit_unit": "kW"}
)


DEFAULT = command(0.0, 8.0, 0.0, default=True)


def settings(mapping: ControlMapping = POWERS, **changes: object) -> ControlSettings:
    plain: dict[str, object] = {"enabled": True, "dry_run": False, "confirm_seconds": 1.0, "lease_minutes": 0.1}
    return ControlSettings(mapping=mapping, **{**plain, **changes})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("control", "wanted", "writes"),
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
        pytest.param(
            settings(LIMITED), command(2.5, 0, 0, import_limit_kw=4.2), [4200.0, 2500.0, 0.0, 0.0], id="limit first"
        ),
        pytest.param(settings(LIMITED), command(2.5, 0, 0), [17250.0, 2500.0, 0.0, 0.0], id="no limit: its default"),
        pytest.param(
            settings(LIMITED), command(0, 0, 0, import_limit_kw=0.0), [0.0, 0.0, 0.0, 0.0], id="limit of zero"
        ),
        pytest.param(
            settings(LIMITED), command(0, 0, 0, import_limit_kw=99.0), [17250.0, 0.0, 0.0, 0.0], id="above the default"
        ),
        pytest.param(settings(LIMITED), DEFAULT, [0.0, 8000.0, 1000.0, 17250.0], id="default: limit last"),
        pytest.param(
            settings(LIMITED_MODES, profile="work_mode"),
            command(2.5, 0, 0, import_limit_kw=4.2),
            [4.2, 2500.0, "charge"],
            id="mode: limit",
        ),
        pytest.param(
            settings(LIMITED_MODES, profile="work_mode"), DEFAULT, ["self_use", 11.0], id="mode: default with limit"
        ),
    ],
)
def test_command_becomes_the_writes_of_its_profile(
    control: ControlSettings, wanted: CommandDocument, writes: list[float | str]
) -> None:
    assert [write.value for write in command_writes(wanted, control, 8.0)] == writes
    kw = control.model_copy(update={"mapping": control.mapping.model_copy(update={"unit": "kW"})})
    powers = [write.value for write in command_writes(command(2.5, 0, 0), kw, 8.0) if write.ramped]
    assert powers[0] == 2.5


def test_import_limit_is_never_approached_in_steps() -> None:
    """A limit that falls by steps lets through the peak that it is there for."""
    wanted = command_writes(command(2.5, 0, 0, import_limit_kw=4.2), settings(LIMITED), 8.0)
    ramp = Ramp(500.0, 10.0, lambda: 0.0)
    steps = ramp.next_step(wanted, lambda _entity: {"state": "0"})
    assert [write.value for write in steps] == [4200.0, 500.0, 0.0, 0.0]


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


def controller_of(
    home: Context, assistant: RealHomeAssistant, control: ControlSettings, wanted: CommandDocument
) -> tuple[Controller, Supplier, HandClock]:
    clock, supplier = HandClock(at=moment()), Supplier(wanted)
    clock.monotonic = lambda: time.monotonic() + clock.seconds  # type: ignore[method-assign]  # what is waited for passes
    return Controller(controlled_home(controlled(home, assistant, control)), clock, supplier), supplier, clock


@pytest.mark.slow
@pytest.mark.parametrize(
    ("control", "wanted", "states"),
    [
        pytest.param(settings(), command(2.5, 0, 0), {CHARGE: 2500, DISCHARGE: 0}, id="power"),
        pytest.param(settings(), command(9.9, 0, 0), {CHARGE: 5000}, id="no more than the entity takes"),
        pytest.param(
            settings(CURRENTS, profile="current"), command(0, 2.0, 0), {CURRENTS.discharge: 40.0}, id="current"
        ),
        pytest.param(settings(MODES, profile="work_mode"), command(1, 0, 0), {CHARGE: 1000, MODE: "charge"}, id="mode"),
    ],
)
def test_entities_follow_the_command_and_return_to_their_default(
    home: Context,
    assistant: RealHomeAssistant,
    control: ControlSettings,
    wanted: CommandDocument,
    states: dict[str, float | str],
) -> None:
    controller, supplier, clock = controller_of(home, assistant, control, wanted)
    controller.step()
    for entity, value in states.items():
        assert assistant.state(entity) == value if isinstance(value, str) else assistant.number(entity) == value
    status = controller.status()
    assert (status.problem, status.connected, status.confirmed_at) == ("", True, clock.at)
    written = status.writes_today
    controller.step()
    assert controller.status().writes_today == written, "nothing differs"
    supplier.command = wanted.model_copy(update={"automatic": False})
    controller.step()
    for write in default_writes(control, 8.0):
        state = assistant.state(write.entity)
        assert state == write.value if isinstance(write.value, str) else float(state) <= write.value
    controller.stop()


MINE = """\
family: mine
title: An inverter of inputs
integrations: [input_number]
source: [its owner]
read_on: 2026-11-30
tested_on_hardware: false
entities:
  mode: {matches: [select.*_mode], options: [self_use, charge, hold]}
  power: {matches: [number.*_charge_power], unit: W}
  discharge_limit: {matches: [number.*_discharge_power], unit: W}
default:
  - {set: mode, to: self_use}
  - {set: discharge_limit, most: true}
commands:
  charge: [{set: power, power: charge}, {set: mode, to: charge}]
  hold: [{set: discharge_limit, to: 0}]
parked: [power]
"""


@pytest.mark.slow
def test_entities_follow_a_profile_of_a_persons_own(
    home: Context, assistant: RealHomeAssistant, tmp_path: Path
) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.yaml").write_text(MINE)
    inverter = {
        "family": "mine",
        "entities": {"mode": MODE, "power": CHARGE, "discharge_limit": DISCHARGE},
        "profiles_folder": tmp_path / "profiles",
    }
    control = settings(ControlMapping(), profile="inverter", inverter=inverter, lease_minutes=0.5)
    controller, supplier, _ = controller_of(home, assistant, control, command(2.5, 0, 0))
    controller.step()
    assert controller.status().problem == ""
    assert (assistant.state(MODE), assistant.number(CHARGE)) == ("charge", 2500.0)
    supplier.command = command(0, 0, 0)
    controller.step()
    assert (assistant.state(MODE), assistant.number(DISCHARGE)) == ("self_use", 0.0)
    supplier.command = command(0, 3, 3)
    controller.step()
    assert "cannot sell from its battery" in controller.status().problem
    most = assistant.number(DISCHARGE)
    assert (assistant.state(MODE), most) == ("self_use", 5000.0)
    assistant.set(MODE, "hold")
    controller.step()
    controller.stop()
    assert assistant.state(MODE) == "self_use"


@pytest.mark.slow
def test_nothing_is_written_when_control_is_off_or_dry(home: Context, assistant: RealHomeAssistant) -> None:
    off, _, _ = controller_of(home, assistant, settings(enabled=False), command(2.5, 0, 0))
    off.start()
    off.step()
    off.stop()
    assert off.components() == []
    dry, _, _ = controller_of(home, assistant, settings(dry_run=True), command(2.5, 0, 0))
    dry.start()
    until(lambda: bool(dry.status().last_writes), "the dry run says what it would write")
    dry.stop()
    assert f"{CHARGE} = 2500.0" in dry.components()[0].note
    assert assistant.number(CHARGE) == 0
    assert read_lease(service_folder(home.home, home.site_name)) is None


@pytest.mark.slow
def test_inverter_runs_its_default_when_the_command_is_not_to_be_followed(
    home: Context, assistant: RealHomeAssistant
) -> None:
    controller, supplier, clock = controller_of(home, assistant, settings(), command(2.5, 0, 0))
    controller.step()
    clock.at = supplier.command.expires_at
    controller.step()
    assert "expired" in controller.status().problem
    assert (assistant.number(CHARGE), assistant.number(DISCHARGE)) == (0, 5000)
    for step in (timedelta(hours=-1), timedelta(hours=1)):  # the clock is set back and ahead, as in autumn and spring
        clock.at = moment() + step
        controller.step()
        assert assistant.number(CHARGE) == 0
    clock.at = moment()
    controller.step()
    assert assistant.number(CHARGE) == 2500
    controller.stop()


@pytest.mark.slow
def test_budget_of_writes_is_kept_over_restarts_and_ends_with_the_default(
    home: Context, assistant: RealHomeAssistant
) -> None:
    control = settings(writes_per_day=8)
    controller, supplier, clock = controller_of(home, assistant, control, command(1.0, 0, 0))
    for power in (1.0, 1.5, 2.0, 2.5, 3.0, 3.5):
        supplier.command = command(power, 0, 0)
        controller.step()
    assert "budget" in controller.status().problem
    assert assistant.number(CHARGE) == 0
    assert controller.status().writes_today <= 8
    controller.stop()
    again, supplier, later = controller_of(home, assistant, control, command(2.0, 0, 0))
    again.step()
    assert "budget" in again.status().problem
    later.at = clock.at + timedelta(days=1)
    supplier.command = command(2.0, 0, 0, slot_start=later.at, expires_at=later.at + timedelta(minutes=15))
    again.step()
    assert (again.status().problem, assistant.number(CHARGE)) == ("", 2000)
    again.stop()


@pytest.mark.slow
def test_power_rises_in_steps_when_it_is_ramped(home: Context, assistant: RealHomeAssistant) -> None:
    control = settings(ramp_kw_per_step=1.0, ramp_step_seconds=60.0, mapping=MODES, profile="work_mode")
    controller, supplier, clock = controller_of(home, assistant, control, command(2.5, 0, 0))
    seen: list[float] = []
    for _ in range(4):
        controller.step()
        seen.append(assistant.number(CHARGE))
        clock.seconds += control.ramp_step_seconds
    assert seen == [1000, 2000, 2500, 2500]
    supplier.command = command(0.5, 0, 0)
    controller.step()
    assert assistant.number(CHARGE) == 1500
    controller.stop()


@pytest.mark.slow
def test_inverter_runs_its_default_when_it_does_not_take_the_command(
    home: Context, assistant: RealHomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller, supplier, clock = controller_of(home, assistant, settings(confirm_seconds=0.5), command(2.5, 0, 0))
    call = HomeAssistantClient.call

    def overruled(self: HomeAssistantClient, domain: str, service: str, data: Any) -> None:
        """Somebody else sets the charge power."""
        call(self, domain, service, {**data, "value": 700} if data["entity_id"] == CHARGE and data["value"] else data)

    monkeypatch.setattr(HomeAssistantClient, "call", overruled)
    controller.step()
    assert "did not take" in controller.status().problem
    assert assistant.number(CHARGE) == 0
    monkeypatch.undo()
    monkeypatch.setenv(TOKEN_VARIABLE, assistant.token)
    controller.step()
    assert assistant.number(CHARGE) == 0, "until the next slot"
    clock.at = supplier.command.expires_at
    supplier.command = command(2.5, 0, 0, slot_start=clock.at, expires_at=clock.at + timedelta(minutes=15))
    controller.step()
    assert (assistant.number(CHARGE), controller.status().problem) == (2500, "")
    controller.stop()


HOST = """
import sys, time
from datetime import timedelta
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.darkstar_pipeline.service.control.test_controller import controlled, settings
from tests.builders.fake_inverter import Supplier, command
from darkstar_pipeline.service.server import controlled_home
from darkstar_pipeline.service.state_folder import service_folder
from tests.builders.service_home import HandClock, moment
from tests.builders.small_home import small_context
from darkstar_pipeline.service.control.controller import Controller

class There:
    url = {url!r}

home = small_context(Path({folder!r}), filled=False)
context = controlled(home, There, settings(lease_minutes=0.08, confirm_seconds=0.2))
clock = HandClock(at=moment())
clock.monotonic = time.monotonic
controller = Controller(controlled_home(context), clock, Supplier(command(2.5, 0, 0)))
controller.start()
print("started", flush=True)
time.sleep(600)
"""


@pytest.mark.thorough
@pytest.mark.slow
def test_default_is_restored_when_the_service_is_killed(
    home: Context, assistant: RealHomeAssistant, root: Path
) -> None:
    script = HOST.format(root=str(root), url=assistant.url, folder=str(home.home))
    host = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL)
    folder = service_folder(home.home, home.site_name)
    try:
        until(lambda: assistant.number(CHARGE) == 2500, "the command is written", 60)
        first = read_lease(folder)
        assert first is not None
        until(lambda: (lease := read_lease(folder)) is not None and lease.ends > first.ends, "the lease is renewed")
        assert assistant.number(CHARGE) == 2500
    finally:
        host.kill()
        host.wait()
    until(lambda: assistant.number(CHARGE) == 0, "a lease of three seconds has expired")
    assert assistant.number(DISCHARGE) == 5000
    until(lambda: (lease := read_lease(folder)) is not None and lease.released, "the guard has nothing left to do")


@pytest.mark.thorough
@pytest.mark.slow
def test_default_is_restored_when_home_assistant_comes_back(home: Context, assistant: RealHomeAssistant) -> None:
    goes_on, folder = threading.Event(), service_folder(home.home, home.site_name)

    def supply() -> CommandDocument:
        goes_on.wait()
        return command(2.5, 0, 0)

    def released() -> bool:
        lease = read_lease(folder)
        return lease is not None and lease.released

    own = controlled_home(controlled(home, assistant, settings(lease_minutes=0.08, confirm_seconds=0.2)))
    controller = Controller(own, HandClock(at=moment()), supply)
    goes_on.set()
    controller.start()
    until(lambda: assistant.number(CHARGE) == 2500, "the command is written")
    assistant.kill()
    until(lambda: not controller.status().connected, "the controller notices", 30)
    assert controller.status().problem
    goes_on.clear()  # the service hangs while Home Assistant is away
    assistant.start()
    until(lambda: assistant.number(CHARGE) == 0, "the guard waited for it", 30)
    until(released, "the guard has nothing left to do")
    goes_on.set()
    until(lambda: assistant.number(CHARGE) == 2500, "the controller goes on with another guard")
    assert not released()
    controller.stop()
    assert assistant.number(CHARGE) == 0
    assert released()


@pytest.mark.slow
def test_client_says_what_is_wrong_when_home_assistant_refuses_or_is_away(assistant: RealHomeAssistant) -> None:
    with HomeAssistantClient(assistant.url, assistant.token) as client:
        assert client.state("sensor.nobody") is None
        with pytest.raises(HomeAssistantError, match="answers 400"):
            client.call("input_number", "set_value", {"entity_id": CHARGE, "value": "much"})
    with (
        HomeAssistantClient(assistant.url, "not the token") as client,
        pytest.raises(HomeAssistantError, match="does not accept the token") as refused,
    ):
        client.state(CHARGE)
    assert "not the token" not in str(refused.value)
    with (
        HomeAssistantClient("http://127.0.0.1:9", "x") as client,
        pytest.raises(HomeAssistantError, match="does not answer"),
    ):
        client.state(CHARGE)


def test_control_is_refused_when_home_assistant_is_not_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    context = small_context(tmp_path, filled=False)
    for url in (None, "http://127.0.0.1:9"):
        reached = HomeAssistantSettings(url=url, control=settings())
        own = replace(context, site_settings=context.site_settings.model_copy(update={"home_assistant": reached}))
        with pytest.raises(ConfigurationError, match="is missing"):
            Controller(controlled_home(own), HandClock(at=moment()), Supplier(DEFAULT))
    with pytest.raises(ValueError, match=r"needs mapping\.charge and mapping\.discharge"):
        settings(ControlMapping())
    with pytest.raises(ValueError, match="unit A"):
        settings(POWERS, profile="current")
    assert Write("input_number.x", 1.0).data == {"entity_id": "input_number.x", "value": 1.0}
