"""Departures: the next of the week, on clock-change nights too; what a car asks for then, and what waits."""

from datetime import UTC, date, datetime, time
from math import inf

import polars as pl
import pytest

from darkstar_pipeline.config.household.car import CarSettings, Departure
from darkstar_pipeline.planning.loads.car_demand import car_demand
from darkstar_pipeline.planning.loads.car_state import CarState
from darkstar_pipeline.planning.loads.departures import moment_of, next_leaving
from darkstar_pipeline.planning.loads.later_prices import with_later_price
from env.time_grid import grid
from planner.optimizer.deferrable_loads import LoadRequests, VehicleRequest, Wish

ZONE = "Europe/Stockholm"


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        pytest.param(date(2026, 3, 29), time(2, 30), "2026-03-29T01:00", id="the clock jumps over it"),
        pytest.param(date(2026, 3, 29), time(2, 40), "2026-03-29T01:00", id="and over ten minutes later"),
        pytest.param(date(2026, 10, 25), time(2, 30), "2026-10-25T00:30", id="twice: the first"),
        pytest.param(date(2026, 10, 25), time(2, 40), "2026-10-25T00:40", id="twice, between quarters"),
        pytest.param(date(2026, 10, 25), time(7, 0), "2026-10-25T06:00", id="after the change"),
        pytest.param(date(2026, 6, 1), time(0, 0), "2026-05-31T22:00", id="midnight"),
        pytest.param(date(2026, 6, 1), time(23, 59), "2026-06-01T21:59", id="last minute"),
    ],
)
def test_local_time_is_one_moment_on_every_day(day: date, clock: time, expected: str) -> None:
    assert moment_of(day, clock, ZONE) == datetime.fromisoformat(f"{expected}+00:00")


def test_next_departure_is_the_weeks_earliest_to_come() -> None:
    week = (
        Departure(days=("mon", "wed"), leaves="07:00", target_percent=80),
        Departure(days=("mon",), leaves="06:15", target_percent=60),
    )
    sunday = datetime(2026, 1, 4, 12, tzinfo=UTC)
    first = next_leaving(week, sunday, ZONE)
    assert first is not None
    assert (first.at, first.departure.target_percent) == (datetime(2026, 1, 5, 5, 15, tzinfo=UTC), 60)
    second = next_leaving(week, first.at, ZONE)
    assert second is not None
    assert second.at == datetime(2026, 1, 5, 6, tzinfo=UTC)
    third = next_leaving(week, second.at, ZONE)
    assert third is not None
    assert third.at == datetime(2026, 1, 7, 6, tzinfo=UTC)
    assert next_leaving((), sunday, ZONE) is None


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        pytest.param(datetime(2026, 3, 28, 23, tzinfo=UTC), 2.0, id="clock goes forward"),
        pytest.param(datetime(2026, 10, 24, 22, tzinfo=UTC), 2.5, id="clock goes back"),
    ],
)
def test_departure_at_half_past_two_leaves_the_hours_there_are(now: datetime, hours: float) -> None:
    """From midnight to 02:30: two hours on the short night (the clock shows 03:00 then), two and a half on the long."""
    settings = CarSettings(power_kw=10, departures=(Departure(leaves="02:30", minimum_kwh=100),))
    leaving = next_leaving(settings.departures, now, ZONE)
    demand = car_demand(settings, CarState(plugged=True), leaving, now)
    assert demand.note == f"10 kW give {10 * hours:.1f} of 100.0 kWh before the departure"


def test_minimum_comes_before_the_target_that_has_its_price() -> None:
    settings = CarSettings(
        max_current_a=16,
        capacity_kwh=50,
        efficiency=0.8,
        target_worth=0.5,
        departures=(Departure(leaves="07:00", minimum_percent=40, target_percent=80),),
    )
    now = datetime(2026, 1, 5, 20, tzinfo=UTC)
    leaving = next_leaving(settings.departures, now, ZONE)
    demand = car_demand(settings, CarState(soc_percent=24.0), leaving, now)
    assert demand.request is not None
    assert [wish.energy_kwh for wish in demand.request.wishes] == pytest.approx([10.0, 25.0])
    assert [wish.worth for wish in demand.request.wishes] == [inf, 0.5]
    assert settings.charger_kw == pytest.approx(11.04)


def test_energy_behind_the_horizon_is_expected_at_the_price_of_the_same_hours() -> None:
    """Known: one day at 2, but 00:00 to 02:00 at 0.5. It departs at 02:30 on the next day but one's night."""
    slots = grid(date(2026, 6, 1), date(2026, 6, 1), ZONE).select("slot_start")
    known = slots.with_columns(import_price=pl.Series([0.5] * 8 + [2.0] * 88))
    noon, departs = datetime(2026, 6, 1, 12, tzinfo=UTC), datetime(2026, 6, 2, 0, 30, tzinfo=UTC)
    request = VehicleRequest(arrives=noon, departs=departs, wishes=(Wish(10.0),))
    expected = with_later_price(LoadRequests(vehicle=request), known, ZONE, 4.0).vehicle
    assert expected is not None
    assert expected.later_price == pytest.approx((8 * 0.5 + 2 * 2.0) / 10)
    within = LoadRequests(vehicle=VehicleRequest(arrives=noon, departs=slots["slot_start"][-1]))
    assert with_later_price(within, known, ZONE, 4.0) == within
