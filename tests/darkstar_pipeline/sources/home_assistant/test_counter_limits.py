"""The numbers by which a counter's readings are judged, each tried on both of its sides."""

import numpy as np
import pytest

from darkstar_pipeline.sources.home_assistant.counter_glitches import Link, own_most_kw, usual_step, without_glitches
from darkstar_pipeline.sources.home_assistant.counters import CounterCurve, counter_curve

Points = list[tuple[float, float]]


def rising(start: float, end: float, *, level: float = 0.0, step: float = 0.01, every: float = 300) -> Points:
    """Readings (seconds, kWh) that rise evenly, both ends among them."""
    count = round((end - start) / every)
    return [(start + every * n, round(level + step * n, 6)) for n in range(count + 1)]


def after(points: Points, silence: float, rise: float, *, step: float = 0.01) -> Points:
    """The same counter, silent for some seconds in which it rose by some kWh, and an hour more."""
    at, level = points[-1]
    return [*points, *rising(at + silence, at + silence + 3600, level=level + rise, step=step)]


def counted(points: Points, until: float | None = None) -> CounterCurve:
    seconds, values = (np.array(column, float) for column in zip(*points, strict=True))
    return counter_curve(seconds, values, until=until)


HOURS = rising(0, 7200)
COARSE = rising(0, 14400, step=0.1, every=1200)


@pytest.mark.parametrize(
    ("points", "silence", "rise", "lost"),
    [
        (HOURS, 3900, 0.5, False),
        (HOURS, 3901, 0.5, True),
        (HOURS, 3901, 0.09, False),
        (HOURS, 3901, 0.11, True),
        (HOURS, 36_000, 0.49, False),
        (HOURS, 36_000, 0.51, True),
        (COARSE, 4000, 0.29, False),
        (COARSE, 4000, 0.31, True),
    ],
)
def test_long_silence_is_quiet_where_little_flowed(points: Points, silence: float, rise: float, *, lost: bool):
    """65 minutes; 0.1 kWh, 50 W, three steps of the counter."""
    found = counted(after(points, silence, rise, step=points[1][1]))
    total = points[-1][1] + points[1][1] * round(3600 / 300) + (0 if lost else rise)
    assert found.lost_kwh == pytest.approx(rise if lost else 0)
    assert found.curve.energy_kwh[-1] == pytest.approx(total)
    assert found.curve.covered_s[-1] == pytest.approx(points[-1][0] + 3600 + (0 if lost else silence))
    assert found.quiet_s == (max(300.0, points[1][0]) if lost else silence)


@pytest.mark.parametrize(("rise", "shifts"), [(1.27, 0), (1.29, 1)])
def test_step_of_five_times_the_own_most_is_no_consumption(rise: float, shifts: int):
    """The own most is 3 kW at least: 1.25 kWh in five minutes, and three usual steps."""
    found = counted(after(rising(0, 36_000), 300, rise))
    assert found.shifts == shifts
    assert found.curve.energy_kwh[-1] == pytest.approx(1.2 + 0.12 + (0 if shifts else rise))


@pytest.mark.parametrize(("until", "held"), [(7500, True), (7501, False), (7200, False), (7199, False)])
def test_end_is_held_as_long_as_it_was_quiet_before(until: float, *, held: bool):
    found = counted(HOURS, until)
    assert found.curve.seconds[-1] == (until if held else 7200)
    assert found.curve.covered_s[-1] == (until if held else 7200)
    assert found.curve.energy_kwh[-1] == pytest.approx(0.24)


def test_usual_step_is_the_smallest_that_is_common():
    assert usual_step(np.array([0, 1e-7, 2e-7])) == 0
    assert usual_step(np.array([1.0])) == 0
    assert usual_step(np.cumsum([0, *[0.1] * 5, *[1.0] * 45])) == pytest.approx(0.91)
    assert usual_step(np.cumsum([0, *[0.1] * 6, *[1.0] * 44])) == pytest.approx(0.1)
    assert usual_step(np.cumsum([0, *[0.1] * 2, *[1.0] * 48])) == pytest.approx(1.0)


def test_own_most_is_exceeded_in_a_hundredth_of_the_time():
    def most(kw: list[float]) -> float:
        return own_most_kw(np.arange(0, 3600.0 * (len(kw) + 1), 3600.0), np.cumsum([0.0, *kw]))

    assert most([0.0]) == 3
    assert most([1.0] * 100) == 3
    assert most([4.0] * 98 + [20.0] * 2) == 20
    assert most([4.0] * 99 + [20.0]) == 4
    assert most([60.0] * 10) == 50


