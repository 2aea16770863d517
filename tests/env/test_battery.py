import math
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.battery import Battery
from env.errors import BatteryError
from env.inverter import battery_room, next_soc
from tests.builders.homes import DEFAULT_BATTERY, PAPER_BATTERY


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


BENT = replace(
    PAPER_BATTERY,
    charge_curve=((1.0, 0.8), (2.0, 0.9), (4.0, 0.85)),
    discharge_curve=((2.0, 0.7), (4.0, 0.9)),
    retention_per_hour=0.9,
)


TAPERED = replace(
    PAPER_BATTERY, charge_taper=((80.0, 4.0), (90.0, 3.0), (100.0, 0.5)), discharge_taper=((0.0, 1.0), (20.0, 4.0))
)


def test_power_is_what_the_taper_leaves_and_the_least_of_its_lines() -> None:
    """10 kWh, 4 kW: 3.5 kW at 85 %, 0.5 kW when full; 2.5 kW out at 10 %."""
    stored = np.linspace(0.0, 10.0, 101)
    charges, discharges = TAPERED.most_charge_kw(stored), TAPERED.most_discharge_kw(stored)
    assert np.asarray(charges)[[0, 80, 85, 95, 100]].tolist() == pytest.approx([4.0, 4.0, 3.5, 1.75, 0.5])
    assert np.asarray(discharges)[[0, 10, 20, 100]].tolist() == pytest.approx([1.0, 2.5, 4.0, 4.0])
    for most_kw, lines in zip((charges, discharges), TAPERED.power_lines.values(), strict=True):
        assert np.min([level + slope * stored for level, slope in lines], axis=0) * 4 == pytest.approx(most_kw)


def test_tapers_keep_their_levels_and_grow_in_power_with_a_larger_battery() -> None:
    twice = TAPERED.scaled(2.0)
    assert twice.charge_taper == ((80.0, 8.0), (90.0, 6.0), (100.0, 1.0))
    assert np.asarray(twice.most_charge_kw(np.array([17.0]))) == pytest.approx([7.0])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"charge_taper": ((80.0, 4.0), (95.0, 1.0))}, "a point at 100 % is missing", id="ends early"),
        pytest.param({"discharge_taper": ((5.0, 1.0), (20.0, 4.0))}, "a point at 0 % is missing", id="begins late"),
        pytest.param({"charge_taper": ((80.0, 4.0), (100.0, 0.0))}, "above 0 kW", id="never full"),
        pytest.param({"charge_taper": ((80.0, 4.0), (80.0, 3.0))}, "must ascend", id="a level twice"),
        pytest.param({"charge_taper": ((0.8, 4.0), (100.0, 5.0))}, "fall as it gets fuller", id="faster when full"),
        pytest.param({"charge_taper": ((80.0, 4.0), (85.0, 1.0), (100.0, 0.9))}, "ever more steeply", id="a step"),
        pytest.param({"charge_curve": ((4.0, 1.1),)}, "every efficiency must be in", id="more arrives than was sent"),
        pytest.param({"charge_curve": ((4.0, 0.0),)}, "every efficiency must be in", id="nothing arrives"),
        pytest.param({"discharge_curve": ((4.0, math.nan),)}, "discharge_curve: every", id="not a number"),
        pytest.param({"charge_curve": ((2.0, 0.9), (2.0, 0.8))}, "powers must ascend", id="the same power twice"),
        pytest.param({"charge_curve": ((0.0, 0.9), (4.0, 0.8))}, "from above 0 kW", id="no power"),
        pytest.param({"charge_curve": ((3.0, 0.9),)}, "ends at 3.0 kW, below", id="ends before the battery"),
        pytest.param({"charge_curve": ((2.0, 0.9), (4.0, 0.45))}, "more power must store more", id="stores no more"),
        pytest.param({"retention_per_hour": 0.0}, "retention_per_hour", id="all is lost"),
        pytest.param({"retention_per_hour": 1.1}, "retention_per_hour", id="energy from nowhere"),
        pytest.param({"cycle_cost": -1.0}, "cycle_cost", id="cycles that pay"),
    ],
)
def test_battery_is_refused_when_its_curve_or_losses_cannot_be(values: dict[str, object], message: str) -> None:
    with pytest.raises(BatteryError, match=message):
        replace(PAPER_BATTERY, **values)  # pyright: ignore[reportArgumentType] - wrong on purpose


