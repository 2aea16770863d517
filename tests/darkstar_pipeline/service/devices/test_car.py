"""The car of a running service: planned by its departure, kept from the battery, asked for, and remembered."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from darkstar_pipeline.config.household.car import CarSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.service.devices.car import Car
from darkstar_pipeline.service.devices.household import Household
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.home_assistant.lease import read_lease
from darkstar_pipeline.service.schemas.loads import CarReading, CarRequest
from tests.builders.fake_inverter import CHARGE, DISCHARGE, ControlledInverter, command, power_settings
from tests.builders.service_home import HandClock, asking, moment
from tests.builders.small_home import small_settings

SENSORS = {"soc": "sensor.car_soc", "plugged": "binary_sensor.car_plugged", "power": "sensor.charger_power"}
CAR: dict[str, Any] = {
    "power_kw": 8.0,
    "capacity_kwh": 60.0,
    "departures": [{"leaves": "07:00", "minimum_percent": 50, "target_percent": 80}],
    "sensors": SENSORS,
}


MORNING = moment(hour=7, minute=0) + timedelta(days=1)


class Sensors:
    """A Home Assistant of the car's sensors."""

    def __init__(self, *, soc: str = "40", plugged: str = "on", power: str = "0") -> None:
        self.states = dict(zip(SENSORS.values(), (soc, plugged, power), strict=True))

    def close(self) -> None:
        """Nothing is open."""

    def state(self, entity: str) -> Mapping[str, Any] | None:
        unit = {"sensor.charger_power": "W"}.get(entity, "%")
        return {"state": self.states[entity], "attributes": {"unit_of_measurement": unit}}


def with_car(context: Context, car: Mapping[str, Any] = CAR) -> Context:
    site = SiteSettings.model_validate({**small_settings().sites["home"].model_dump(), "devices": {"vehicle": car}})
    return open_context(settings=Settings(sites={"home": site}), home=context.home)


def household_of(engine: PlannerEngine) -> Household | None:
    return engine.household if isinstance(engine.household, Household) else None


def made(
    context: Context, sensors: Sensors | None = None, at: datetime | None = None
) -> tuple[PlannerEngine, HandClock, Car]:
    clock = HandClock(at=moment(hour=18) if at is None else at)
    household = Household(context, context.home / "service" / "home", clock, sensors)
    assert household.car is not None
    return PlannerEngine(context, clock=clock, household=household), clock, household.car


def test_car_is_planned_by_its_departure_and_never_from_the_battery(context: Context) -> None:
    """At 40 %: 6.7 kWh from the charger for the minimum, 26.7 for the target, by 07:00; all of it in the plan."""
    engine, _, car = made(with_car(context), Sensors())
    car.poll()
    engine.check()
    plan = engine.plan()
    (load,) = plan.loads
    assert (load.name, load.leaves) == ("ev", MORNING)
    assert load.minimum_kwh == pytest.approx(10 / 100 * 60 / 0.9)
    assert load.energy_kwh == pytest.approx(load.target_kwh)
    assert plan.verified
    drawing = [slot for slot in plan.slots if slot.others["ev_kwh"] > 0]
    assert 0 <= sum(block.energy_kwh for block in load.blocks) - load.energy_kwh < 2
    assert all(slot.discharge_kwh == 0 and slot.discharge_kw == 0 for slot in drawing)
    assert load.cost is not None
    assert load.unplanned_cost is not None
    assert load.cost <= load.unplanned_cost + 1e-6


def test_plan_goes_on_with_what_is_left_when_some_is_charged(context: Context) -> None:
    sensors = Sensors()
    engine, clock, car = made(with_car(context), sensors)
    car.poll()
    engine.check()
    first = engine.plan().loads[0].energy_kwh
    sensors.states["sensor.charger_power"] = "8000"
    for _ in range(61):  # half an hour: 4 kWh, though the car's own state of charge is not told anew
        car.poll()
        clock.seconds += 30
        clock.at += timedelta(seconds=30)
    engine.check()
    assert engine.plan().loads[0].energy_kwh == pytest.approx(first - 8 * 0.5, abs=0.1)
    assert car.state().soc_percent == pytest.approx(40 + 100 * 4 * 0.9 / 60, abs=0.1)


