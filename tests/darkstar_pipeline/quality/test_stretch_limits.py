"""The numbers by which a stretch of readings is one that no home has, each tried on both of its sides."""

import numpy as np
import pytest

from darkstar_pipeline.quality.odd_stretches import (
    below_base,
    counted_later,
    stuck,
    stuck_runs,
    times_ten,
)
from darkstar_pipeline.quality.series_rows import Reals, Rows
from env.types import Mask

DAY = 96


def rows(kw: Reals, hours: float = 0.25) -> Rows:
    day = (np.arange(len(kw)) * hours // 24).astype(np.int64)
    return Rows(kw=kw, hours=np.full(len(kw), hours), day=day, whole=np.ones(len(kw), dtype=np.bool_))


def varied(level: float = 1.0, days: int = 3) -> Reals:
    """A power that is never the same twice in a row."""
    return level * (1 + 0.01 * (np.arange(days * DAY) % 7)).astype(np.float64)


def places(mask: Mask) -> list[int]:
    return np.flatnonzero(mask).tolist()


@pytest.mark.parametrize(
    ("count", "usual", "hours", "found"),
    [
        (3, 1, 1.0, False),
        (4, 1, 0.25, True),
        (4, 1, 0.24, False),
        (5, 2, 1.0, False),
        (6, 2, 1.0, True),
    ],
)
def test_value_sticks_for_four_rows_an_hour_and_three_times_as_long_as_else(
    count: int, usual: int, hours: float, *, found: bool
):
    kw = np.repeat(varied(days=1), usual)
    kw[60 : 60 + count] = 1.5
    assert places(stuck(rows(kw, hours), limited=False)) == (list(range(61, 60 + count)) if found else [])


@pytest.mark.parametrize(("others", "found"), [(2, True), (3, False)])
def test_two_long_stretches_do_not_excuse_each_other(others: int, *, found: bool):
    kw = varied()
    for number in range(others):
        kw[40 + 20 * number : 46 + 20 * number] = 1.5
    assert bool(stuck(rows(kw), limited=False).any()) == found


@pytest.mark.parametrize(("digits", "found"), [(20, False), (21, True)])
def test_value_of_few_digits_may_repeat(digits: float, *, found: bool):
    kw = digits + np.arange(40.0) % 2
    kw[10:14] = digits
    kw[9], kw[14] = digits + 1, digits + 1
    assert bool(stuck_runs(kw, np.ones(40), least_hours=1.0).any()) == found


@pytest.mark.parametrize(("runs", "found"), [(19, []), (20, [6, 7, 8, 9, 10])])
def test_series_of_twenty_runs_shows_what_else_repeats(runs: int, found: list[int]):
    kw = np.insert(50.0 + np.arange(float(runs)), 5, [55.0] * 5)
    assert places(stuck_runs(kw, np.ones(len(kw)), least_hours=1.0)) == found
    zeros = np.insert(kw, [0] * 4, [0.0, 0.001, 0.0, 0.0])
    assert bool(stuck_runs(zeros, np.ones(len(zeros)), least_hours=1.0).any()) == bool(found or runs == 19)


@pytest.mark.parametrize(
    ("value", "limited", "found"),
    [(0.0049, False, False), (0.0051, False, True), (0.099, True, False), (0.101, True, True)],
)
def test_what_sticks_is_above_five_watts_or_what_creeps(value: float, *, limited: bool, found: bool):
    kw = varied()
    kw[::5] = value * (1 + 1e-3 * (np.arange(len(kw[::5])) % 3))
    kw[50:56], kw[8] = value, kw[7] + 1e-5
    assert bool(stuck(rows(kw), limited=limited).any()) == found


@pytest.mark.parametrize(
    ("share", "beside", "excused"), [(1.0, 0.51, True), (1.0, 0.49, False), (0.991, 0.51, True), (0.979, 0.6, False)]
)
def test_limit_is_at_the_most_and_come_to_by_degrees(share: float, beside: float, *, excused: bool):
    kw = np.minimum(varied(0.3), 0.4)
    kw[200] = 1.0
    kw[99] = kw[106] = beside * share
    kw[100:106] = share
    assert bool(stuck(rows(kw), limited=True).any()) != excused
    assert stuck(rows(kw), limited=False).any()


@pytest.mark.parametrize(
    ("share", "count", "found"),
    [(0.195, 12, True), (0.205, 12, False), (0.1, 3, True), (0.1, 2, False), (0.1, 48, True), (0.1, 49, False)],
)
def test_load_below_a_fifth_of_its_base_for_half_a_day(share: float, count: int, *, found: bool):
    kw = np.ones(3 * DAY)
    kw[100 : 100 + count] = share
    assert places(below_base(rows(kw))) == (list(range(100, 100 + count)) if found else [])


@pytest.mark.parametrize(("beside", "found"), [(0.51, True), (0.49, False)])
@pytest.mark.parametrize("place", [99, 112])
def test_load_falls_in_one_step_from_what_is_ordinary(beside: float, place: int, *, found: bool):
    kw = np.ones(3 * DAY)
    kw[100:112] = 0.1
    kw[place] = beside
    assert bool(below_base(rows(kw)).any()) == found


@pytest.mark.parametrize(
    ("days", "runs", "found"), [(3, 3, True), (3, 4, False), (59, 4, False), (60, 4, True), (60, 5, False)]
)
def test_home_is_low_rarely(days: int, runs: int, *, found: bool):
    """Three times, and once in fifteen days."""
    kw = np.ones(days * DAY)
    for run in range(runs):
        kw[20 + 30 * run : 24 + 30 * run] = 0.1
    assert bool(below_base(rows(kw)).any()) == found


@pytest.mark.parametrize(("zeros", "found"), [(5, True), (6, False)])
def test_series_with_zeros_is_of_a_coarse_counter(zeros: int, *, found: bool):
    """One row in fifty, here of 288."""
    kw = np.ones(3 * DAY)
    kw[100:112] = 0.1
    kw[200 : 200 + 3 * zeros : 3] = 0.0
    assert places(below_base(rows(kw))) == (list(range(100, 112)) if found else [])


@pytest.mark.parametrize(
    ("level", "value", "count", "found"),
    [
        (0.051, 0.0049, 100, True),
        (0.049, 0.0049, 100, False),
        (0.02, 0.0051, 10, False),
        (1.0, 0.0049, 2, False),
        (1.0, 0.0049, 3, True),
    ],
)
def test_load_of_less_than_five_watts_is_none_in_a_home_that_uses_fifty(
    level: float, value: float, count: int, *, found: bool
):
    kw = np.full(3 * DAY, level)
    kw[100 : 100 + count] = value
    assert places(below_base(rows(kw))) == (list(range(100, 100 + count)) if found else [])


def test_base_is_what_four_in_five_readings_exceed_on_the_middle_one_of_three_days():
    for low, found in ((18, True), (21, False)):
        kw = np.ones(3 * DAY)
        for day in range(3):
            kw[day * DAY : day * DAY + low] = 0.3
        kw[150:156] = 0.1
        assert bool(below_base(rows(kw)).any()) == found, low
    kw = np.repeat([1.0, 0.3, 1.0], DAY)
    kw[140:144] = 0.1
    assert not below_base(rows(kw)).any()
    kw[140:144] = 0.05
    assert not below_base(rows(kw)).any()
    kw = np.repeat([1.0, 1.0, 0.3, 0.3, 0.3], DAY)
    kw[50:54], kw[140:144], kw[240:244] = 0.1, 0.1, 0.1
    assert places(below_base(rows(kw))) == [*range(50, 54), *range(140, 144)]


@pytest.mark.parametrize(
    ("count", "held", "found"),
    [
        (2, 2.09, False),
        (2, 2.11, True),
        (1, 9.0, False),
        (6, 4.89, False),
        (6, 4.91, True),
        (11, 8.39, False),
        (11, 8.41, True),
    ],
)
def test_row_behind_zeros_holds_seven_tenths_of_what_flowed_meanwhile(count: int, held: float, *, found: bool):
    kw = np.ones(DAY)
    kw[40 : 40 + count] = 0.0
    kw[40 + count] = held
    assert places(counted_later(rows(kw))) == (list(range(40, 41 + count)) if found else [])


@pytest.mark.parametrize(("count", "found"), [(11, False), (12, True)])
def test_long_standstill_is_compared_with_the_calmer_side(count: int, *, found: bool):
    """Three hours: 10 times the calm side is enough, and half as much beside the busy one is not."""
    kw = np.append(np.full(40, 2.0), np.full(DAY - 40, 1.0))
    kw[40 : 40 + count] = 0.0
    kw[40 + count] = 10.0
    assert bool(counted_later(rows(kw)).any()) == found


@pytest.mark.parametrize(("others", "found"), [(1, True), (2, False)])
def test_home_that_is_at_zero_elsewhere_counts_nothing_later(others: int, *, found: bool):
    kw = np.ones(DAY)
    kw[40:46], kw[46] = 0.0, 7.0
    kw[70 : 70 + 2 * others : 2] = 0.0
    assert bool(counted_later(rows(kw)).any()) == found
    for zeros in (slice(0, 6), slice(90, 96)):
        edge = np.ones(DAY)
        edge[zeros] = 0.0
        assert not counted_later(rows(edge)).any()


@pytest.mark.parametrize(("value", "found"), [(0.0049, True), (0.0051, False)])
def test_load_that_is_counted_later_shows_less_than_five_watts(value: float, *, found: bool):
    kw = np.ones(DAY)
    kw[40:46], kw[46] = value, 7.0
    assert bool(counted_later(rows(kw)).any()) == found


@pytest.mark.parametrize(
    ("factor", "found"),
    [
        (2.8, False),
        (2.9, True),
        (31.6, True),
        (100, True),
        (12.4, True),
        (570, True),
        (573, False),
        (0.249, True),
        (0.251, False),
        (0.00126, True),
        (0.00124, False),
    ],
)
def test_day_of_a_factor_is_a_power_of_ten(factor: float, *, found: bool):
    """Within 3.5 times of ten, eight of a hundred; its most within 1.4 times less."""
    kw = np.ones(5 * DAY)
    kw[2 * DAY : 3 * DAY] = factor
    if factor in (2.8, 2.9):
        kw[2 * DAY + 40 : 2 * DAY + 56] = 10.0
    if factor in (0.00126, 0.00124):
        kw[2 * DAY + 40 : 2 * DAY + 56] = 0.01
    assert places(times_ten(rows(kw))) == (list(range(2 * DAY, 3 * DAY)) if found else [])


@pytest.mark.parametrize(("most", "found"), [(4.1, True), (3.9, False)])
def test_most_of_a_day_is_within_two_and_a_half_times_of_ten(most: float, *, found: bool):
    kw = np.ones(5 * DAY)
    kw[2 * DAY : 3 * DAY] = most
    assert bool(times_ten(rows(kw)).any()) == found


@pytest.mark.parametrize(("factor", "found"), [(13.4, True), (13.6, False), (7.5, True), (7.3, False)])
def test_low_and_usual_readings_are_a_power_of_ten_to_a_third(factor: float, *, found: bool):
    kw = np.ones(5 * DAY)
    kw[2 * DAY : 3 * DAY] = factor
    kw[2 * DAY + 40 : 2 * DAY + 56] = 600.0
    kw[2 * DAY] = kw[3 * DAY - 1] = factor
    assert bool(times_ten(rows(kw)).any()) == found


@pytest.mark.parametrize(("days", "found"), [(2, False), (3, True)])
def test_day_is_compared_with_two_others(days: int, *, found: bool):
    kw = np.ones(days * DAY)
    kw[:DAY] = 10.0
    assert bool(times_ten(rows(kw)).any()) == found


@pytest.mark.parametrize("edge", [0, DAY - 3])
def test_day_begins_and_ends_with_the_step(edge: int):
    kw = np.ones(5 * DAY)
    kw[2 * DAY : 3 * DAY] = 20.0
    assert times_ten(rows(kw)).any()
    kw[2 * DAY + edge : 2 * DAY + edge + 2] = 1.0
    if edge:
        kw[2 * DAY + edge + 1 : 2 * DAY + edge + 3] = 1.0
    assert not times_ten(rows(kw)).any()
