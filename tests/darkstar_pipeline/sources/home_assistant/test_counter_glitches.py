"""Glitches of counters: short, and without readings that rise like the counter; a good day outweighs one old level."""

from collections.abc import Sequence

import numpy as np
import pytest

from darkstar_pipeline.sources.home_assistant.counters import CounterCurve, counter_curve

DAY = 1440.0
Points = list[tuple[float, float]]


def curve(points: Sequence[tuple[float, float]]) -> CounterCurve:
    """The curve of readings given as (minutes, kWh)."""
    minutes, values = zip(*points, strict=True)
    return counter_curve(np.array(minutes) * 60.0, np.array(values, dtype=float))


def rising(start: float, end: float, *, level: float = 0.0, step: float = 0.1, every: float = 10.0) -> Points:
    """A counter that rises by a step every few minutes."""
    count = round((end - start) / every)
    return [(start + every * n, round(level + step * n, 3)) for n in range(count + 1)]


def days(count: int, bounce: float | None) -> Points:
    """A daily counter of 14.3 kWh; it bounces back to yesterday's total 17 s after midnight, for half a minute."""
    points: Points = []
    for day in range(count):
        start = day * DAY
        if day and bounce is not None:
            points += [(start, 0.0), (start + 17 / 60, bounce), (start + 48 / 60, 0.0)]
        points += rising(start if not day or bounce is None else start + 1, (day + 1) * DAY - 10)
    return points


def test_days_between_two_bounces_to_yesterdays_total_are_kept():
    found = curve(days(4, bounce=14.3))
    assert found.curve.energy_kwh[-1] == pytest.approx(4 * 14.3, abs=0.3)
    assert found.resets == 3
    assert found.dropped <= 6


def test_daily_counter_without_a_bounce_resets_every_midnight():
    found = curve(days(4, bounce=None))
    assert (found.resets, found.dropped, found.shifts) == (3, 0, 0)
    assert found.curve.energy_kwh[-1] == pytest.approx(4 * 14.3 + 3 * 0.1)  # what its last poll of a day did not see


def test_lifetime_counter_that_is_reset_for_good_goes_on_from_nothing():
    found = curve([*rising(0, DAY, level=500.0), *rising(DAY + 10, 3 * DAY, level=0.0)])
    assert (found.resets, found.dropped) == (1, 0)
    assert found.curve.energy_kwh[-1] == pytest.approx(14.4 + 28.7, abs=0.2)


def test_leap_that_is_undone_within_the_hour_is_a_glitch_though_it_rises():
    spike = rising(DAY + 10, DAY + 40, level=65000.0)
    found = curve([*rising(0, DAY, level=500.0), *spike, *rising(DAY + 50, 2 * DAY, level=514.9)])
    assert found.dropped == 4
    assert found.curve.energy_kwh[-1] == pytest.approx(14.9 + 13.9, abs=0.2)


def test_level_that_rises_for_hours_is_the_counter_and_its_leaps_are_unknown():
    other = rising(DAY + 10, DAY + 600, level=65000.0)
    found = curve([*rising(0, DAY, level=500.0), *other, *rising(DAY + 610, 2 * DAY, level=520.0)])
    assert (found.dropped, found.shifts) == (0, 2)
    assert found.curve.energy_kwh[-1] == pytest.approx(14.4 + 5.9 + 8.3, abs=0.2)


@pytest.mark.parametrize("poll", [0.0, -3461.0, 14.3e6])
def test_single_poll_far_off_is_left_out(poll: float):
    points = days(2, bounce=None)
    found = curve([*points[:100], (points[99][0] + 1, poll), *points[100:]])
    assert found.dropped == 1
    assert found.curve.energy_kwh[-1] == pytest.approx(2 * 14.3 + 0.1)


def test_total_kept_overnight_is_one_reset_in_the_morning():
    points = [*rising(300, 1200), *rising(DAY + 300, DAY + 1200)]
    found = curve(points)
    assert (found.resets, found.dropped) == (1, 0)
    assert found.curve.energy_kwh[-1] == pytest.approx(18.0)


def test_reset_to_what_was_counted_already_gives_no_energy_and_no_slot():
    """Today's total, shown two hours late: the counter went on at midnight and falls at two to what it says since."""
    late = [*rising(0, DAY + 120), *rising(DAY + 130, 2 * DAY, level=1.3)]
    found = curve(late)
    assert (found.resets, found.shifts) == (0, 1)
    assert found.curve.energy_kwh[-1] == pytest.approx(15.6 + 13.1, abs=0.2)


def test_flicker_of_the_last_digit_adds_nothing():
    steady = rising(0, 2 * DAY, level=12257.0)
    flickering = sorted([*steady, *((at + 4, round(value - 0.1, 3)) for at, value in steady[1:-1:5])])
    found = curve(flickering)
    assert found.lifted > 20
    assert (found.resets, found.shifts) == (0, 0)
    assert found.curve.energy_kwh[-1] == pytest.approx(28.8, abs=0.11)


def test_flicker_just_after_a_reset_is_no_second_reset():
    found = curve([*rising(0, 600), (610, 0.0), (620, 0.1), (625, 0.0), (630, 0.1), *rising(640, 900, level=0.2)])
    assert found.resets == 1
    assert found.curve.energy_kwh[-1] == pytest.approx(6.0 + 2.8 + 0.1)


def test_reset_of_a_dark_days_small_total_is_a_reset():
    found = curve([(600, 0.0), (700, 0.1), (800, 0.2), (DAY, 0.0), (DAY + 600, 0.1), (DAY + 700, 0.2)])
    assert found.resets == 1
    assert found.curve.energy_kwh[-1] == pytest.approx(0.4)
