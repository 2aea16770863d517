from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from env.devices import Appliance, Devices, ElectricVehicle, WaterHeater
from env.time_grid import day_start, grid
from planner.errors import LoadRequestError
from planner.optimizer.deferrable_loads import (
    ApplianceRequest,
    FlexibleLoad,
    HeaterRequest,
    LoadRequests,
    PlannedLoads,
    VehicleRequest,
)
from planner.optimizer.load_demands import planned_loads
from tests.builders.homes import STOCKHOLM

HEATER = WaterHeater(power_kw=3, energy_kwh_per_day=8, vacation_kwh_per_day=1, spacing_hours=4)
DEVICES = Devices(
    water_heater=HEATER,
    vehicle=ElectricVehicle(power_kw=11),
    appliances=(Appliance(name="washer", power_kw=2, run_hours=1.1),),
)
NOTHING = LoadRequests()
ORDINARY = HeaterRequest()
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def slots(first: date, last: date, *, skip: int = 0, keep: int | None = None) -> pl.Series:
    """Slots of whole days, without the first `skip`, and `keep` of the rest."""
    return grid(first, last, STOCKHOLM)["slot_start"].slice(skip, keep)


def heater(horizon: pl.Series, request: HeaterRequest = ORDINARY) -> FlexibleLoad:
    loads = planned_loads(horizon, STOCKHOLM, Devices(water_heater=HEATER), LoadRequests(heater=request))
    return loads.flexible[0]


@pytest.mark.parametrize(
    ("first", "n_slots"),
    [
        pytest.param(date(2026, 3, 29), 92, id="clock goes forward"),
        pytest.param(date(2026, 10, 25), 100, id="clock goes back"),
        pytest.param(date(2026, 6, 1), 96, id="ordinary day"),
    ],
)
def test_heater_gets_its_energy_a_local_day_when_days_differ_in_length(first: date, n_slots: int) -> None:
    """Two whole days: two windows, each with a day's energy, the first as long as the day is."""
    load = heater(slots(first, first + timedelta(days=1)))
    assert load.windows.sum(axis=1).tolist() == [n_slots, 96]
    assert (load.windows.sum(axis=0) == 1).all()
    assert load.energy_kwh.tolist() == [8.0, 8.0]
    assert load.most_kwh.tolist() == [0.75] * (n_slots + 96)
    assert load.spacing_slots == 16


@pytest.mark.parametrize(
    ("last", "n_slots"),
    [
        pytest.param(date(2026, 3, 29), 92, id="clock goes forward"),
        pytest.param(date(2026, 10, 25), 100, id="clock goes back"),
        pytest.param(date(2026, 6, 1), 96, id="ordinary day"),
    ],
)
def test_last_day_takes_its_part_when_it_goes_on_after_the_horizon(last: date, n_slots: int) -> None:
    """23 slots of the last day: 23 parts of its true length, not of an assumed one."""
    load = heater(slots(last - timedelta(days=1), last, keep=96 + 23))
    assert load.energy_kwh.tolist() == pytest.approx([8.0, 8.0 * 23 / n_slots])


def test_first_day_takes_what_is_left_of_it_when_some_is_done() -> None:
    horizon = slots(date(2026, 6, 1), date(2026, 6, 2), skip=40)
    assert heater(horizon, HeaterRequest(done_today_kwh=3)).energy_kwh.tolist() == [5.0, 8.0]
    assert heater(horizon, HeaterRequest(done_today_kwh=9)).energy_kwh.tolist() == [0.0, 8.0]


def test_vacation_takes_its_minimum_when_nobody_is_at_home() -> None:
    horizon = slots(date(2026, 6, 1), date(2026, 6, 2))
    assert heater(horizon, HeaterRequest(vacation=True)).energy_kwh.tolist() == [1.0, 1.0]


