"""The numbers by which levels, powers, units and the older part of a history are judged, each tried on both sides."""

from collections.abc import Sequence

import numpy as np
import pytest

from darkstar_pipeline.sources.home_assistant.energy_curve import EnergyCurve, Reals
from darkstar_pipeline.sources.home_assistant.held_levels import level_at, price_slots, soc_slots, without_excursions
from darkstar_pipeline.sources.home_assistant.power_sensors import power_curve, without_markers
from darkstar_pipeline.sources.home_assistant.sensor_units import (
    behaves_like_a_counter,
    counter_unit_by_size,
    in_one_unit,
    power_unit_by_size,
)
from darkstar_pipeline.sources.home_assistant.stitched_statistics import (
    ends_of_hours,
    held_for_the_hour,
    statistics_before,
)

NAN = float("nan")
Points = Sequence[tuple[float, float]]


def reals(values: object) -> Reals:
    return np.asarray(values, dtype=np.float64)


def arrays(points: Points) -> tuple[np.ndarray, np.ndarray]:
    """States given as (seconds, value)."""
    seconds, values = (np.array(column, float) for column in zip(*points, strict=True))
    return seconds, values


def level(second: float, points: Points, until: float | None = None, jump: float = np.inf) -> float | None:
    found = float(level_at(np.array([second]), *arrays(points), until=until, jump=jump)[0])
    return None if np.isnan(found) else found


def test_level_is_held_for_a_quarter_of_an_hour_once_its_sensor_is_lost():
    lost = [(0.0, 50.0), (600.0, NAN), (9000.0, 52.0), (9001.0, 52.0)]
    assert (level(1500, lost), level(1501, lost)) == (50, None)
    short = [(0.0, 50.0), (600.0, NAN), (900.0, 52.0), (901.0, 52.0)]
    assert (level(899, short), level(900, short)) == (50, 52)


@pytest.mark.parametrize(("gap", "change", "known"), [(3900, 6, True), (3901, 6, False), (3901, 5, True)])
def test_jump_after_more_than_an_hour_means_that_states_were_lost(gap: float, change: float, *, known: bool):
    states = [(0.0, 50.0), (gap, 50.0 - change), (gap + 1, 50.0)]
    assert (level(3000, states, jump=5.0) is not None) == known


@pytest.mark.parametrize(
    ("quiet", "until", "known"), [(60, 3960, True), (60, 3961, False), (5000, 10_000, True), (5000, 10_001, False)]
)
def test_last_level_is_held_as_long_as_one_was_before_or_for_an_hour(quiet: float, until: float, *, known: bool):
    assert (level(until, [(0.0, 50.0), (quiet, 51.0)], until=until) is not None) == known


def test_last_state_counts_when_the_recording_is_said_to_end_before_it():
    assert level(60, [(0.0, 50.0), (60.0, 51.0)], until=30) == 51
    assert level(60, [(0.0, NAN), (60.0, NAN)]) is None


@pytest.mark.parametrize(
    ("away", "after_s", "length_s", "dropped"),
    [
        (10.0, 60, 120, 0),
        (13.4, 60, 300, 1),
        (13.3, 60, 300, 0),
        (13.2, 60, 237, 1),
        (60.0, 60, 3600, 1),
        (60.0, 60, 3601, 0),
        (60.0, 1800, 1080, 1),
        (60.0, 1800, 1081, 0),
        (-60.0, 60, 120, 1),
        (-101.0, 6000, 6000, 1),
        (-100.0, 6000, 6000, 0),
        (101.0, 6000, 6000, 1),
        (100.0, 6000, 6000, 0),
    ],
)
def test_excursion_is_further_than_any_battery_gets_and_back_within_an_hour(
    away: float, after_s: float, length_s: float, dropped: int
):
    """Ten points and 200 an hour; after a silence a return faster than that; -50 and 150 are no levels at all."""
    states = [(0.0, 50.0), (after_s, 50.0 + away), (after_s + length_s, 50.0), (after_s + length_s + 60, 50.0)]
    seconds, kept, count = without_excursions(*arrays(states))
    assert (count, len(kept), len(seconds)) == (dropped, 4 - dropped, 4 - dropped)


@pytest.mark.parametrize(("back", "dropped"), [(110.0, 1), (111.0, 0), (90.0, 1), (89.0, 0)])
def test_excursion_is_back_within_ten_points(back: float, dropped: int):
    states = [(0.0, 100.0), (60.0, 140.0 if back < 100 else 50.0), (120.0, back), (3000.0, back)]
    assert without_excursions(*arrays(states))[2] == dropped


def test_slots_reach_from_the_first_to_the_last_state():
    frame = soc_slots(*arrays([(1000.0, 40.0), (1900.0, 42.0), (2600.0, 43.0)]), until=2700)
    assert frame["slot_start"].dt.epoch("s").to_list() == [900, 1800, 2700]
    assert frame["soc_start_percent"].to_list() == [None, 40, 43]
    assert frame["soc_end_percent"].to_list() == [40, 43, None]


