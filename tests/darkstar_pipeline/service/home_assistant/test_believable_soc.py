"""A live level is taken only where the battery can have got there (case c32)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from darkstar_pipeline.service.home_assistant.believable_soc import SETTLED, BelievableSoc, Level
from env.battery import Battery

AT = datetime(2026, 6, 12, 15, tzinfo=UTC)
BATTERY = Battery.from_percent(
    capacity_kwh=10.0, min_soc_percent=10, max_soc_percent=100, charge_kw=3.0, discharge_kw=4.0,
    round_trip_efficiency=0.9, wear_cost=0.1,
)  # fmt: skip


def read(soc: BelievableSoc, percent: float, minutes: float) -> str:
    at = AT + timedelta(minutes=minutes)
    return soc.take(percent, at, at)


def begun(percent: float = 62.0) -> BelievableSoc:
    soc = BelievableSoc(BATTERY)
    assert read(soc, percent, 0) == ""
    return soc


@pytest.mark.parametrize(
    ("percent", "minutes", "taken"),
    [
        pytest.param(0.0, 1, False, id="empty a minute later"),
        pytest.param(0.0, 30, False, id="empty half an hour later"),
        pytest.param(0.0, 100, False, id="below its minimum at once"),
        pytest.param(100.0, 1, False, id="full a minute later"),
        pytest.param(59.5, 0, True, id="a rounding at the same instant"),
        pytest.param(57.0, 5, True, id="discharged at full power"),
        pytest.param(50.0, 5, False, id="discharged at twice the power"),
        pytest.param(66.0, 10, True, id="charged"),
        pytest.param(62.0, -1, True, id="said before"),
        pytest.param(10.0, -60 * 24, True, id="a clock set back by a day starts over"),
    ],
)
def test_level_is_taken_where_power_and_time_allow_it(percent: float, minutes: float, *, taken: bool) -> None:
    soc = begun()
    refused = read(soc, percent, minutes)
    assert (refused == "") == taken
    assert soc.level is not None
    assert soc.level.percent == (percent if taken else 62.0)
    if not taken:
        assert "62 % is kept" in refused


def test_empty_battery_is_believed_when_it_can_be_and_has_stood_below_its_minimum() -> None:
    soc = begun(15.0)
    refusals = [read(soc, 0.0, 60 + minute) for minute in range(31)]
    assert [bool(refusal) for refusal in refusals] == [True] * 30 + [False]


def test_empty_battery_without_a_minimum_is_believed_once_it_can_be() -> None:
    soc = BelievableSoc(replace(BATTERY, min_soc_kwh=0.0))
    assert read(soc, 62.0, 0) == ""
    assert read(soc, 0.0, 100) == ""


def test_recalibrated_level_is_taken_once_it_has_stood() -> None:
    soc = begun()
    refusals = [read(soc, 92.0 + minute / 10, minute) for minute in range(1, 12)]
    assert [bool(refusal) for refusal in refusals] == [True] * 10 + [False]
    assert soc.level == Level(93.1, AT + timedelta(minutes=11))


def test_jumping_levels_are_never_taken() -> None:
    soc = begun()
    for minute in range(1, 25):
        assert read(soc, 95.0 if minute % 2 else 20.0, minute)
    assert soc.level == Level(62.0, AT)


def test_empty_battery_at_the_start_is_believed_when_it_stays_empty() -> None:
    soc = BelievableSoc(BATTERY)
    assert "not believed yet" in read(soc, 0.0, 0)
    assert soc.level is None
    assert read(soc, 0.0, SETTLED.total_seconds() / 60) == ""


def test_glitch_at_the_start_gives_way_at_once() -> None:
    soc = BelievableSoc(BATTERY)
    assert read(soc, 0.0, 0)
    assert read(soc, 62.0, 1) == ""


def test_stored_empty_battery_is_no_start_and_an_old_one_neither() -> None:
    soc = BelievableSoc(BATTERY)
    soc.seed(Level(0.0, AT), AT)
    soc.seed(Level(50.0, AT - timedelta(hours=4)), AT)
    soc.seed(Level(50.0, AT + timedelta(hours=1)), AT)
    assert soc.level is None
    soc.seed(Level(50.0, AT - timedelta(minutes=20)), AT)
    assert soc.level == Level(50.0, AT - timedelta(minutes=20))
    assert "50 % is kept" in read(soc, 0.0, 0)
