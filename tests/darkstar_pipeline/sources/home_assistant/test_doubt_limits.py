"""The numbers by which powers are doubted and what a reset hid is told, each tried on both of its sides."""

import numpy as np
import pytest

from darkstar_pipeline.sources.home_assistant.counter_resets import at_odd_hours, unseen_before_resets
from darkstar_pipeline.sources.home_assistant.counters import counter_curve
from darkstar_pipeline.sources.home_assistant.doubted_powers import doubted_powers
from darkstar_pipeline.sources.home_assistant.energy_curve import Reals
from darkstar_pipeline.sources.home_assistant.power_sensors import power_curve
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject
from darkstar_pipeline.sources.home_assistant.sensor_remarks import night_remarks, outage_remarks
from darkstar_pipeline.sources.home_assistant.series import Kind, Series

POLLS = 864  # of five minutes, three days
NAN = float("nan")


def power(most: float, count: int = POLLS) -> Reals:
    """A power that is at its most in every seventh poll and some watts below it else, never twice the same."""
    return most - 0.001 * (np.arange(count) % 7).astype(np.float64)


def doubted(kw: Reals, *, every: float = 300, load: bool = False, pv: bool = False, since: float = 0.0) -> list[int]:
    found = doubted_powers(every * np.arange(len(kw), dtype=np.float64), kw, load=load, pv=pv, since=since)
    return np.flatnonzero(found).tolist()


def changed(kw: Reals, value: float, count: int, *, apart: int = 1, start: int = 320) -> tuple[Reals, list[int]]:
    """The same with so many polls of a value, or some watts beside it, and where they are."""
    places = [start + apart * n for n in range(count)]
    kw = kw.copy()
    kw[places] = value if value == 0 else value * (1 + 1e-6 * (np.arange(count) % 5))
    return kw, places


@pytest.mark.parametrize(
    ("value", "count", "found"), [(101, 6, True), (99, 6, False), (101, 17, True), (101, 18, False)]
)
def test_power_that_no_home_has_is_doubted_where_it_is_rare(value: float, count: int, *, found: bool):
    kw, places = changed(power(1.0), value, count)
    assert doubted(kw) == (places if found else [])


@pytest.mark.parametrize(
    ("own", "value", "count", "found"),
    [
        (1, 14.9, 1, False),
        (1, 15.1, 1, True),
        (6, 17.9, 1, False),
        (6, 18.1, 1, True),
        (10, 24.9, 1, False),
        (10, 25.1, 1, True),
        (20, 29.9, 1, False),
        (20, 30.1, 1, True),
        (1, 16, 3, True),
        (1, 16, 4, False),
    ],
)
def test_power_alone_is_far_above_the_rest_for_a_quarter_of_an_hour(
    own: float, value: float, count: int, *, found: bool
):
    kw, places = changed(power(own), value, count)
    assert doubted(kw) == (places if found else [])


@pytest.mark.parametrize(("count", "found"), [(8, True), (9, False)])
def test_power_of_one_hour_in_a_hundred_is_the_sensors_own(count: int, *, found: bool):
    kw, places = changed(power(1.0), 20, count, apart=10)
    assert doubted(kw) == (places if found else [])


@pytest.mark.parametrize(
    ("usual", "value", "count", "apart", "found"),
    [
        (0.3, 0.0, 12, 1, True),
        (0.3, 0.0, 13, 1, False),
        (0.3, 0.0, 1, 1, False),
        (0.3, 0.0, 2, 1, True),
        (0.3, 0.0049, 2, 1, True),
        (0.3, 0.0051, 2, 1, False),
        (0.3, 0.0, 29, 9, True),
        (0.3, 0.0, 30, 9, False),
        (0.054, 0.0, 2, 1, True),
        (0.052, 0.0, 2, 1, False),
    ],
)
def test_load_that_is_zero_for_a_moment(usual: float, value: float, count: int, apart: int, *, found: bool):
    """An hour at most, half a percent of the day's energy, 5 W, one in fifty and an hour, a home at 50 W."""
    kw, places = changed(power(usual), value, count, apart=apart, start=300)
    assert doubted(kw, load=True) == (places if found else [])
    assert doubted(kw) == []


@pytest.mark.parametrize(
    ("value", "count", "found"), [(-0.049, 60, False), (-0.051, 60, True), (-1, 1, False), (-1, 2, True)]
)
def test_power_that_may_not_be_negative_is_so_by_more_than_standby(value: float, count: int, *, found: bool):
    kw, places = changed(power(1.0), value, count)
    assert doubted(kw, pv=True) == (places if found else [])
    assert doubted(kw) == []