def test_battery_holds_while_an_unplanned_car_charges(context: Context) -> None:
    """A car that nobody planned: within the slot the command stops discharging, and comes back a minute after."""
    sensors = Sensors(soc="90")
    engine, clock, car = made(with_car(context), sensors)
    car.poll()
    engine.check()
    planned = engine.command()
    assert planned.discharge_kw > 0
    sensors.states["sensor.charger_power"] = "7400"
    car.poll()
    held = engine.command()
    assert (held.discharge_kw, held.default) == (0.0, False)
    assert "7.4 kW" in held.sentence
    assert (held.charge_kw, held.expires_at) == (planned.charge_kw, planned.expires_at)
    assert [each.note for each in engine.components() if each.name == "car"] == ["the car charges: the battery holds"]
    sensors.states["sensor.charger_power"] = "20"
    car.poll()
    assert engine.command().discharge_kw == 0
    clock.seconds += 61
    car.poll()
    assert engine.command() == planned


def test_battery_may_feed_a_car_when_a_person_allows_it(context: Context) -> None:
    engine, _, car = made(with_car(context, {**CAR, "from_battery": True}), Sensors(power="7400"))
    car.poll()
    engine.check()
    assert not car.holds_battery


def test_hands_off_the_command_when_automatic_mode_is_off(context: Context) -> None:
    engine, _, car = made(with_car(context), Sensors(power="7400"))
    engine.overrides.set_automatic(automatic=False)
    car.poll()
    assert engine.command().default


@pytest.mark.parametrize(
    ("sensors", "note"),
    [
        (Sensors(plugged="off"), "the car is not plugged in"),
        (Sensors(soc="80"), "the car has what it needs"),
        (Sensors(soc="unavailable"), "the car's state of charge is not known"),
    ],
)
def test_nothing_is_planned_and_told_when_there_is_nothing_to_plan(
    context: Context, sensors: Sensors, note: str
) -> None:
    engine, _, car = made(with_car(context), sensors)
    car.poll()
    engine.check()
    assert engine.plan().loads[0].note.startswith(note)
    assert engine.plan().loads[0].energy_kwh == 0
    assert engine.plan().verified


def test_what_cannot_be_met_is_told_with_what_can(context: Context) -> None:
    """A quarter past six: 45 minutes at 8 kW are 6 kWh of 6.67."""
    at = MORNING - timedelta(minutes=45)
    engine, _, car = made(with_car(context), Sensors(), at)
    car.poll()
    engine.check()
    load = engine.plan().loads[0]
    assert load.note == "8 kW give 6.0 of 6.7 kWh before the departure: the car leaves with 49 %"
    assert load.energy_kwh == pytest.approx(6.0)
    assert [block.start for block in load.blocks] == [at]


def test_request_stands_in_the_place_of_the_week_until_it_has_passed(context: Context) -> None:
    engine, clock, car = made(with_car(context), Sensors())
    car.poll()
    engine.check()
    leaves = clock.at + timedelta(hours=3)
    with asking(engine, household_of(engine)) as client:
        asked = client.post("/car/request", json={"leaves": leaves.isoformat(), "target_percent": 60})
        assert (asked.status_code, asked.json()["request"]["target_percent"]) == (201, 60)
        engine.check()
        assert engine.plan().loads[0].leaves == leaves
        assert engine.plan().loads[0].target_kwh == pytest.approx(20 / 100 * 60 / 0.9)
        again = made(with_car(context), Sensors())[2]
        assert again.requests.active(clock.at) == car.requests.active(clock.at)
        clock.at = leaves + timedelta(seconds=1)
        assert datetime.fromisoformat(client.get("/car").json()["leaves"]) == MORNING
        clock.at = leaves - timedelta(hours=1)
        assert client.delete("/car/request").status_code == 204
        assert client.delete("/car/request").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"leaves": "2020-01-01T07:00:00+01:00", "target_percent": 80},
        {"leaves": "2025-10-27T07:00:00+01:00"},
        {"leaves": "2025-10-27T07:00:00+01:00", "target_percent": 80, "target_kwh": 3},
        {"leaves": "2025-10-27T07:00:00+01:00", "minimum_percent": 80, "target_percent": 40},
        {"leaves": "2026-10-27T07:00:00+01:00", "target_percent": 80},
        {"leaves": 7, "target_percent": 80},
    ],
)
def test_request_is_refused_in_plain_words_when_it_makes_no_sense(context: Context, body: dict[str, Any]) -> None:
    engine, _, _ = made(with_car(context))
    with asking(engine, household_of(engine)) as client:
        answer = client.post("/car/request", json=body)
        assert answer.status_code == 422
        assert answer.json()["error"]["message"]
        assert client.get("/car").json()["request"] is None