def test_energy_moved_follows_the_points_of_a_curve_when_power_is_one_of_them() -> None:
    """A quarter of an hour at 1, 2 and 4 kW stores 0.2, 0.45 and 0.85 kWh; halfway between two, the mean of both."""
    assert BENT.stored_by(np.array([0.25, 0.5, 1.0, 0.375])).tolist() == pytest.approx([0.2, 0.45, 0.85, 0.325])
    assert BENT.drawn_by(np.array([0.5, 1.0])).tolist() == pytest.approx([0.5 / 0.7, 1 / 0.9])


def test_constant_efficiency_is_used_when_there_is_no_curve() -> None:
    assert PAPER_BATTERY.stored_by(np.array([1.0])).tolist() == pytest.approx([0.9])
    assert PAPER_BATTERY.drawn_by(np.array([1.0])).tolist() == pytest.approx([1.25])


@given(st.sampled_from([PAPER_BATTERY, BENT]), st.floats(0, 1))
def test_what_was_moved_is_found_back_when_inverted(battery: Battery, kwh: float) -> None:
    flow = np.array([kwh])
    assert battery.charge_storing(battery.stored_by(flow)) == pytest.approx(flow)
    assert battery.discharge_drawing(battery.drawn_by(flow)) == pytest.approx(flow)


@given(st.sampled_from([PAPER_BATTERY, BENT]), st.floats(0, 10))
def test_all_the_room_there_is_ends_at_the_edge_when_power_does_not_limit(battery: Battery, soc: float) -> None:
    """Charging all that fits fills it, discharging all that is there empties it; otherwise power is what limits."""
    start = np.array([soc])
    can_charge, can_discharge = battery_room(start, battery)
    full = next_soc(start, can_charge, np.zeros(1), battery)
    empty = next_soc(start, np.zeros(1), can_discharge, battery)
    kept = soc * battery.retention_per_slot
    if can_charge < battery.charge_kw / 4:
        assert full == pytest.approx(max(battery.max_soc_kwh, kept))
    if can_discharge < battery.discharge_kw / 4:
        assert empty == pytest.approx(min(battery.min_soc_kwh, kept))
    assert (
        battery.min_soc_kwh - 1e-9 <= max(float(full[0]), battery.min_soc_kwh) <= max(battery.max_soc_kwh, kept) + 1e-9
    )


def test_quarters_keep_what_an_hour_keeps_when_energy_melts() -> None:
    assert BENT.retention_per_slot**4 == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("capacity", "per_kwh"),
    [pytest.param(10.0, 0.1 + 4 / (10 * 0.8), id="10 kWh"), pytest.param(0.0, 0.1, id="no capacity, no cycle")],
)
def test_cycle_is_worn_by_what_is_taken_out_when_it_costs(capacity: float, per_kwh: float) -> None:
    """A full cycle takes the capacity out of the store, 0.8 of it out of the battery; charging wears no cycle."""
    battery = replace(PAPER_BATTERY, capacity_kwh=capacity, min_soc_kwh=0, max_soc_kwh=capacity, cycle_cost=4.0)
    assert battery.discharge_wear == pytest.approx(per_kwh)
    assert battery.charge_wear == pytest.approx(0.1)


@pytest.mark.parametrize("capacity", [5243.239688987248, 5243.239688987247, 0.1, 34.2])
def test_full_is_the_capacity_itself_whatever_rounding_makes_of_it(capacity: float) -> None:
    battery = Battery.from_percent(
        capacity_kwh=capacity, min_soc_percent=100, max_soc_percent=100, charge_kw=1.0, discharge_kw=1.0,
        round_trip_efficiency=0.9, wear_cost=0.0,
    )  # fmt: skip
    assert (battery.min_soc_kwh, battery.max_soc_kwh) == (capacity, capacity)
