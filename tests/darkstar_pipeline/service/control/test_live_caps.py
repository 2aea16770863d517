"""Charging gives way inside a slot to what else flows, with few writes, and comes back where there is room."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from darkstar_pipeline.config.home_assistant import HomeAssistantSettings
from darkstar_pipeline.config.household.live_caps import LiveCapSettings
from darkstar_pipeline.service.control.controller import ControlledHome, Controller
from darkstar_pipeline.service.control.live_caps import CapInputs, LiveCaps
from darkstar_pipeline.service.control.peak_window import PeakWindow, WindowMeter, peak_window
from darkstar_pipeline.service.engine.plan_documents import default_plan
from darkstar_pipeline.service.schemas.plans import CommandDocument
from env.power_tariff import MonthState, PowerTariff
from env.tariff import Tariff
from tests.builders.fake_inverter import CHARGE, FakeGuards, FakeInverter, Supplier, command, power_settings
from tests.builders.homes import home
from tests.builders.service_home import HandClock, moment
from tests.builders.small_home import ZONE

GRID, PHASES = "sensor.grid_power", ("sensor.l1", "sensor.l2", "sensor.l3")
WATTS, AMPERES = {"unit_of_measurement": "W"}, {"unit_of_measurement": "A"}


@dataclass
class CappedHome:
    """A home whose house draws what the test says, and whose battery charges as commanded."""

    settings: LiveCapSettings
    house_kw: float = 2.0
    clock: HandClock = field(default_factory=lambda: HandClock(at=moment(minute=0)))
    wanted_kw: float = 5.0
    away: bool = False
    unseen: tuple[str, ...] = ()
    charging_kw: float = 0.0
    powers: list[float] = field(default_factory=list[float])

    def __post_init__(self) -> None:
        site = home()
        plan = default_plan(site, moment(minute=0), why="a test's")
        inputs = CapInputs(settings=self.settings, site=site, plan=lambda: plan, monotonic=self.clock.monotonic)
        self.caps = LiveCaps(inputs)

    def read(self, entity: str) -> Mapping[str, Any]:
        if self.away or entity in self.unseen:
            return {"state": "unavailable", "attributes": {}}
        grid = self.house_kw + self.charging_kw
        if entity == GRID:
            return {"state": f"{1000 * grid}", "attributes": WATTS}
        return {"state": f"{1000 * grid / 3 / 230}", "attributes": AMPERES}

    def run(self, seconds: float) -> None:
        """Let time go by, with a look every two seconds."""
        for _ in range(int(seconds / 2)):
            now = moment(minute=0) + timedelta(seconds=self.clock.seconds - 1000.0)
            start = moment(minute=0) + timedelta(minutes=15) * ((now - moment(minute=0)) // timedelta(minutes=15))
            wanted = command(self.wanted_kw, 0, 0, slot_start=start, expires_at=start + timedelta(minutes=15))
            power = self.caps.limited(wanted, now, self.read).charge_kw
            if not self.powers or self.powers[-1] != power:
                self.powers.append(power)
            self.charging_kw = power
            self.clock.seconds += 2.0


@pytest.mark.parametrize("sensors", [{"phase_currents": PHASES}, {"grid_power": GRID}], ids=["phases", "grid"])
def test_charging_gives_way_to_the_oven_and_comes_back_when_there_is_room(sensors: dict[str, Any]) -> None:
    capped = CappedHome(LiveCapSettings(fuse_a=16, **sensors))
    capped.run(60)
    assert capped.powers == [5.0], "below the fuse nothing is changed"
    capped.house_kw = 8.0
    capped.run(60)
    assert capped.powers[-1] == 3.0, "11.04 kW is three times 16 A"
    assert "charging gives way to 3 kW: a phase has" in capped.caps.note
    capped.house_kw = 2.0
    capped.run(60)
    assert capped.powers[-1] == 3.0, "not at once"
    capped.run(120)
    assert capped.powers[-1] == 5.0
    assert capped.caps.note == ""


def test_load_that_comes_and_goes_costs_few_writes() -> None:
    capped = CappedHome(LiveCapSettings(fuse_a=16, grid_power=GRID))
    for _ in range(10):
        capped.house_kw = 9.0 + capped.house_kw % 2
        capped.run(30)
        capped.house_kw -= 6.0
        capped.run(30)
    assert len(capped.powers) <= 6
    capped.house_kw = 2.0
    capped.run(600)
    assert capped.powers[-1] == 5.0, "the next slot begins anew"


def test_cap_stays_and_is_told_when_the_sensors_have_no_value() -> None:
    capped = CappedHome(LiveCapSettings(fuse_a=16, grid_power=GRID), house_kw=8.0)
    capped.run(10)
    assert capped.powers[-1] == 3.0
    capped.away = True
    capped.run(70)
    assert capped.powers[-1] == 3.0
    assert "have no value" in capped.caps.note


def test_phase_without_a_value_is_told_and_gives_no_room() -> None:
    """The phase with the oven is the one that is not seen: the two others do not say that there is room."""
    capped = CappedHome(LiveCapSettings(fuse_a=16, phase_currents=PHASES), house_kw=8.0)
    capped.run(20)
    assert capped.powers[-1] == 3.0
    capped.unseen, capped.house_kw = (PHASES[0],), 2.0
    capped.run(300)
    assert capped.powers[-1] == 3.0
    assert "have no value" in capped.caps.note
    capped.house_kw = 10.0
    capped.run(20)
    assert capped.powers[-1] == 1.0, "what is seen above the fuse counts"
    both = CappedHome(LiveCapSettings(fuse_a=16, grid_power=GRID, phase_currents=PHASES), house_kw=8.0)
    both.unseen = PHASES[:1]
    both.run(2)
    assert both.powers == [3.0], "the grid's power says what the phase has"


def test_inverter_of_one_phase_gives_way_by_what_that_phase_has() -> None:
    capped = CappedHome(LiveCapSettings(fuse_a=16, phase_currents=PHASES, battery_phases=1), house_kw=8.0)
    capped.run(2)
    assert capped.powers[-1] == 1.0, "4.4 A are left of the phase that it charges from"


def test_rest_of_a_period_may_have_what_the_level_leaves_over() -> None:
    clock = HandClock(at=moment(minute=0))
    meter, start = WindowMeter(clock.monotonic), moment(minute=0)
    window = PeakWindow(start, start + timedelta(hours=1), 4.0)
    assert meter.allowed_kw(window, 2.0, start) == pytest.approx(4.0)
    clock.seconds += 1800
    assert meter.allowed_kw(window, 2.0, start + timedelta(minutes=30)) == pytest.approx(6.0)
    clock.seconds += 900
    assert meter.allowed_kw(window, 12.0, start + timedelta(minutes=45)) == pytest.approx(0.0)
    later = WindowMeter(clock.monotonic)
    assert later.allowed_kw(window, 9.0, start + timedelta(minutes=30)) == pytest.approx(4.0), "not known: the level"


def test_period_is_held_at_the_peaks_that_cost_already_or_at_the_plan() -> None:
    day = date(2026, 1, 31)
    charge = PowerTariff(top=2, price_per_kw=50.0)
    plain = home()
    version = replace(plain.tariff.versions[0], power=(charge,))
    site = replace(plain, tariff=Tariff((version,)))
    plan = default_plan(site, moment(day, 14, 0), why="a test's")
    now = plan.slots[2].slot_start + timedelta(minutes=1)
    assert peak_window(site, plan, now) is None, "the month is not known"
    known = plan.model_copy(
        update={"month": (MonthState(month=day.replace(day=1), peaks_kw=(6.0, 3.0), today=day, today_kw=2.0),)}
    )
    window = peak_window(site, known, now)
    assert window is not None
    assert (window.level_kw, window.end - window.start) == (3.0, timedelta(hours=1))
    slots = [slot.model_copy(update={"import_kwh": 1.25}) for slot in plan.slots]
    planned = peak_window(site, known.model_copy(update={"slots": slots}), now)
    assert planned is not None
    assert planned.level_kw == 5.0


@pytest.mark.parametrize("live", [False, True], ids=["asked", "live"])
def test_controller_writes_the_capped_power_and_says_why(tmp_path: Path, *, live: bool) -> None:
    """Where the grid's sensors come live, they are not asked for every two seconds."""
    clock, inverter = HandClock(at=moment()), FakeInverter()
    settings = LiveCapSettings(fuse_a=16, grid_power=GRID)
    grid = [2.0]
    plan = default_plan(home(), moment(), why="a test's")

    asked: list[str] = []

    def came(entity: str) -> Mapping[str, Any]:
        del entity
        return {"state": f"{grid[0]}", "attributes": {"unit_of_measurement": "kW"}}

    def state(entity: str) -> Mapping[str, Any]:
        asked.append(entity)
        return came(entity) if entity == GRID else FakeInverter.state(inverter, entity)

    inverter.state = state
    caps = LiveCaps(CapInputs(settings=settings, site=home(), plan=lambda: plan, monotonic=clock.monotonic))
    reached = HomeAssistantSettings(url="http://127.0.0.1:9", control=power_settings())
    controlled = ControlledHome(settings=reached, discharge_kw=8.0, timezone=ZONE, folder=tmp_path, caps=caps)
    controlled = replace(controlled, live=came) if live else controlled

    def wait(seconds: float) -> bool:
        clock.seconds += seconds
        return False

    supplier = Supplier(command(5.0, 0, 0))
    controller = Controller(controlled, clock, supplier, client=inverter, wait=wait, guards=FakeGuards())
    controller.step()
    assert inverter.states[CHARGE] == 5000.0
    grid[0] = 13.0
    clock.seconds += 20
    controller.step()
    assert inverter.states[CHARGE] == 3000.0
    assert "charging gives way to 3 kW" in controller.status().notes
    assert (GRID in asked) == (not live)


def test_settings_are_refused_when_nothing_can_be_seen() -> None:
    for wrong in ({"fuse_a": 16}, {"month_peak": True, "phase_currents": PHASES}):
        with pytest.raises(ValidationError, match="needs"):
            LiveCapSettings.model_validate(wrong)


def test_command_of_another_kind_is_left_as_it_is() -> None:
    capped = CappedHome(LiveCapSettings(fuse_a=16, grid_power=GRID), house_kw=20.0)
    discharging: CommandDocument = command(0, 4, 4)
    assert capped.caps.limited(discharging, moment(minute=0), capped.read) == discharging


def test_load_that_comes_and_goes_all_night_leaves_the_days_writes_to_others() -> None:
    """Five minutes on, five off, for four hours: what comes back and gives way again comes back ever later."""
    capped = CappedHome(LiveCapSettings(fuse_a=16, grid_power=GRID))
    for _ in range(24):
        capped.house_kw = 9.0
        capped.run(300)
        capped.house_kw = 2.0
        capped.run(300)
    assert len(capped.powers) <= 20
    capped.run(3700)
    assert capped.powers[-1] == 5.0
