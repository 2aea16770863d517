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