@pytest.mark.parametrize(
    ("last", "link", "gained"), [(0.5, Link.RESET, 0.51), (0.54, Link.RESET, 0.55), (0.56, Link.SHIFT, 0.01)]
)
def test_fall_is_a_reset_where_its_new_level_can_have_been_counted(last: float, link: Link, gained: float):
    """At most twice the own most in the time, here 0.5 kWh, and 0.05 kWh."""
    points = [*rising(0, 3000, level=9.9), (3300.0, last), (3600.0, last + 0.01)]
    seconds, values = (np.array(column, float) for column in zip(*points, strict=True))
    clean = without_glitches(seconds, values, 0.01, 3.0)
    assert clean.links.tolist() == [Link.NORMAL] * 10 + [link, Link.NORMAL]
    assert counted(points).curve.energy_kwh[-1] == pytest.approx(0.1 + gained)


@pytest.mark.parametrize(("fall", "lifted", "breaks"), [(0.03, 3, 0), (0.032, 0, 1)])
def test_fall_within_three_usual_steps_is_noise_and_held(fall: float, lifted: int, breaks: int):
    low = rising(6300, 9900, level=50.2 - fall)
    found = counted([*rising(0, 6000, level=50), *low])
    assert (found.lifted, found.resets + found.shifts) == (lifted, breaks)
    assert found.curve.energy_kwh[-1] == pytest.approx(0.2 + 0.12 - (0 if breaks else fall))


@pytest.mark.parametrize(("back_s", "dropped", "breaks"), [(4500, 3, 0), (4800, 0, 2)])
def test_dip_is_back_within_an_hour_and_a_quarter(back_s: float, dropped: int, breaks: int):
    """It is a glitch; what comes later is a reset and another level."""
    old = rising(0, 6000, level=50)
    low = [(6000 + back_s * share, 0.001 * share) for share in (0.1, 0.5, 0.9)]
    found = counted([*old, *low, *rising(6000 + back_s, 12_000 + back_s, level=old[-1][1])])
    assert (found.dropped, found.resets + found.shifts) == (dropped, breaks)


@pytest.mark.parametrize(("count", "breaks"), [(6, False), (7, True)])
def test_glitches_in_a_row_are_dropped_up_to_six(count: int, *, breaks: bool):
    """Each of another level, so that none of them continues another."""
    wild = [(300.0 * (n + 1) + 6000, 1000.0 * (n + 1) * (-1) ** n) for n in range(count)]
    old = rising(0, 6000, level=50)
    points = [*old, *wild, *rising(6000 + 300 * (count + 1), 14_000, level=old[-1][1])]
    assert (counted(points).shifts > 0) == breaks


def test_level_that_rises_for_more_than_an_hour_is_never_a_glitch():
    old = rising(0, 6000, level=50)
    for length, dropped in ((3600.0, 3), (3601.0, 0)):
        away = [(6300.0, 500.0), (8000.0, 500.0), (6300 + length, 500.01)]
        back = rising(6600 + length, 20_000 + length, level=old[-1][1])
        assert counted([*old, *away, *back]).dropped == dropped, length


@pytest.mark.parametrize(("days", "missing"), [(1.9, False), (2.1, True)])
def test_energy_before_a_reset_is_missed_where_resets_are_rare(days: float, *, missing: bool):
    """A counter that is reset more often than every three days always loses some; a rare reset leaves its slot out."""
    points = [(600.0 * n, 0.3 * n) for n in range(round(144 * days) + 1)]
    at, level = points[-1]
    more = [(at + 600 * (n + 1), 0.3 * n) for n in range(144)]
    found = counted([*points, *more])
    assert found.resets == 1
    assert found.shifts == int(missing)
    assert found.unseen_kwh == pytest.approx(0.0 if missing else 0.3)
    assert found.curve.energy_kwh[-1] == pytest.approx(level + 0.3 * 143 + found.unseen_kwh)


def test_energy_before_a_reset_is_told_by_what_flowed_on_both_sides():
    """0.2 kWh in ten minutes before, 0.4 in twenty after: 0.1 in the five between, of which the counter shows 0.04."""
    before = [(600.0 * n, 0.2 * n) for n in range(40)]
    at = before[-1][0] + 300
    after_reset = [(at + 1200 * n, 0.04 + 0.4 * n) for n in range(40)]
    found = counted([*before, *after_reset])
    assert (found.resets, found.shifts) == (1, 0)
    assert found.unseen_kwh == pytest.approx(0.06)
