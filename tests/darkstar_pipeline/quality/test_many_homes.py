"""Homes are graded together as each is alone, bit for bit, whatever is wrong with it or its neighbours."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkstar_pipeline.datasets.past_readings import usable_readings
from darkstar_pipeline.quality.bad_hours import compared_hours
from darkstar_pipeline.quality.day_issues import battery_balance
from darkstar_pipeline.quality.day_quality import grade_days, grade_homes
from darkstar_pipeline.quality.graded_homes import facts_of
from env.time_grid import grid
from tests.builders.faulty_homes import FaultyHomes, faulty_homes

SPRING, AUTUMN, PLAIN = date(2026, 3, 29), date(2025, 10, 26), date(2026, 1, 15)
WORDS = (
    "missing", "refused at import", "altered at import", "unlike this home", "state of charge impossible", "bad core",
    "prices missing", "prices all zero", "bad battery readings", "does not balance",
)  # fmt: skip
RULES = (
    "sensor stuck",
    "stand by",
    "counted later",
    "power of ten",
    "day before",
    "usual that day",
    "midnight",
    "stood still",
)


def together(made: FaultyHomes, first: date, last: date, timezone: str) -> pl.DataFrame:
    return grade_homes(
        made.readings, made.prices, made.statistics, first, last, timezone, homes=made.homes, remarks=made.remarks
    )


def alone(made: FaultyHomes, name: str, first: date, last: date, timezone: str) -> pl.DataFrame:
    readings, prices, statistics, remarks = (
        table.filter(pl.col("site") == name).drop("site")
        for table in (made.readings, made.prices, made.statistics, made.remarks)
    )
    home = made.homes[name]
    return grade_days(
        readings, prices, statistics, first, last, timezone, battery=home.battery, has_pv=home.has_pv, remarks=remarks
    )


@pytest.mark.parametrize(
    ("last", "days", "timezone"),
    [
        (SPRING, 8, "Europe/Stockholm"),
        pytest.param(AUTUMN, 8, "Europe/Stockholm", marks=pytest.mark.thorough),
        (AUTUMN, 1, "Europe/Helsinki"),
        pytest.param(SPRING, 1, "Europe/Helsinki", marks=pytest.mark.thorough),
        pytest.param(PLAIN, 3, "Asia/Kolkata", marks=pytest.mark.thorough),
        (date(2026, 4, 5), 2, "Australia/Lord_Howe"),
    ],
)
def test_homes_together_have_the_grades_of_each_alone(last: date, days: int, timezone: str):
    first = last - timedelta(days=days - 1)
    made = faulty_homes(first, last, timezone, seed=days)
    found = together(made, first, last, timezone)
    assert found.height == len(made.homes) * days
    for name in made.homes:
        own = found.filter(pl.col("site") == name).drop("site")
        assert own.equals(alone(made, name, first, last, timezone)), name
    assert set(found["status"].unique()) == {"clean", "mask_battery", "exclude"}
    told = " ".join(found["reasons"])
    assert [words for words in WORDS if words not in told] == []


def test_every_rule_finds_its_home_among_the_others():
    first, zone = PLAIN - timedelta(days=7), "Europe/Stockholm"
    told = " ".join(together(faulty_homes(first, PLAIN, zone, seed=3), first, PLAIN, zone)["reasons"])
    assert [rule for rule in RULES if rule not in told] == []


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), last=st.sampled_from([SPRING, AUTUMN, PLAIN]))
def test_a_homes_grade_does_not_depend_on_its_neighbours(seed: int, last: date):
    first, zone = last - timedelta(days=3), "Europe/Stockholm"
    made = faulty_homes(first, last, zone, seed)
    found = together(made, first, last, zone)
    few = dict(list(made.homes.items())[seed % 3 :: 5])
    apart = grade_homes(made.readings, made.prices, made.statistics, first, last, zone, homes=few, remarks=made.remarks)
    assert apart.equals(found.filter(pl.col("site").is_in(list(few))))


def test_figures_of_hours_and_days_have_the_same_bits_together_and_alone():
    first, zone = AUTUMN - timedelta(days=7), "Europe/Stockholm"
    made = faulty_homes(first, AUTUMN, zone, seed=1)
    hours = compared_hours(made.readings, made.statistics)
    slots = facts_of(made.homes).join(grid(first, AUTUMN, zone), how="cross", maintain_order="left_right")
    slots = slots.join(made.readings.drop("local_day"), on=["site", "slot_start"], how="left", maintain_order="left")
    balance = battery_balance(slots)
    assert balance["gained"].n_unique() > 1
    for name in made.homes:
        own = pl.col("site") == name
        mine = compared_hours(made.readings.filter(own), made.statistics.filter(own))
        assert mine.equals(hours.filter(own)), name
        assert battery_balance(slots.filter(own)).equals(balance.filter(own)), name


def test_usable_readings_of_homes_together_are_those_of_each_alone():
    first, zone = SPRING - timedelta(days=7), "Europe/Stockholm"
    made = faulty_homes(first, SPRING, zone, seed=2)
    readings = made.readings.with_columns(pl.lit(None, pl.Float64).alias(name) for name in ("water_kwh", "ev_kwh"))
    found = usable_readings(readings, made.statistics, first, SPRING, zone, homes=made.homes)
    assert 0 < found.height < grid(first, SPRING, zone).height * len(made.homes)
    for name, home in made.homes.items():
        own = pl.col("site") == name
        mine = usable_readings(
            readings.filter(own), made.statistics.filter(own), first, SPRING, zone, homes={name: home}
        )
        assert mine.equals(found.filter(own)), name
