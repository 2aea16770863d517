"""Levels that hold until they change: state of charge at slot edges, prices in slot middles."""

from collections.abc import Sequence

import numpy as np

from darkstar_pipeline.sources.home_assistant.held_levels import level_at, price_slots, soc_slots

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
