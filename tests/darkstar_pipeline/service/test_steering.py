"""That the plan steers the battery is said only where its command was read back; everything else has its own words."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from darkstar_pipeline.context import Context
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.engine.plan_documents import default_plan
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.http.app import create_app
from darkstar_pipeline.service.http.dependencies import ServiceState
from darkstar_pipeline.service.http.metrics import Metrics
from darkstar_pipeline.service.http.tokens import AccessToken
from darkstar_pipeline.service.schemas.plans import Input, PlanDocument
from darkstar_pipeline.service.server import PlannerServer
from darkstar_pipeline.service.steering import SteeringStatus
from tests.builders.fake_inverter import CHARGE, ControlledInverter, command, power_settings
from tests.builders.service_home import TOKEN, HandClock, asking, made_engine, moment


@pytest.fixture
def plan(context: Context) -> PlanDocument:
    return made_engine(context)[0].replan()


def status_of(control: ControlledInverter, plan: PlanDocument, *, trial: bool = False) -> SteeringStatus:
    return SteeringStatus(
        control=control.controller,
        trial=trial,
        automatic=lambda: control.supplier.command.automatic,
        plan=lambda: plan,
        clock=control.clock,
    )


def test_plan_steers_only_once_its_command_was_read_back(tmp_path: Path, plan: PlanDocument) -> None:
    control = ControlledInverter(tmp_path, power_settings())
    status = status_of(control, plan)
    assert (status.now().state, status.now().steers) == ("waiting", False)
    control.controller.step()
    steering = status.now()
    assert (steering.state, steering.steers, steering.words) == ("steering", True, "The plan steers the battery.")
    since = steering.since
    control.clock.at += timedelta(minutes=2)
    assert status.now().since == since
    control.inverter.refuses = (CHARGE,)
    control.inverter.states[CHARGE] = 0.0
    control.controller.step()
    steering = status.now()
    assert (steering.state, steering.steers, steering.since) == ("fault", False, control.clock.at)
    assert "did not take the command" in steering.words


def test_plan_does_not_steer_when_control_is_off_dry_manual_a_trial_or_without_prices(
    tmp_path: Path, plan: PlanDocument, context: Context
) -> None:
    control = ControlledInverter(tmp_path / "on", power_settings())
    control.controller.step()
    dry = ControlledInverter(tmp_path / "dry", power_settings(dry_run=True))
    dry.controller.step()
    off = ControlledInverter(tmp_path / "off", power_settings(enabled=False))
    blind = default_plan(context.site, control.clock.at, why="no prices")
    old = plan.model_copy(update={"valid_until": control.clock.at})
    states = {
        "steering": status_of(control, plan),
        "trial": status_of(control, plan, trial=True),
        "dry_run": status_of(dry, plan),
        "off": status_of(off, plan),
        "no_plan": status_of(control, blind),
    }
    assert {name: status.now().state for name, status in states.items()} == {name: name for name in states}
    assert [name for name, status in states.items() if status.now().steers] == ["steering"]
    assert status_of(control, old).now().state == "no_plan"
    control.supplier.command = command(0, 8, 0, automatic=False)
    control.controller.step()
    assert states["steering"].now().state == "manual"


def test_guard_is_named_when_the_lease_has_expired(tmp_path: Path, plan: PlanDocument) -> None:
    control = ControlledInverter(tmp_path, power_settings(lease_minutes=1))
    control.controller.step()
    control.uptime += 120
    control.controller.step()
    steering = status_of(control, plan).now()
    assert (steering.state, steering.steers) == ("released", False)
    assert "lease has expired" in steering.words


def test_every_answer_says_the_same(context: Context) -> None:
    engine, _ = made_engine(context)
    engine.replan()
    with asking(engine) as client:
        answers = [client.get(path).json()["steering"] for path in ("/plan", "/command", "/health")]
        assert [(each["state"], each["steers"]) for each in answers] == [("off", False)] * 3
        assert PlanDocument.model_validate(client.get("/plan").json()).steering is not None
        assert 'darkstar_steering{state="off"} 1.0' in client.get("/metrics").text
        stored = client.get(f"/plans/{engine.plan().id}").json()
    assert stored["steering"] is None
    with client_without_token(engine) as stranger:
        assert stranger.get("/health").json()["steering"] is None


def client_without_token(engine: PlannerEngine) -> TestClient:
    running = ServiceState(engine=engine, token=AccessToken(TOKEN), metrics=Metrics())
    return TestClient(create_app(running), base_url="http://localhost")


def test_trial_says_so_when_the_service_runs_at_another_time(context: Context) -> None:
    server = PlannerServer(context, Clock(offset=timedelta(days=-3)))
    assert server.running.steering().state == "trial"
    assert PlannerServer(context, Clock()).running.steering().state == "off"


class Battery:
    """A battery that is read; tests take its reading away."""

    def __init__(self) -> None:
        self.reading: tuple[float, datetime] | None = None

    def soc(self) -> tuple[float, datetime] | None:
        return self.reading


def soc_of(plan: PlanDocument) -> Input:
    return next(each for each in plan.inputs if each.name == "soc")


def test_state_of_charge_is_measured_projected_or_assumed_since_when(context: Context) -> None:
    clock, battery = HandClock(at=moment()), Battery()
    engine = PlannerEngine(context, clock=clock, live=battery)
    begin = clock.at
    assumed = soc_of(engine.replan())
    assert (assumed.basis, assumed.since, assumed.source) == ("assumed", begin, "protocol")
    clock.at += timedelta(minutes=15)
    again = soc_of(engine.replan())
    assert (again.basis, again.since, again.source) == ("assumed", begin, "projected"), "what rests on it stays so"
    clock.at = begin
    battery.reading = (40.0, clock.at)
    measured = soc_of(engine.replan())
    assert (measured.basis, measured.since, measured.at) == ("measured", begin, begin)
    battery.reading = None
    clock.at += timedelta(minutes=15)
    lost = clock.at
    for _ in range(3):
        projected = soc_of(engine.replan())
        assert (projected.basis, projected.since) == ("projected", lost)
        clock.at += timedelta(minutes=15)
    bases = {each.name: each.basis for each in engine.plan().inputs}
    assert bases["prices"] == "measured"
    assert {bases["load"], bases["pv"]} <= {"projected", "assumed"}
