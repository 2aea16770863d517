"""The water heater of a running service: its run against legionella, remembered, kept in vacation and on its way."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.service.devices.heater import Heater
from darkstar_pipeline.service.devices.household import Household
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.schemas.overrides import OverrideRequest
from darkstar_pipeline.service.schemas.plans import PlanDocument
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from env.time_grid import SLOT
from tests.builders.service_home import LONG_DAY, HandClock, moment
from tests.builders.small_home import small_settings

HEATER: dict[str, Any] = {"power_kw": 3.0, "energy_kwh_per_day": 6.0, "legionella": {"hours": 3, "every_days": 7}}


class Sensors:
    """A Home Assistant of the heater's sensors."""

    def __init__(self, **states: str) -> None:
        self.states = states

    def close(self) -> None:
        """Nothing is open."""

    def state(self, entity: str) -> dict[str, Any] | None:
        name = entity.partition(".")[2]
        return {"state": self.states[name], "attributes": {"unit_of_measurement": "W" if name == "power" else "°C"}}


def with_heater(context: Context, **more: Any) -> Context:
    devices = {"water_heater": {**HEATER, **more}}
    site = SiteSettings.model_validate({**small_settings().sites["home"].model_dump(), "devices": devices})
    return open_context(settings=Settings(sites={"home": site}), home=context.home)


def made(context: Context, sensors: Sensors | None = None) -> tuple[PlannerEngine, HandClock, Heater]:
    clock = HandClock(at=moment(hour=13, minute=30))
    household = Household(context, context.home / "service" / "home", clock, sensors)
    assert household.heater is not None
    return PlannerEngine(context, clock=clock, household=household), clock, household.heater


def full_slots(plan: PlanDocument) -> list[int]:
    """Slots at full power, counted from the plan's first."""
    return [number for number, slot in enumerate(plan.slots) if slot.others["water_kwh"] > 0.74]


def in_a_row(slots: list[int]) -> int:
    best = length = 0
    for number, slot in enumerate(slots):
        length = length + 1 if number and slots[number - 1] == slot - 1 else 1
        best = max(best, length)
    return best


@pytest.mark.thorough
def test_run_is_carried_through_remembered_and_not_repeated(context: Context) -> None:
    """Its days are over in the horizon: the plan holds it; re-plans on the way keep it where it is; then it is done."""
    engine, clock, heater = made(with_heater(context))
    heater.request(clock.at, "Europe/Stockholm", away=False)
    clock.at += timedelta(days=1)  # the first run comes within two days; now the horizon is the last chance
    engine.check()
    assert in_a_row(full_slots(engine.plan())) >= 12
    first = next(slot.slot_start for slot in engine.plan().slots if slot.others["water_kwh"] > 0.74)
    household = engine.household
    assert isinstance(household, Household)
    clock.at = first
    while heater.last_run is None:
        engine.check()
        assert engine.plan().slots[0].others["water_kwh"] > 0.74, clock.at - first
        for _ in range(15):
            household.poll()
            clock.at += timedelta(minutes=1)
        assert clock.at - first <= 13 * SLOT
    assert clock.at - first >= 12 * SLOT
    again = made(with_heater(context))[2]
    assert again.last_run == heater.last_run
    assert again.request(clock.at + timedelta(days=3), "Europe/Stockholm", away=False).run is None
    due = again.request(clock.at + timedelta(days=6), "Europe/Stockholm", away=True).run
    assert due is not None
    assert heater.last_run is not None
    assert due.latest == heater.last_run + timedelta(days=7)


def test_vacation_keeps_the_run_and_drops_the_comfort(context: Context) -> None:
    engine, clock, heater = made(with_heater(context, comfort=[{"by": "18:00", "kwh": 3}]))
    engine.overrides.add(OverrideRequest(mode="vacation", until=clock.at + timedelta(days=9)), clock.at)
    heater.request(clock.at, "Europe/Stockholm", away=True)
    clock.at += timedelta(days=1)
    engine.check()
    plan = engine.plan()
    assert in_a_row(full_slots(plan)) == 12
    assert sum(slot.others["water_kwh"] for slot in plan.slots) == pytest.approx(9.0)
    assert plan.loads[0].cost is not None
    assert plan.loads[0].unplanned_cost is not None
    assert plan.loads[0].cost <= plan.loads[0].unplanned_cost + 1e-6


def test_what_was_heated_today_is_not_heated_again(context: Context) -> None:
    """Readings of today say 4 of 6 kWh; without them the whole day's need was asked for again at each re-plan."""
    context = with_heater(context, legionella=None)
    rows = context.lake.read(METER_READINGS, "home", LONG_DAY, LONG_DAY)
    morning = pl.col("slot_start") < moment(hour=4, minute=0)
    context.lake.write_day(
        METER_READINGS,
        "home",
        LONG_DAY,
        rows.with_columns(water_kwh=pl.when(morning).then(4.0 / rows.filter(morning).height).otherwise(0.0)),
    )
    engine, _, _ = made(context)
    engine.check()
    today = [slot.others["water_kwh"] for slot in engine.plan().slots if slot.slot_start < moment(hour=23, minute=59)]
    assert sum(today) == pytest.approx(2.0)


@pytest.mark.parametrize(("temperature", "heated"), [("55", 2.6), ("45", 4.93), ("65", 0.30)])
def test_tank_says_what_is_missing_today(context: Context, temperature: str, heated: float) -> None:
    """At 13:30 of the day of 25 h 58 % of the day is over; 200 l hold 0.23 kWh a degree, 10 degrees are 2.33 kWh."""
    sensors = Sensors(tank=temperature)
    context = with_heater(context, legionella=None, tank_litres=200, sensors={"temperature": "sensor.tank"})
    engine, _, heater = made(context, sensors)
    heater.poll(None)
    engine.check()
    today = [slot.others["water_kwh"] for slot in engine.plan().slots if slot.slot_start < moment(hour=23, minute=59)]
    assert sum(today) == pytest.approx(heated, abs=0.2)


def test_run_counts_by_the_power_that_is_read_when_it_is(context: Context) -> None:
    """Two hours at full power, then twelve minutes without: no run. Three hours with a pause of two minutes: one."""
    sensors = Sensors(power="3000")
    _, clock, heater = made(with_heater(context, sensors={"power": "sensor.power"}), sensors)
    for minutes, power in ((120, "3000"), (12, "0"), (60, "2950"), (2, "0"), (116, "3000"), (4, "3000")):
        sensors.states["power"] = power
        for _ in range(minutes // 2):
            assert heater.last_run is None
            heater.poll(None)
            clock.at += timedelta(minutes=2)
    assert heater.last_run is not None


def test_run_dated_by_a_clock_that_was_ahead_keeps_no_run_away(context: Context) -> None:
    _, clock, heater = made(with_heater(context), Sensors())
    now = clock.at
    for at in (now + timedelta(days=4000), now - timedelta(days=1)):
        heater._stored.keep(heater._stored.value.model_copy(update={"last_run": at, "known_since": now}))
        run = heater.request(now, "Europe/Stockholm", away=False).run
        assert (run is not None) == (at > now)
        assert run is None or run.latest <= now + timedelta(days=2)