def test_first_day_asks_for_no_more_than_fits_when_it_ends_soon() -> None:
    """Three slots of 0.75 kWh are left."""
    horizon = slots(date(2026, 6, 1), date(2026, 6, 2), skip=93)
    assert heater(horizon).energy_kwh.tolist() == pytest.approx([2.25, 8.0])


def test_blocks_wait_when_the_latest_started_just_before_the_horizon() -> None:
    """Started at 22:30, 4 hours apart: from 02:30 on; the day that ends at midnight can take nothing any more."""
    horizon = slots(date(2026, 6, 1), date(2026, 6, 2), skip=92)
    started = day_start(date(2026, 6, 2), STOCKHOLM) - timedelta(minutes=90)
    waiting = heater(horizon, HeaterRequest(last_start=started))
    assert waiting.may_start is not None
    assert int(waiting.may_start.argmax()) == 4 + 10
    assert waiting.energy_kwh.tolist() == pytest.approx([0.0, 8.0])
    assert waiting.most_kwh[:14].tolist() == [0.0] * 14
    going_on = heater(horizon, HeaterRequest(last_start=started, running=True))
    assert going_on.energy_kwh.tolist() == pytest.approx([3.0, 8.0])
    assert going_on.running


@pytest.mark.parametrize(
    ("requests", "devices", "message"),
    [
        pytest.param(
            LoadRequests(vehicle=VehicleRequest(arrives=NOON, departs=NOON + timedelta(hours=4), energy_kwh=10)),
            Devices(),
            "the home has none",
            id="no car",
        ),
        pytest.param(
            LoadRequests(vehicle=VehicleRequest(arrives=NOON, departs=NOON + timedelta(hours=4), energy_kwh=45)),
            DEVICES,
            "45 kWh, but 11 kW give it only 44 kWh between 2026-06-01T12:00",
            id="stay too short",
        ),
        pytest.param(
            LoadRequests(vehicle=VehicleRequest(arrives=NOON, departs=NOON + timedelta(hours=4), energy_kwh=-1)),
            DEVICES,
            "at least 0 kWh, got -1",
            id="energy below zero",
        ),
        pytest.param(
            LoadRequests(vehicle=VehicleRequest(arrives=NOON, departs=NOON, energy_kwh=1)),
            DEVICES,
            "car: no slot of the horizon lies between",
            id="no stay",
        ),
        pytest.param(
            LoadRequests(
                vehicle=VehicleRequest(arrives=NOON - timedelta(days=9), departs=NOON - timedelta(days=8), energy_kwh=1)
            ),
            DEVICES,
            "no slot of the horizon",
            id="stay before the horizon",
        ),
        pytest.param(
            LoadRequests(appliances=(ApplianceRequest(name="oven", earliest=NOON, latest=NOON + timedelta(hours=4)),)),
            DEVICES,
            r"no appliance 'oven'; known: \['washer'\]",
            id="unknown appliance",
        ),
        pytest.param(
            LoadRequests(
                appliances=(ApplianceRequest(name="washer", earliest=NOON, latest=NOON + timedelta(hours=1)),)
            ),
            DEVICES,
            "washer runs 1.1 h, but its window has 1 h",
            id="window shorter than the run",
        ),
    ],
)
def test_wish_is_refused_when_no_plan_can_mean_it(requests: LoadRequests, devices: Devices, message: str) -> None:
    with pytest.raises(LoadRequestError, match=message):
        planned_loads(slots(date(2026, 6, 1), date(2026, 6, 2)), STOCKHOLM, devices, requests)


def test_car_charges_in_its_stay_when_it_lies_partly_outside_the_horizon() -> None:
    """Slots wholly inside the stay count; what lies before the horizon is over."""
    horizon = slots(date(2026, 6, 1), date(2026, 6, 1))
    begin = day_start(date(2026, 6, 1), STOCKHOLM)
    stay = VehicleRequest(arrives=begin - timedelta(hours=5), departs=begin + timedelta(minutes=40), energy_kwh=5)
    (car,) = planned_loads(
        horizon, STOCKHOLM, Devices(vehicle=ElectricVehicle(power_kw=11)), LoadRequests(vehicle=stay)
    ).flexible
    assert np.flatnonzero(car.most_kwh).tolist() == [0, 1]
    assert not car.from_battery


