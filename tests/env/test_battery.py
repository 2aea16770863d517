import math
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.battery import Battery
from env.errors import BatteryError
from tests.cases.homes import DEFAULT_BATTERY, PAPER_BATTERY


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"min_soc_kwh": -0.1}, "0 <= minimum", id="minimum below zero"),
        pytest.param({"min_soc_kwh": 9.1}, "minimum <= maximum", id="minimum above maximum"),
        pytest.param({"max_soc_kwh": 10.1}, "maximum <= capacity", id="maximum above capacity"),
        pytest.param({"capacity_kwh": -1.0}, "capacity", id="capacity below zero"),
        pytest.param({"capacity_kwh": math.inf}, "finite", id="endless capacity"),
        pytest.param({"capacity_kwh": math.inf, "max_soc_kwh": math.inf}, "finite", id="endless store"),
        pytest.param({"capacity_kwh": math.nan}, "capacity", id="capacity not a number"),
        pytest.param({"min_soc_kwh": math.nan}, "minimum", id="minimum not a number"),
        pytest.param({"charge_efficiency": 0.0}, "charge_efficiency must be in", id="nothing arrives"),
        pytest.param({"charge_efficiency": 1.01}, "got 1.01", id="more arrives than was sent"),
        pytest.param({"discharge_efficiency": -0.5}, "got -0.5", id="negative efficiency"),
        pytest.param({"discharge_efficiency": math.nan}, "got nan", id="efficiency not a number"),
        pytest.param({"charge_kw": -1.0}, "charge_kw must be a finite", id="negative power"),
        pytest.param({"discharge_kw": math.inf}, "got inf", id="endless power"),
        pytest.param({"wear_cost": -0.01}, "wear_cost", id="wear that pays"),
        pytest.param({"wear_cost": math.nan}, "wear_cost", id="wear not a number"),
    ],
)
def test_battery_is_refused_when_it_cannot_exist(values: dict[str, float], message: str) -> None:
    with pytest.raises(BatteryError, match=message):
        replace(PAPER_BATTERY, **values)


@pytest.mark.parametrize("round_trip", [-0.5, 0.0, 1.1, math.nan])
def test_data_sheet_is_refused_when_its_round_trip_is_impossible(round_trip: float) -> None:
    with pytest.raises(BatteryError, match="efficiency"):
        Battery.from_percent(
            capacity_kwh=10,
            min_soc_percent=0,
            max_soc_percent=100,
            charge_kw=1,
            discharge_kw=1,
            round_trip_efficiency=round_trip,
            wear_cost=0,
        )


def test_data_sheet_becomes_kwh_and_one_way_efficiencies_when_it_is_in_percent() -> None:
    """34.2 kWh x 12 % = 4.104 kWh; the square root of 0.95 both ways."""
    assert pytest.approx(4.104, abs=1e-12) == DEFAULT_BATTERY.min_soc_kwh
    assert pytest.approx(34.2) == DEFAULT_BATTERY.max_soc_kwh
    assert DEFAULT_BATTERY.charge_efficiency == DEFAULT_BATTERY.discharge_efficiency
    assert pytest.approx(0.95) == DEFAULT_BATTERY.charge_efficiency * DEFAULT_BATTERY.discharge_efficiency


@pytest.mark.parametrize(
    ("percent", "kwh"),
    [
        pytest.param(50, 5.0, id="inside"),
        pytest.param(0, 1.0, id="empty is the usable minimum"),
        pytest.param(10, 1.0, id="the minimum itself"),
        pytest.param(100, 9.0, id="full is the usable maximum"),
    ],
)
def test_percentage_is_kept_usable_when_turned_into_energy(percent: float, kwh: float) -> None:
    assert PAPER_BATTERY.soc_kwh(percent) == pytest.approx(kwh)


@given(st.floats(-1000, 1000))
def test_stored_energy_stays_in_the_usable_range_when_any_percentage_is_asked(percent: float) -> None:
    assert PAPER_BATTERY.min_soc_kwh <= PAPER_BATTERY.soc_kwh(percent) <= PAPER_BATTERY.max_soc_kwh


def test_battery_exists_when_it_has_no_room_and_no_power() -> None:
    nothing = replace(PAPER_BATTERY, capacity_kwh=0, min_soc_kwh=0, max_soc_kwh=0, charge_kw=0, discharge_kw=0)
    assert nothing.soc_kwh(50) == 0


def test_battery_cannot_be_changed_when_it_exists() -> None:
    with pytest.raises(FrozenInstanceError):
        PAPER_BATTERY.capacity_kwh = 1  # pyright: ignore[reportAttributeAccessIssue] - that is the point
