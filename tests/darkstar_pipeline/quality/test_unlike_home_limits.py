"""The numbers by which a reading is one that a home cannot have had, each tried on both of its sides."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from darkstar_pipeline.quality.unlike_home import unlike_home
from env.time_grid import SLOT_DTYPE

START = datetime(2026, 1, 10, tzinfo=UTC)


def suspects(values: Sequence[float | None], minutes: int = 60, column: str = "load_kwh") -> dict[int, str]:
    """Positions of the readings that are not believed, with the reason, in a home on UTC."""
    stamps = pl.Series([START + timedelta(minutes=minutes * n) for n in range(len(values))]).cast(SLOT_DTYPE)
    frame = pl.DataFrame({"slot_start": stamps, "native_minutes": minutes, column: pl.Series(values, dtype=pl.Float64)})
    found = unlike_home(frame.drop_nulls(column), column, "UTC")
    return {
        round((at - START) / timedelta(minutes=minutes)): str(reason)
        for at, reason in zip(found["slot_start"], found["unlike"], strict=True)
    }


def hours(usual: float, changes: Mapping[int, float | None], days: int = 2) -> list[float | None]:
    """A home that uses as much every hour, but for some of them."""
    return [changes.get(n, usual) for n in range(24 * days)]


@pytest.mark.parametrize(
    ("usual", "changes", "found"),
    [
        (0.5, {24: 12.85}, [24]),
        (0.5, {24: 12.87}, []),
        (0.5, {24: 11.15}, [24]),
        (0.5, {24: 11.13}, []),
        (0.5, {26: 12.0}, [26]),
        (0.5, {27: 12.0}, []),
        (0.5, {45: 12.0}, [45]),
        (0.5, {44: 12.0}, []),
        (0.5, {24: 12.0, 25: 1.6}, []),
        (0.5, {24: 12.0, 25: 1.5}, [24]),
        (0.5, {25: 12.0, 24: 1.6}, []),
        (0.084, {24: 2.016}, [24]),
        (0.083, {24: 2.0}, []),
        (0.5, {10: None, 11: None, 24: 11.0}, [24]),
        (0.5, {9: None, 10: None, 11: None, 24: 10.5}, []),
        (0.5, {12: 13.0, 24: 11.5}, [24]),
    ],
)
def test_total_of_the_day_before(usual: float, changes: dict[int, float | None], found: list[int]):
    """3 % and an hour's use beside the total, three hours about midnight, alone, 2 kWh, a day of 22 hours.

    The last: a reading that is no ordinary one is no part of the total.
    """
    assert list(suspects(hours(usual, changes))) == found
    assert list(suspects(hours(usual, changes), column="import_kwh")) == found


@pytest.mark.parametrize(("usual", "found"), [(0.79, [24]), (0.81, [])])
def test_total_is_three_times_what_is_usual_that_day(usual: float, found: list[int]):
    assert list(suspects([*[0.1] * 24, 2.4, *[usual] * 23])) == found


@pytest.mark.parametrize(
    ("usual", "changes", "found"),
    [
        (0.5, {12: 15.1}, [12]),
        (0.5, {12: 15.0}, []),
        (2.0, {12: 16.1}, [12]),
        (2.0, {12: 16.0}, []),
        (0.5, {12: 20.0, 13: 20.0}, []),
        (0.5, {12: 20.0, 14: 20.0}, [12, 14]),
    ],
)
def test_reading_many_times_what_is_usual(usual: float, changes: dict[int, float | None], found: list[int]):
    assert list(suspects(hours(usual, changes))) == found
    assert all(" times what is usual that day" in reason for reason in suspects(hours(usual, changes)).values())


@pytest.mark.parametrize(("count", "found"), [(4, [30, 31, 32, 33]), (5, [])])
def test_readings_of_an_hour_at_most(count: int, found: list[int]):
    values = [0.125] * 96
    values[30 : 30 + count] = [5.0] * count
    assert list(suspects(values, 15)) == found
    assert (
        suspects([0.5] * 12 + [20.0] + [0.5] * 11)[12]
        == "load_kwh 20.0 kWh is 20.0 kW, 40 times what is usual that day"
    )


@pytest.mark.parametrize(
    ("zeros", "found"), [(range(6, 18), 12), (range(6, 17), 0), (range(24), 24), (range(18, 30), 12), (range(0), 0)]
)
def test_load_stands_still_for_twelve_hours(zeros: range, found: int):
    values = hours(0.5, dict.fromkeys(zeros, 0.0))
    assert len(suspects(values)) == found
    assert not suspects(values, column="pv_kwh")


@pytest.mark.parametrize(("load", "found"), [(0.0049, 24), (0.0051, 0)])
def test_load_of_less_than_five_watts_is_none(load: float, found: int):
    values = [load] * 24 + [0.5] * 24
    assert len(suspects(values)) == found
    assert all("all day" in reason for reason in suspects(values).values())


@pytest.mark.parametrize(("rows", "found"), [(22, 22), (21, 0)])
def test_day_without_load_has_twenty_two_hours(rows: int, found: int):
    assert len(suspects([0.0] * rows)) == found


@pytest.mark.parametrize(("others", "found"), [(0, 48), (1, 0)])
def test_home_that_is_often_at_zero_does_not_stand_still(others: int, found: int):
    """One zero in fifty elsewhere on the day is often."""
    values: list[float | None] = [0.1] * 96
    values[20:68] = [0.0] * 48
    values[90 : 90 + others] = [0.0] * others
    assert len(suspects(values, 15)) == found


def test_what_was_not_read_is_not_judged():
    assert suspects([0.5] * 5 + [float("nan"), float("inf")] + [0.5] * 17) == {}


def test_hours_without_use_say_nothing_of_what_is_usual():
    values: list[float | None] = [0.0] * 24
    values[10], values[12] = 16.0, 16.0
    assert suspects(values, column="import_kwh") == {}
    assert list(suspects([0.0] * 12 + [1.5] * 9 + [16.0, 0.0, 0.0], column="import_kwh")) == [21]


@pytest.mark.parametrize(
    ("usual", "changes", "found"),
    [
        (5.0, {12: 30.1}, [12]),
        (5.0, {12: 29.9}, []),
        (11.0, {12: 33.1}, [12]),
        (11.0, {12: 32.9}, []),
        (5.0, {12: 31.0, 13: 31.0}, []),
        (5.0, {12: 44.9, 13: 44.9}, []),
        (5.0, {12: 45.1, 13: 45.1}, [12, 13]),
        (5.7, {12: 45.1, 13: 45.1}, []),
    ],
)
def test_reading_above_thirty_kilowatts_is_three_times_what_is_usual(
    usual: float, changes: dict[int, float | None], found: list[int]
):
    """For an hour; eight times above 45 kW."""
    for column in ("load_kwh", "import_kwh"):
        assert list(suspects(hours(usual, changes), column=column)) == found


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([20.0, 20.0], False),
        ([20.0, 14.1 + 1], False),
        ([22.0, 15.5], False),
        ([22.0, 15.3], True),
        ([19.9, 20.0, 20.0, 20.0, 20.0, 20.0], False),
        ([20.1, 20.0, 20.0, 20.0, 20.0, 20.0], True),
    ],
)
def test_car_charges_evenly_and_no_more_than_its_battery_holds(values: list[float], *, found: bool):
    """Within 30 %, 120 kWh; what is not the load may be anything."""
    changes: dict[int, float | None] = dict(enumerate(values, start=24 + 10))
    day = hours(0.5, changes, days=3)
    assert list(suspects(day)) == (list(changes) if found else [])
    assert not suspects(day, column="export_kwh")


@pytest.mark.parametrize(
    ("hour", "value", "found"),
    [
        (23, 0.61, True),
        (23, 0.59, False),
        (0, 0.61, True),
        (2, 0.61, True),
        (3, 0.61, False),
        (22, 0.61, False),
    ],
)
def test_sun_does_not_shine_around_midnight(hour: int, value: float, *, found: bool):
    """A fifth of what it is at its best, here 3 kW."""
    day = hours(0.0, dict(enumerate([3.0 - 0.001 * n for n in range(8)], start=8)), days=1)
    day[8:10] = [3.0, 3.0]
    day[hour] = value
    assert list(suspects(day, column="pv_kwh")) == ([hour] if found else [])
    assert not any("midnight" in reason for reason in suspects(day, column="export_kwh").values())
    part = [*day[:12], None, None, None, *day[15:]]
    assert list(suspects(part, column="pv_kwh")) == []


@pytest.mark.parametrize(("value", "found"), [(0.51, True), (0.49, False)])
def test_half_a_kilowatt_in_the_dark_is_nothing_of_the_sun(value: float, *, found: bool):
    day = hours(0.0, dict(enumerate([1.0 + 0.01 * n for n in range(8)], start=8)), days=1)
    day[1] = value
    assert list(suspects(day, column="pv_kwh")) == ([1] if found else [])


def test_stretch_that_no_home_has_is_told_in_words():
    steady = [1 + 0.01 * (n % 7) for n in range(72)]
    stuck = [*steady[:30], *[1.5] * 5, *steady[35:]]
    assert set(suspects(stuck).values()) == {"load_kwh repeats one value for hours: its sensor stuck"}
    assert list(suspects(stuck, column="import_kwh")) == [31, 32, 33, 34]
    assert suspects(stuck, column="batt_charge_kwh") == {}
    low = [*steady[:30], *[0.1, 0.11, 0.1, 0.11], *steady[34:]]
    assert set(suspects(low).values()) == {"load_kwh is below what this home needs to stand by"}
    assert suspects(low, column="import_kwh") == {}
    later = [*steady[:30], 0.0, 0.0, 3.0, *steady[33:]]
    assert list(suspects(later)) == [30, 31, 32]
    tenfold = [*steady[:24], *(10 * value for value in steady[24:48]), *steady[48:]]
    (reason,) = set(suspects(tenfold).values())
    assert "load_kwh is a power of ten times that of the days beside it all day" in reason
    assert list(suspects(tenfold)) == list(range(24, 48))