@pytest.mark.parametrize(("minute", "native"), [(4.9, 60), (5.1, 15), (55.1, 60), (54.9, 15)])
def test_price_is_hourly_where_it_changes_within_five_minutes_of_the_hour(minute: float, native: int):
    seconds = np.array([0.0, *(3600 * n + 60 * minute for n in range(1, 30))])
    assert price_slots(seconds, np.arange(30.0))["native_minutes"].unique().to_list() == [native]


@pytest.mark.parametrize(("restarts", "native"), [(2, 60), (3, 15)])
def test_restarts_do_not_make_an_hourly_price_quarter_hourly(restarts: int, native: int):
    """One change in twenty may be off the hour."""
    hours = [3600.0 * n for n in range(41 - restarts)]
    seconds = np.array(sorted([*hours, *(3600.0 * n + 1800 for n in range(restarts))]))
    prices = price_slots(seconds, np.arange(41.0))
    assert prices["native_minutes"].unique().to_list() == [native]
    assert prices["price"][2] == 1  # in force in the middle of the slot


def held(points: Points, until: float | None = None) -> float:
    """Seconds of which the power is known."""
    covered = power_curve(*arrays(points), until=until).covered_s
    return float(covered[-1]) if covered.size else 0.0


def every(step: float, count: int, start: float = 0.0) -> list[tuple[float, float]]:
    return [(start + step * n, 1.0) for n in range(count)]


@pytest.mark.parametrize(
    ("step", "count", "gap", "lost"),
    [
        (300, 40, 900, 0),
        (300, 40, 950, 50),
        (800, 40, 1200, 0),
        (800, 40, 1250, 50),
        (800, 4, 950, 50),
        (800, 5, 950, 0),
        (3600, 40, 5500, 100),
        (3601, 40, 90_000, 0),
        (3601, 40, 93_700, 100),
    ],
)
def test_power_is_held_by_the_sensors_own_rhythm(step: float, count: int, gap: float, lost: float):
    """Half as long again as its silences, a quarter of an hour at least; 26 hours where it rarely speaks."""
    states = every(step, count)
    states += every(step, count, states[-1][0] + gap)
    assert states[-1][0] - held(states) == pytest.approx(lost)


def test_power_has_a_rhythm_from_eight_silences_on():
    states = every(800, 4)
    assert held([*states, *every(800, 5, 2400 + 950)]) == 2400 + 950 + 3200
    assert held([*states, *every(800, 4, 2400 + 950)]) == 2400 + 900 + 2400


@pytest.mark.parametrize(("times", "lost"), [(4, 0), (3, 3 * 2100)])
def test_power_is_held_as_long_as_silences_that_come_twice_a_day(times: int, lost: float):
    states = every(60, 300)
    for _ in range(times):
        states += every(60, 300, states[-1][0] + 3000)
    assert states[-1][0] - held(states) == pytest.approx(lost)


def test_zero_is_held_and_a_lost_sensor_bridged_for_a_quarter_of_an_hour():
    states = [*every(60, 30), (1800.0, 0.0), (9000.0, 1.0)]
    assert held(states) == 9000
    lost = [*every(60, 30), (1800.0, NAN), (9000.0, 1.0)]
    assert held(lost) == 1740 + 900
    assert held(every(60, 30), until=1800) == 1800
    assert held(every(60, 30), until=1000) == 1740
    assert held([(0.0, 1.0), (600.0, 1.0), (2000.0, 1.0)]) == 1500


@pytest.mark.parametrize(
    ("watts", "marked"), [(65_535.0, True), (65_535.02, False), (-32_768.0, True), (32_767.005, True), (0.0, False)]
)
def test_marker_of_a_register_is_met_exactly(watts: float, *, marked: bool):
    power, count = without_markers(np.array([watts / 1000, 1.0, NAN]))
    assert (count, bool(np.isnan(power[0]))) == (marked, marked)


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([59.5] * 9, "kW"),
        ([60.5] * 9, "W"),
        ([-60.5] * 9, "W"),
        ([4.0] * 9, "kW"),
        ([5.0] * 9, "W"),
        ([5.0] * 8 + [5.5], "kW"),
    ],
)
def test_power_is_in_watts_where_it_is_large_or_in_whole_numbers(values: list[float], unit: str):
    assert power_unit_by_size(np.array(values)) == unit


@pytest.mark.parametrize(("step", "unit"), [(29.5, "kWh"), (30.5, "Wh"), (5.0, "Wh"), (4.0, "kWh"), (5.5, "kWh")])
def test_counter_is_in_watt_hours_where_it_rises_fast_or_in_whole_numbers(step: float, unit: str):
    """By what it rises in an hour; whole numbers of five at least say it too."""
    hours = reals(np.arange(20) * 3600.0)
    assert counter_unit_by_size(hours, reals(step * np.arange(20))) == unit
    assert counter_unit_by_size(hours, np.zeros(20)) == "kWh"
    assert counter_unit_by_size(reals(2.5 * hours), reals(5.0 * np.arange(20))) == "kWh"