@pytest.mark.parametrize(
    ("share", "count", "every", "found"),
    [
        (0.5, 3, 900, False),
        (0.5, 4, 225, True),
        (0.5, 4, 224, False),
        (0.989, 12, 300, True),
        (0.991, 12, 300, False),
    ],
)
def test_power_that_sticks_repeats_four_times_and_for_a_quarter_of_an_hour(
    share: float, count: int, every: float, *, found: bool
):
    """What a sensor shows at its most may be a limit."""
    kw = power(1.0)
    kw[400 : 400 + count] = share
    assert doubted(kw, every=every) == (list(range(401, 400 + count)) if found else [])


def test_power_is_judged_by_forty_readings_and_from_an_instant_on():
    for count, found in ((39, []), (40, [20])):
        kw = power(1.0, count)
        kw[20] = -1
        assert doubted(kw, pv=True) == found
    kw, places = changed(power(1.0), 20, 1)
    assert doubted(kw, since=300.0 * places[0]) == places
    assert doubted(kw, since=300.0 * places[0] + 1) == []


@pytest.mark.parametrize(("gap", "found"), [(450, False), (451, True)])
@pytest.mark.parametrize(("equal", "enough"), [(12, False), (13, True)])
def test_poll_is_lost_after_half_as_long_again_where_equal_ones_are_recorded(
    gap: float, equal: int, *, found: bool, enough: bool
):
    kw: Reals = 0.3 + 0.3 * (np.arange(POLLS) % 7).astype(np.float64)
    for place in range(equal):
        kw[20 * place + 1] = kw[20 * place]
    held = np.full(POLLS, 300.0)
    held[400:420] = gap
    seconds = np.append(0.0, np.cumsum(held[:-1]))
    places = np.flatnonzero(doubted_powers(seconds, kw, load=False, pv=True)).tolist()
    assert places == (list(range(400, 420)) if found and enough else [])


def test_doubted_power_is_held_and_not_covered():
    found = power_curve(300.0 * np.arange(3.0), np.full(3, 1.2), until=900, doubted=np.array([False, True, False]))
    assert found.covered_s.tolist() == [0, 300, 300, 300, 300, 600]
    assert found.energy_kwh.tolist() == pytest.approx([0, 0.1, 0.1, 0.2, 0.2, 0.3])


@pytest.mark.parametrize(("length", "count"), [(900, 0), (901, 2), (3600, 4)])
def test_outage_is_remarked_where_it_is_longer_than_a_power_is_held(length: float, count: int):
    seconds, kw = np.array([0.0, 900.0, 900.0 + length, 9000.0]), np.array([1.0, NAN, 1.0, 1.0])
    (found,) = outage_remarks(seconds, kw, "sensor.a", "load_kwh", "UTC", until=9000)
    assert found["readings"].sum() == count


def test_outage_at_the_end_lasts_as_long_as_the_recording():
    (found,) = outage_remarks(np.array([0.0, 900.0]), np.array([1.0, NAN]), "sensor.a", "load_kwh", "UTC", until=2700)
    assert found["readings"].to_list() == [2]


def test_night_is_remarked_where_the_sensor_said_nothing():
    recorded = Series(
        entity="sensor.pv",
        subject=Subject.PV,
        kind=Kind.POWER,
        unit="kW",
        seconds=900.0 * np.array([4, 5, 6, 7.0]),
        values=np.array([NAN, 1.0, 0.0, 1.0]),
    )
    (found,) = night_remarks(recorded, 900.0 * np.arange(3.0, 8), np.array([0.0, 0, 1, 0, 1]), "pv_kwh", "UTC")
    assert found["readings"].to_list() == [2]
    assert found["last_slot"].dt.epoch("s").to_list() == [3600]


def reset_after(
    gap: float,
    *,
    after: float = 0.2,
    usual: float = 0.01,
    still: float = 0.0,
    always: bool = False,
    counted: float = 0.0,
) -> tuple[float, bool]:
    """What flowed before a reset by 0.2 kWh in ten minutes before it, and whether nobody can tell."""
    before = [(600.0 * n, 0.2 * n) for n in range(40)]
    if still:
        before.append((before[-1][0] + still, before[-1][1]))
    at = before[-1][0] + gap
    points = [*before, *((at + 600.0 * n, counted + after * n) for n in range(40))]
    seconds, level = (np.array(column, float) for column in zip(*points, strict=True))
    reset = np.arange(len(points) - 1) == len(before) - 1
    unseen, untold = unseen_before_resets(seconds, level, reset, usual, 3.0, always=always)
    assert np.flatnonzero(untold).tolist() in ([], list(range(39, len(before))))
    return round(float(unseen.sum()), 6), bool(untold.any())


