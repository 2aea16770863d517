"""Levels that hold until they change: state of charge at slot edges, prices in slot middles."""

from collections.abc import Sequence

import numpy as np
import pytest

from darkstar_pipeline.sources.home_assistant.held_levels import level_at, price_slots, soc_slots, without_excursions

NAN = float("nan")


def minutes(*values: float) -> np.ndarray:
    return np.array(values) * 60.0


def at(
    when: list[float], states: Sequence[tuple[float, float]], until: float | None = None, jump: float = np.inf
) -> list[float | None]:
    times, levels = zip(*states, strict=True)
    found = level_at(
        minutes(*when), minutes(*times), np.array(levels), until=None if until is None else until * 60, jump=jump
    )
    return [None if np.isnan(value) else float(value) for value in found]


def test_level_holds_until_it_changes():
    assert at([0, 10, 15, 30], [(0, 34.0), (12, 35.0), (30, 36.0)]) == [34, 34, 35, 36]


def test_level_is_unknown_before_its_first_and_after_its_last_state():
    assert at([0, 20], [(5, 34.0), (15, 35.0)]) == [None, None]


def test_level_is_held_to_the_end_when_it_was_held_as_long_before():
    assert at([300], [(0, 10.0), (200, 11.0)], until=300) == [11]
    assert at([500], [(0, 10.0), (200, 11.0)], until=500) == [None]


def test_level_is_unknown_a_quarter_of_an_hour_after_its_sensor_was_lost():
    states = [(0, 50.0), (30, NAN), (90, 52.0), (91, 52.0)]
    assert at([29, 44, 46, 90], states) == [50, 50, None, 52]


def test_level_is_unknown_when_it_jumped_over_hours_of_silence():
    states = [(0, 60.0), (300, 20.0), (301, 20.0)]
    assert at([10, 100, 300], states, jump=5.0) == [60, None, 20]
    assert at([10, 100, 300], [(0, 60.0), (300, 59.0), (301, 59.0)], jump=5.0) == [60, 60, 59]


def test_soc_is_taken_at_both_edges_of_every_slot():
    frame = soc_slots(minutes(0, 10, 20, 30), np.array([34.0, 35.0, 36.0, 37.0]))
    assert frame["soc_start_percent"].to_list() == [34, 35, 37]
    assert frame["soc_end_percent"].to_list() == [35, 37, None]


def test_price_of_a_slot_is_the_one_in_force_in_its_middle():
    frame = price_slots(minutes(0, 0.01, 15.01, 30.02, 45.01, 60), np.array([9.0, 1.0, 2.0, 3.0, 4.0, 4.0]))
    assert frame["price"].to_list() == [1, 2, 3, 4]
    assert frame["native_minutes"].unique().to_list() == [15]


def test_price_that_changes_by_the_hour_is_hourly():
    times, prices = minutes(*(60 * n + 0.01 for n in range(24))), np.array([0.1 * n for n in range(24)])
    assert price_slots(times, prices)["native_minutes"].unique().to_list() == [60]


@pytest.mark.parametrize(
    "away",
    [[(62.0, 0.0)], [(62.0, 0.0), (63.0, 0.0), (64.0, 1.0)], [(62.0, 255.0)], [(62.0, 100.0)]],
    ids=["zero", "zeros", "no-level", "full"],
)
def test_level_that_is_back_at_once_is_left_out(away: list[tuple[float, float]]):
    states = [(0.0, 74.0), (30.0, 73.0), (60.0, 72.0), *away, (66.0, 72.0), (90.0, 71.0)]
    at, level = (np.array(column) for column in zip(*states, strict=True))
    seconds, kept, dropped = without_excursions(at * 60, level)
    assert dropped == len(away)
    assert kept.tolist() == [74, 73, 72, 72, 71]
    assert len(seconds) == 5


@pytest.mark.parametrize(
    "states",
    [
        [(0, 20.0), (30, 21.0), (31, 100.0), (60, 100.0), (120, 98.0)],  # a recalibration that stays
        [(0, 20.0), (15, 45.0), (30, 70.0), (45, 45.0), (60, 20.0)],  # a fast battery
        [(0, 80.0), (300, 20.0), (330, 22.0)],  # hours without a state
        [(0, 5.0), (10, 0.0), (200, 5.0)],  # empty indeed
    ],
    ids=["recalibrated", "fast", "silent", "empty"],
)
def test_level_that_a_battery_can_have_stays(states: list[tuple[float, float]]):
    at, level = (np.array(column, float) for column in zip(*states, strict=True))
    assert without_excursions(at * 60, level)[2] == 0
