"""Nights of PV inverters: silent or unavailable in the dark they give nothing; a day that is lost is no night."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from darkstar_pipeline.sources.home_assistant.nights import with_nights
from darkstar_pipeline.sources.home_assistant.power_sensors import power_curve

ZONE = "Europe/Berlin"
NAN = float("nan")


def energy(states: Sequence[tuple[float, float]], day: datetime, hours: float = 24.0) -> dict[int, float]:
    """Energy by slot of a day's PV states given as (local hours, kW)."""
    start = day.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC).timestamp()
    at, power = (np.array(column, float) for column in zip(*states, strict=True))
    until = start + 3600 * hours
    seconds, values, _ = with_nights(start + 3600 * at, power, ZONE, until=until)
    frame = power_curve(seconds, values, until=until).slots("kwh")
    return {
        int((second - start) // 900): value
        for second, value in zip(frame["slot_start"].dt.epoch("s"), frame["kwh"], strict=True)
        if second >= start
    }


def sunny(first: float = 6.0, last: float = 20.0, edge: float = 0.01) -> list[tuple[float, float]]:
    """A day's states every five minutes, from dawn to dusk."""
    hours = np.arange(first, last, 1 / 12)
    return [(float(h), max(edge, 5 * float(np.sin(np.pi * (h - first) / (last - first))))) for h in hours]


SUMMER = datetime(2026, 6, 3)  # noqa: DTZ001 - a local day


@pytest.mark.parametrize("asleep", [[(0.0, NAN)], []], ids=["unavailable", "silent"])
def test_night_is_zero_and_the_day_complete(asleep: list[tuple[float, float]]):
    end = [(20.0, NAN)] if asleep else []
    found = energy([*asleep, *sunny(), *end] if asleep else [(0.0, 0.0), *sunny()], SUMMER)
    assert len(found) == 96
    assert sum(found.values()) == pytest.approx(sum(power for _, power in sunny()) / 12, rel=0.01)


@pytest.mark.parametrize(("day", "hours"), [(datetime(2026, 3, 29), 23), (datetime(2026, 10, 25), 25)])  # noqa: DTZ001
def test_nights_of_days_with_a_clock_change(day: datetime, hours: int):
    shifted = [(at + hours - 24, power) for at, power in sunny()]
    assert len(energy([(0.0, NAN), *shifted, (20.0 + hours - 24, NAN)], day, hours)) == 4 * hours


def test_afternoon_that_is_lost_stays_missing():
    states = sunny()
    lost = [*(state for state in states if state[0] < 13), (13.0, NAN), *(state for state in states if state[0] >= 16)]
    found = energy([(0.0, NAN), *lost, (20.0, NAN)], SUMMER)
    assert set(range(53, 64)).isdisjoint(found)
    assert 96 - 13 <= len(found) <= 96 - 11


def test_silence_from_noon_to_noon_is_no_night():
    states = [(0.0, NAN), *(state for state in sunny() if state[0] < 13), (13.0, NAN)]
    found = energy(states, SUMMER)
    assert max(found) == 52


MIDNIGHT = datetime(2026, 6, 2, 22, tzinfo=UTC).timestamp()
EVENING = [(18.0, 3.0), (19.0, 2.0), (20.0, 0.0)]
MORNING = [(30.0, 0.0), (31.0, 1.0), (32.0, 3.0)]


def slept(states: Sequence[tuple[float, float]], until: float) -> tuple[list[tuple[float, float]], int]:
    """Local hours and powers after the nights were filled, and their number."""
    at, power = (np.array(column, float) for column in zip(*states, strict=True))
    seconds, values, nights = with_nights(MIDNIGHT + 3600 * at, power, ZONE, until=MIDNIGHT + 3600 * until)
    return [(float(s - MIDNIGHT) / 3600, float(v)) for s, v in zip(seconds, values, strict=True)], nights


@pytest.mark.parametrize("asleep", [[], [(20.1, NAN)], [(20.1, NAN), (25.0, NAN)]])
def test_zero_begins_a_quarter_of_an_hour_after_the_last_value(asleep: list[tuple[float, float]]):
    assert slept([*EVENING, *asleep, *MORNING], 32) == ([*EVENING, (20.25, 0.0), *MORNING], 1)


def test_zero_begins_after_the_very_first_value_too():
    assert slept([(20.0, 0.0), *MORNING], 32) == ([(20.0, 0.0), (20.25, 0.0), *MORNING], 1)


@pytest.mark.parametrize("end", [24.0, 24.5])
def test_recording_that_ends_at_night_ends_in_zero(end: float):
    """Also where its last state is `unavailable` in the very second at which the recording ends."""
    assert slept([*EVENING, (20.1, NAN), (24.0, NAN)], end) == ([*EVENING, (20.25, 0.0)], 1)


def test_recording_that_ends_unavailable_by_day_has_no_night():
    states = [(9.0, 0.0), (10.0, 3.0), (12.0, 2.0), (13.0, NAN)]
    assert slept(states, 14)[0][-1][0] == 13.0
    assert slept(states, 14)[1] == 0
    earlier = [*EVENING, *MORNING, (33.0, 3.0), (34.0, NAN)]
    found, nights = slept(earlier, 34.5)
    assert (found[-1][0], nights) == (34.0, 1)


def test_recording_that_begins_at_night_begins_with_zero():
    found, nights = slept([(3.0, NAN), (6.0, 0.0), (7.0, 1.0), (8.0, 3.0)], 8)
    assert (found, nights) == ([(3.0, 0.0), (6.0, 0.0), (7.0, 1.0), (8.0, 3.0)], 1)


@pytest.mark.parametrize(
    ("first", "last", "nights"),
    [(5.0, 21.5, 0), (4.0, 21.9, 0), (4.0, 22.0, 1), (3.9, 21.5, 1), (12.0, 22.1, 1), (0.2, 12.0, 1), (23.5, 24.5, 1)],
)
def test_night_touches_the_hours_around_midnight(first: float, last: float, nights: int):
    """A stretch from 22 to 4 o'clock at least in part; `first` and `last` are its ends in local hours."""
    gap = (first, last) if first < last else (last - 24, first)
    states = [(gap[0] - 2, 3.0), (gap[0] - 1, 3.0), (gap[0], 0.0), (gap[1], 0.0), (gap[1] + 1, 3.0)]
    assert slept(states, gap[1] + 1)[1] == nights


@pytest.mark.parametrize(
    ("dusk", "length", "nights"), [(0.15, 9.0, 1), (0.16, 9.0, 0), (0.0, 20.0, 1), (0.0, 20.1, 0), (0.0, 0.25, 0)]
)
def test_night_is_dark_at_both_ends_and_of_twenty_hours_at_most(dusk: float, length: float, nights: int):
    """A twentieth of the usual most, here 3 kW, is next to nothing."""
    begin = 22.5 if length < 20 else 15.0
    most = [(begin - 3 + n / 60, 3.0) for n in range(120)]
    for before, after in ((dusk, 0.0), (0.0, dusk)):
        states = [*most, (begin, before), (begin + length, after)]
        assert slept(states, begin + length)[1] == nights