@pytest.mark.parametrize(
    ("after", "usual", "told"), [(0.35, 0.01, 0.1375), (0.36, 0.01, None), (0.36, 0.05, 0.14), (0.4, 0.05, 0.15)]
)
def test_what_flowed_before_a_reset_is_told_within_half_a_percent_of_the_day(
    after: float, usual: float, told: float | None
):
    """7.8 kWh were counted: 0.039 kWh, or a step of the counter, is half of the difference in five minutes."""
    assert reset_after(300, after=after, usual=usual) == (told or 0.0, told is None)


def test_what_flowed_before_a_reset_is_less_what_the_counter_shows_of_it():
    assert reset_after(300, counted=0.04) == (0.06, False)
    assert reset_after(300, counted=0.2) == (0.0, False)


@pytest.mark.parametrize(
    ("gap", "always", "told"),
    [(900, False, 0.3), (901, False, None), (3900, False, None), (3901, False, 0.0), (3901, True, None)],
)
def test_reset_hides_much_after_a_quarter_of_an_hour_and_lasts_an_hour(gap: float, *, always: bool, told: float | None):
    """What rests for more than 65 minutes was at rest; a load never is."""
    assert reset_after(gap, always=always) == (told or 0.0, told is None)


@pytest.mark.parametrize(("still", "told"), [(700, 0.11), (730, None)])
def test_load_that_stands_still_before_a_reset_is_told_for_half_as_long_again_as_it_usually_does(
    still: float, told: float | None
):
    assert reset_after(300, still=still, always=True) == (told or 0.0, told is None)


def odd_resets(hours: list[float]) -> list[float]:
    """The resets at odd times, in hours."""
    at = np.array([-60.0, *(3600 * hour for hour in hours)]) + 86_400 * 100
    found = at_odd_hours(at, np.ones(len(hours), dtype=np.bool_))
    return [hour for hour, odd in zip(hours, found, strict=True) if odd]


@pytest.mark.parametrize(
    ("hours", "odd"),
    [
        ([0, 36], []),
        ([0, 24, 60], [60]),
        ([0, 24, 48 + 65 / 60], []),
        ([0, 24, 48 + 66 / 60], [48 + 66 / 60]),
        ([0, 24, 71.5], []),
        ([0, 6, 24, 30], []),
        ([0, 5.9, 24, 29.9], [5.9, 29.9]),
        ([*range(0, 432, 24), 444, 468], []),
        ([*range(0, 456, 24), 468, 492], [468, 492]),
    ],
)
def test_reset_is_odd_at_another_hour_or_soon_after_one(hours: list[float], odd: list[float]):
    """65 minutes, six hours, three resets at least, one in twenty at the same hour."""
    assert odd_resets(hours) == odd


@pytest.mark.parametrize(
    ("step", "smooth", "until", "held"),
    [
        (0.03, True, 450, True),
        (0.03, True, 451, False),
        (0.03, False, 3900, False),
        (0.03, False, 300, True),
        (0.026, True, 450, True),
        (0.024, True, 3900, False),
        (0.024, True, 300, True),
    ],
)
def test_counter_of_the_sun_that_was_rising_fast_broke_off(step: float, until: float, *, smooth: bool, held: bool):
    """A tenth of 3 kW is 0.025 kWh in five minutes: held for 1.5 of its intervals, else as long as it was quiet."""
    seconds = 300.0 * np.arange(25.0)
    end = 7200.0 + until
    found = counter_curve(seconds, step * np.arange(25.0), until=end, smooth=smooth)
    assert found.curve.seconds[-1] == (end if held else 7200)


@pytest.mark.parametrize(("quiet", "stuck"), [(3900, 0), (4200, 14)])
def test_load_that_ends_with_one_value_for_more_than_65_minutes_is_stuck(quiet: float, stuck: int):
    values = 0.02 * np.minimum(np.arange(25.0 + quiet / 300), 24.0)
    seconds = 300.0 * np.arange(float(len(values)))
    assert counter_curve(seconds, values, always=True).shifts == stuck
    assert counter_curve(seconds, values).shifts == 0
