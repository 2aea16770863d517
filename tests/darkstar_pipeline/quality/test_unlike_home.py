"""Readings that a home cannot have had, and those of homes that are only unusual."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from darkstar_pipeline.config.battery import BatterySettings
from darkstar_pipeline.quality.day_quality import grade_days
from darkstar_pipeline.quality.unlike_home import unlike_home
from env.time_grid import SLOT_DTYPE, grid

LONDON = "Europe/London"
START = datetime(2026, 1, 10, tzinfo=UTC)


def rows(values: Sequence[float], minutes: int, column: str = "load_kwh") -> pl.DataFrame:
    stamps = [START + timedelta(minutes=minutes * n) for n in range(len(values))]
    return pl.DataFrame(
        {
            "slot_start": pl.Series(stamps).cast(SLOT_DTYPE),
            "native_minutes": minutes,
            column: [float(v) for v in values],
        }
    )


def home(days: int, minutes: int) -> list[float]:
    """A home of 14.4 kWh a day with its evening."""
    per_hour = [0.4] * 16 + [1.2] * 6 + [0.4] * 2
    return [per_hour[n * minutes // 60 % 24] * minutes / 60 for n in range(days * 24 * 60 // minutes)]


def suspects(values: Sequence[float], minutes: int, column: str = "load_kwh") -> dict[int, str]:
    found = unlike_home(rows(values, minutes, column), column, LONDON)
    return {
        int((at - START) / timedelta(minutes=minutes)): reason
        for at, reason in zip(found["slot_start"], found["unlike"], strict=True)
    }


@pytest.mark.parametrize("minutes", [15, 60])
def test_total_of_the_day_before_at_midnight_is_refused_every_time(minutes: int):
    values = home(4, minutes)
    day = 24 * 60 // minutes
    total = sum(values[:day])
    for midnight in range(1, 4):
        values[midnight * day] += total
    found = suspects(values, minutes)
    assert list(found) == [day, 2 * day, 3 * day]
    assert all("total of the day before" in reason for reason in found.values())


def test_reading_many_times_the_homes_own_most_is_refused_with_its_slot():
    values = home(2, 15)
    values[70] = 9.0
    assert list(suspects(values, 15)) == [70]
    assert "36.0 kW" in suspects(values, 15)[70]


@pytest.mark.parametrize(
    "change",
    [
        dict.fromkeys(range(8, 20), 2.75),  # a car of 11 kW for three hours
        dict.fromkeys(range(8, 16), 5.5),  # a car of 22 kW for two hours
        {70: 2.25},  # a sauna
        dict.fromkeys(range(20, 32), 0.0),  # three hours without power
    ],
    ids=["car", "fast-car", "sauna", "blackout"],
)
def test_unusual_but_true_readings_stay(change: dict[int, float]):
    values = home(2, 15)
    for slot, value in change.items():
        values[slot] = value
    assert suspects(values, 15) == {}


@pytest.mark.parametrize("first", [22, 24, 25], ids=["before", "at", "after"])
def test_car_that_charges_for_two_hours_around_midnight_is_no_total_of_the_day_before(first: int):
    values = home(3, 60)
    for hour in (first, first + 1):
        values[hour + 24] += 13.8  # with the home's own use within 3 % of its day
    assert suspects(values, 60) == {}


def test_constant_load_stays():
    assert suspects([0.1] * 192, 15) == {}


def test_load_of_zero_all_day_stood_still_and_a_dark_day_of_pv_did_not():
    values = [*home(1, 15), *([0.0] * 96), *home(1, 15)]
    assert list(suspects(values, 15)) == list(range(96, 192))
    assert suspects(values, 15, "pv_kwh") == {}
    assert suspects(values, 15, "import_kwh") == {}


def test_load_that_stands_still_over_midnight_is_missing_on_both_days():
    values = home(2, 15)
    values[70:122] = [0.0] * 52  # 6.5 hours on either side
    assert list(suspects(values, 15)) == list(range(70, 122))


def test_load_that_stands_still_for_half_a_day_is_missing_where_it_is_else_never_zero():
    values = home(2, 15)
    values[100:150] = [0.0] * 50
    assert list(suspects(values, 15)) == list(range(100, 150))
    values[150:192:2] = [0.0] * 21  # this home's load is often zero
    assert suspects(values, 15) == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            dict.fromkeys(range(96, 192), 0.0),
            "96 slots unlike this home (first 2026-01-11 00:00 local: load_kwh is zero",
        ),
        (
            {96: 14.5},
            "1 slot unlike this home (first 2026-01-11 00:00 local: load_kwh 14.5 kWh is the total of the day",
        ),
        ({150: 9.0}, "1 slot unlike this home (first 2026-01-11 13:30 local: load_kwh 9.0 kWh is 36.0 kW, 30 times"),
    ],
    ids=["zero", "repeated", "many-times"],
)
def test_gate_names_the_hour_and_the_rule(change: dict[int, float], words: str):
    values = home(2, 15)
    for slot, value in change.items():
        values[slot] = value
    days = date(2026, 1, 10), date(2026, 1, 11)
    prices = grid(*days, LONDON).with_columns(
        price=0.5 + 0.001 * pl.int_range(pl.len()), raw_price=pl.lit(0.5), repaired=False, native_minutes=15
    )
    graded = grade_days(
        rows(values, 15).with_columns(pv_kwh=0.0),
        prices,
        pl.DataFrame(schema={"hour_start": SLOT_DTYPE, "quantity": pl.String, "energy_kwh": pl.Float64}),
        *days,
        LONDON,
        battery=BatterySettings().battery(),
        has_pv=True,
    )
    assert graded["status"].to_list() == ["clean", "exclude"]
    assert words in graded["reasons"][1]


def test_sun_around_midnight_is_refused_and_the_midnight_sun_is_not():
    day = [max(0.0, 1.5 - 0.2 * abs(12 - hour)) for hour in range(24)]
    values = day * 3
    values[24] = 1.2
    assert list(suspects(values, 60, "pv_kwh")) == [24]
    assert suspects([max(value, 0.1) for value in day * 3], 60, "pv_kwh") == {}


def test_day_of_sun_a_hundred_times_the_days_around_is_refused_and_a_sunny_one_after_snow_is_not():
    day = [max(0.0, 0.8 - 0.1 * abs(12 - hour)) for hour in range(24)]
    hundredfold = [*day, *(100 * value for value in day), *day]
    assert "kW" in next(iter(suspects(hundredfold, 60, "pv_kwh").values()))
    snow = [0.01 * value for value in day]
    assert suspects([*snow, *snow, *(12 * value for value in day)], 60, "pv_kwh") == {}
