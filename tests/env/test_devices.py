import math
from collections.abc import Callable

import pytest

from env.devices import Appliance, Devices, ElectricVehicle, WaterHeater
from env.errors import DeviceError

WASHER = Appliance(name="washer", power_kw=2, run_hours=1.5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        pytest.param(lambda: WaterHeater(power_kw=-1, energy_kwh_per_day=8), "power_kw .* got -1", id="heater's power"),
        pytest.param(
            lambda: WaterHeater(power_kw=3, energy_kwh_per_day=math.nan), "energy_kwh_per_day", id="no energy"
        ),
        pytest.param(
            lambda: WaterHeater(power_kw=3, energy_kwh_per_day=8, vacation_kwh_per_day=-0.1), "vacation", id="vacation"
        ),
        pytest.param(
            lambda: WaterHeater(power_kw=3, energy_kwh_per_day=8, spacing_hours=math.inf), "spacing", id="spacing"
        ),
        pytest.param(
            lambda: WaterHeater(power_kw=0.25, energy_kwh_per_day=8), r"5.75 kWh a day", id="more than a day gives"
        ),
        pytest.param(
            lambda: WaterHeater(power_kw=0.25, energy_kwh_per_day=5, vacation_kwh_per_day=7),
            "vacation_kwh_per_day",
            id="more on vacation than a day gives",
        ),
        pytest.param(lambda: ElectricVehicle(power_kw=-11), "car: power_kw", id="charger"),
        pytest.param(lambda: Appliance(name="wash up", power_kw=1, run_hours=1), "wash up", id="name with a blank"),
        pytest.param(lambda: Appliance(name="1st", power_kw=1, run_hours=1), "1st", id="name with a digit first"),
        pytest.param(
            lambda: Appliance(name="dryer", power_kw=-1, run_hours=1), "dryer: power_kw", id="machine's power"
        ),
        pytest.param(lambda: Appliance(name="dryer", power_kw=1, run_hours=0), "dryer: run_hours", id="run of no time"),
        pytest.param(lambda: Appliance(name="dryer", power_kw=1, run_hours=math.nan), "run_hours", id="run of nothing"),
        pytest.param(lambda: Devices(appliances=(WASHER, WASHER)), "washer", id="two of one name"),
    ],
)
def test_device_is_refused_when_it_cannot_exist(build: Callable[[], object], message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        build()


def test_home_has_no_device_when_none_is_named() -> None:
    assert Devices() == Devices(water_heater=None, vehicle=None, appliances=())


def test_devices_exist_when_they_take_nothing() -> None:
    heater = WaterHeater(power_kw=0, energy_kwh_per_day=0)
    assert Devices(water_heater=heater, vehicle=ElectricVehicle(power_kw=0), appliances=(WASHER,)).appliances
    assert not ElectricVehicle(power_kw=11).from_battery