def test_run_starts_where_all_of_it_is_inside_its_window_when_it_is_asked_for() -> None:
    """1.1 h are 5 slots, the last of 0.1 h; from 12:05 to 14:00 UTC there are 7 whole slots, so 3 starts."""
    horizon = slots(date(2026, 6, 1), date(2026, 6, 1))
    wanted = ApplianceRequest(name="washer", earliest=NOON + timedelta(minutes=5), latest=NOON + timedelta(hours=2))
    (run,) = planned_loads(
        horizon, STOCKHOLM, Devices(appliances=DEVICES.appliances), LoadRequests(appliances=(wanted,))
    ).runs
    starts = horizon.filter(pl.Series(run.may_start > 0)).to_list()
    assert starts == [NOON + timedelta(minutes=15 * k) for k in (1, 2, 3)]
    assert run.energy_kwh.tolist() == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.2])
    assert run.name == "appliance_washer"


@pytest.mark.parametrize("spacing_hours", [4.0, 0.3 / 0.1 / 0.75])
def test_spacing_is_kept_in_whole_slots_when_hours_are_rounded(spacing_hours: float) -> None:
    """4.000000000000001 h are 16 slots and not 17; anything above is rounded up, never down."""
    devices = Devices(water_heater=WaterHeater(power_kw=3, energy_kwh_per_day=8, spacing_hours=spacing_hours))
    (load,) = planned_loads(slots(date(2026, 6, 1), date(2026, 6, 1)), STOCKHOLM, devices, NOTHING).flexible
    assert load.spacing_slots == 16


def test_spacing_is_rounded_up_when_it_is_no_whole_slot() -> None:
    devices = Devices(water_heater=WaterHeater(power_kw=3, energy_kwh_per_day=8, spacing_hours=4.1))
    (load,) = planned_loads(slots(date(2026, 6, 1), date(2026, 6, 1)), STOCKHOLM, devices, NOTHING).flexible
    assert load.spacing_slots == 17


def test_energy_so_far_is_bounded_by_its_windows_when_there_are_two() -> None:
    """Nothing of a window before it begins, all of it when it ends; a slot outside belongs to none."""
    windows = np.array([[1.0, 1, 0, 0, 0], [0, 0, 0, 1, 1]])
    load = FlexibleLoad("water", np.array([1.0, 1, 0, 1, 1]), windows, np.array([1.5, 0.5]))
    least, most = load.so_far
    assert least.tolist() == [0.0, 1.5, 1.5, 1.5, 2.0]
    assert most.tolist() == [1.5, 1.5, 1.5, 2.0, 2.0]


def test_shapes_are_equal_when_only_the_numbers_of_a_plan_differ() -> None:
    """A statement compiled for one day serves the next, also across the clock change and at another hour."""
    devices = Devices(water_heater=HEATER)
    one = planned_loads(slots(date(2026, 3, 28), date(2026, 3, 30), keep=192), STOCKHOLM, devices, NOTHING)
    other = planned_loads(
        slots(date(2026, 6, 1), date(2026, 6, 3), skip=50, keep=192),
        STOCKHOLM,
        devices,
        LoadRequests(heater=HeaterRequest(done_today_kwh=2, running=True)),
    )
    assert one.shapes == other.shapes
    assert hash(one.shapes) == hash(other.shapes)


def test_home_plans_no_load_when_it_has_no_device() -> None:
    assert planned_loads(slots(date(2026, 6, 1), date(2026, 6, 1)), STOCKHOLM, Devices(), NOTHING) == PlannedLoads()