def test_posted_state_is_taken_where_no_sensor_tells(context: Context) -> None:
    """What is posted is taken, the rest stays; after two minutes without a word the power is not known."""
    engine, clock, car = made(with_car(context))
    with asking(engine, household_of(engine)) as client:
        client.post("/car/state", json={"plugged": True, "soc_percent": 55})
        told = client.post("/car/state", json={"power_kw": 7.4}).json()
    assert (told["plugged"], told["soc_percent"], told["power_kw"], told["holds_battery"]) == (True, 55.0, 7.4, True)
    clock.seconds += 121
    assert car.state().power_kw is None
    assert not car.holds_battery


def test_site_without_a_car_says_so(context: Context) -> None:
    engine = PlannerEngine(context, clock=HandClock(at=moment()))
    with asking(engine, household_of(engine)) as client:
        assert client.get("/car").status_code == 422
    engine.check()
    assert "loads" not in engine.plan().model_dump()


def test_what_was_charged_is_remembered_when_the_service_restarts(tmp_path: Path) -> None:
    settings = CarSettings.model_validate(
        {**CAR, "capacity_kwh": None, "departures": [{"leaves": "07:00", "target_kwh": 12}]}
    )
    clock = HandClock(at=datetime(2026, 1, 5, 20, tzinfo=UTC))
    car = Car(settings, tmp_path, clock)
    car.take(CarReading(plugged=True, power_kw=6.0))
    for _ in range(40):
        clock.seconds += 60
        car.take(CarReading(power_kw=6.0))
    again = Car(settings, tmp_path, clock)
    assert again.state().charged_kwh == pytest.approx(4.0, abs=0.11)
    assert again.demand(clock.at, "Europe/Stockholm").target_kwh == pytest.approx(8.0, abs=0.11)
    again.take(CarReading(plugged=False))
    again.take(CarReading(plugged=True))
    assert again.state().charged_kwh == 0


def test_damaged_files_count_as_empty_and_are_told(tmp_path: Path) -> None:
    (tmp_path / "car_request.json").write_text("{")
    (tmp_path / "car_state.json").write_text("[]")
    car = Car(CarSettings.model_validate(CAR), tmp_path, HandClock(at=moment()))
    assert car.requests.active(moment()) is None
    (component,) = car.components()
    assert not component.ok
    assert "car_request.json" in component.note
    car.requests.ask(CarRequest(leaves=moment() + timedelta(hours=9), target_percent=70), car.settings, moment())
    assert car.requests.active(moment()) is not None


def test_charging_is_handed_over_in_whole_slots_at_full_power(context: Context) -> None:
    """26.7 kWh at 2 kWh a slot are 13.3 slots: the car is switched on for 14, rather than leave with too little."""
    engine, _, car = made(with_car(context), Sensors())
    car.poll()
    engine.check()
    (load,) = engine.plan().loads
    assert {round(block.power_kw, 6) for block in load.blocks} == {8.0}
    assert sum(block.energy_kwh for block in load.blocks) == pytest.approx(28.0)
    assert load.energy_kwh == pytest.approx(40 / 100 * 60 / 0.9)
    assert load.managed


def test_hold_reaches_the_inverter_under_its_lease_and_ends_with_the_car(tmp_path: Path) -> None:
    """The controller carries out what is in force: 5 kW, nothing while the car charges, 5 kW again."""
    control = ControlledInverter(tmp_path / "control", power_settings())
    car = Car(CarSettings.model_validate(CAR), tmp_path, control.clock)
    planned = command(0, 5, 0)
    for power_kw, seconds, discharge_w in ((0.0, 0, 5000), (7.4, 2, 0), (0.1, 30, 0), (0.1, 61, 5000)):
        control.clock.seconds += seconds
        car.take(CarReading(power_kw=power_kw))
        control.supplier.command = car.held(planned)
        control.controller.step()
        assert control.inverter.states == {CHARGE: 0.0, DISCHARGE: discharge_w}
        lease = read_lease(control.folder)
        assert lease is not None
        assert not lease.released