@pytest.mark.parametrize(("falls", "counter"), [(2, True), (3, False)])
def test_counter_falls_deep_in_a_tenth_of_its_steps_at_most(falls: int, *, counter: bool):
    steps = np.ones(20)
    steps[[3, 9, 15][:falls]] = -3.5
    assert behaves_like_a_counter(np.cumsum([0, *steps])) == counter


@pytest.mark.parametrize(("fall", "counter"), [(1.3, True), (1.5, False)])
def test_counter_falls_by_noise_less_than_it_rises(fall: float, *, counter: bool):
    """Shallow falls are seven tenths of what it rises by at most."""
    assert behaves_like_a_counter(np.cumsum([1.0, 1.0, -fall] * 8)) == counter
    assert behaves_like_a_counter(np.cumsum([1.0, -1.0] * 4))


@pytest.mark.parametrize("factor", [1000.0, 0.001, 100.0, 0.1])
def test_unit_changes_where_level_and_rate_do(factor: float):
    seconds = reals(np.arange(200) * 600.0)
    true = 500 + 0.1 * np.arange(200)
    given = np.where(np.arange(200) < 120, true, true * factor)
    values, changes = in_one_unit(seconds, given)
    assert values == pytest.approx(true)
    assert [(change.second, change.factor) for change in changes] == [(72_000.0, factor)]
    same_rate = np.where(np.arange(200) < 120, true, true + 500 * (factor - 1))
    assert in_one_unit(seconds, same_rate)[1] == ()


def test_units_that_change_twice_are_all_converted():
    seconds = reals(np.arange(300) * 600.0)
    true = 500 + 0.1 * np.arange(300)
    given = reals(true * np.repeat([1.0, 1000.0, 1.0], 100))
    values, changes = in_one_unit(seconds, given)
    assert values == pytest.approx(true)
    assert [change.factor for change in changes] == [1000, 0.001]


@pytest.mark.parametrize(
    ("seconds", "count"),
    [
        ([0.0, 3600, 7200, 10_800, 14_400, 18_000], 6),
        ([0.0, 3600, 7200, 10_800, 14_400], 0),
        ([0.0, 3600, 7200, 10_800, 14_400, 18_000, 18_001], 6),
        ([0.5, 3600, 7200, 10_800, 14_400, 18_000, 21_600], 0),
        ([7200.0 * n for n in range(8)], 0),
        ([0.0, 7200, 10_800, 14_400, 18_000, 21_600], 6),
    ],
)
def test_six_rows_on_the_hour_hour_by_hour_are_statistics(seconds: list[float], count: int):
    assert statistics_before(np.array(seconds)) == count


def test_statistics_end_where_the_recording_begins():
    seconds, values = np.array([0.0, 3600.0, 7200.0, 8000.0]), np.array([1.0, 2.0, 3.0, 2.5])
    at, counted = ends_of_hours(seconds, values, 3)
    assert (at.tolist(), counted.tolist()) == ([3600, 7200, 8000], [1, 2, 2.5])
    at, counted = ends_of_hours(seconds[:3], values[:3], 3)
    assert (at.tolist(), counted.tolist()) == ([3600, 7200, 10_800], [1, 2, 3])
    at, means = held_for_the_hour(seconds, values, 3)
    assert at.tolist() == [0, 900, 1800, 2700, 3600, 4500, 5400, 6300, 7200, 8000]
    assert means.tolist() == [1, 1, 1, 1, 2, 2, 2, 2, 3, 2.5]
    at, means = held_for_the_hour(seconds[:3], values[:3], 3)
    assert (len(at), means[-1]) == (12, 3)


@pytest.mark.parametrize(("covered", "slots"), [(899.0, 1), (898.9, 0)])
def test_slot_is_known_where_all_of_it_but_a_second_is(covered: float, slots: int):
    curve = EnergyCurve(np.array([0.0, 900.0]), np.array([0.0, 0.5]), np.array([0.0, covered]))
    assert curve.cut()["energy_kwh"].to_list() == [0.5] * slots
    assert EnergyCurve(np.zeros(1), np.zeros(1), np.zeros(1)).cut().is_empty()


def test_curve_is_cut_on_the_grid_of_its_step():
    curve = EnergyCurve(np.array([900.0, 8100.0]), np.array([0.0, 8.0]), np.array([0.0, 7200.0]))
    assert curve.cut(3600)["start"].dt.epoch("s").to_list() == [3600]
    assert curve.cut(3600)["energy_kwh"].to_list() == [4.0]
    assert curve.cut()["start"].dt.epoch("s").to_list() == [900 * n for n in range(1, 9)]
    falling = EnergyCurve(np.array([0.0, 900.0]), np.array([0.5, 0.0]), np.array([0.0, 900.0]))
    assert falling.slots("kwh")["kwh"].to_list() == [0.0]