def test_import_limit_leaves_room_for_the_car_so_that_the_battery_does_not_feed_it(tmp_path: Path) -> None:
    """Above its limit an inverter has the battery help out, also one told to hold: the car's power is let through."""
    clock = HandClock(at=moment())
    car = Car(CarSettings.model_validate(CAR), tmp_path, clock)
    for planned in (command(0, 5, 0, import_limit_kw=3.0), command(0, 0, 0, import_limit_kw=3.0)):
        assert car.held(planned) == planned
    car.take(CarReading(power_kw=7.4))
    for planned in (command(0, 5, 0, import_limit_kw=3.0), command(2, 0, 0, import_limit_kw=3.0)):
        held = car.held(planned)
        assert (held.charge_kw, held.discharge_kw) == (planned.charge_kw, 0.0)
        assert held.import_limit_kw == pytest.approx(3.0 + car.settings.charger_kw)


def test_energy_counts_from_the_last_departure_where_nothing_says_when_the_car_came(tmp_path: Path) -> None:
    settings = CarSettings.model_validate(
        {**CAR, "capacity_kwh": None, "departures": [{"leaves": "07:00", "target_kwh": 12}], "sensors": {}}
    )
    clock = HandClock(at=datetime(2026, 1, 5, 20, tzinfo=UTC))
    car = Car(settings, tmp_path, clock)
    assert car.demand(clock.at, "Europe/Stockholm").target_kwh == 12
    car.take(CarReading(power_kw=6.0))
    for _ in range(40):
        clock.seconds += 60
        car.take(CarReading(power_kw=6.0))
    assert car.demand(clock.at, "Europe/Stockholm").target_kwh == pytest.approx(8.0, abs=0.11)
    clock.at += timedelta(hours=12)
    again = Car(settings, tmp_path, clock)
    assert again.demand(clock.at, "Europe/Stockholm").target_kwh == 12
    assert again.state().charged_kwh == 0


def charging_car(tmp_path: Path, **sensors: str) -> tuple[Car, HandClock, Sensors]:
    clock, home = HandClock(at=moment()), Sensors(**{"power": "7000", **sensors})
    car = Car(CarSettings.model_validate(CAR), tmp_path, clock, home)
    car.poll()
    return car, clock, home


def after(car: Car, clock: HandClock, minutes: float, delivered_kw: float | None = None) -> bool:
    """Poll once a minute, and return whether the battery is held then."""
    for _ in range(int(minutes)):
        clock.seconds += 60
        car.poll(delivered_kw)
    return car.holds_battery


def test_power_that_is_stuck_holds_the_battery_no_longer_than_a_car_takes(tmp_path: Path) -> None:
    """60 kWh at 7 kW and 90 %: after nine and a half hours no car charges any more; a value that moves is believed."""
    car, clock, home = charging_car(tmp_path)
    assert after(car, clock, 9.4 * 60)
    assert not after(car, clock, 20)
    told = car.components()[0]
    assert (told.ok, "has shown 7 kW for" in told.note, "look at its sensor" in told.note) == (False, True, True)
    assert car.state().power_kw is None, "nor does the plan believe it"
    home.states["sensor.charger_power"] = "6900"
    assert after(car, clock, 1)
    assert car.components()[0].ok


@pytest.mark.parametrize(
    ("sensors", "minutes", "delivered_kw", "says"),
    [
        ({"plugged": "off"}, 1, None, "the car is away"),
        ({"soc": "100"}, 31, None, "the car is full"),
        ({}, 7, 0.4, "the grid gives less"),
    ],
)
def test_power_that_cannot_be_is_not_believed(
    tmp_path: Path, sensors: dict[str, str], minutes: int, delivered_kw: float | None, says: str
) -> None:
    car, clock, _ = charging_car(tmp_path, **sensors)
    assert not after(car, clock, minutes, delivered_kw)
    assert says in car.components()[0].note


@pytest.mark.parametrize("delivered_kw", [7.5, 4.0, None])
def test_power_that_the_grid_may_deliver_is_believed(tmp_path: Path, delivered_kw: float | None) -> None:
    car, clock, _ = charging_car(tmp_path)
    assert after(car, clock, 120, delivered_kw)


def test_stuck_power_does_not_fill_the_car_on_paper(tmp_path: Path) -> None:
    car, clock, _ = charging_car(tmp_path, plugged="off")
    after(car, clock, 60)
    assert car.state().soc_percent == 40
