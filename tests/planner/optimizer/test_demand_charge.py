"""The charge that a plan weighs equals the bill that comes: the same imports, whatever the month holds already."""

from dataclasses import replace
from datetime import date, timedelta

import cvxpy as cp
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.power_tariff import MonthState, PowerTariff, PowerWindow, Tier, month_state, power_costs
from env.time_grid import day_start, grid
from planner.errors import PlannerError
from planner.optimizer.demand_charge import DemandChargeTerm, demand_charge_term
from planner.optimizer.peak_calendar import peak_calendar
from tests.builders.homes import STOCKHOLM

NIGHT = PowerWindow(start_minute=22 * 60, end_minute=6 * 60, weight=0.5)
WORK = PowerWindow(weekdays=(1, 2, 3, 4, 5), start_minute=7 * 60, end_minute=19 * 60, not_on_holidays_of="SE")
TIERS = tuple(Tier(up_to_kw=kw, cost=money) for kw, money in ((2, 83), (5, 147), (10, 252), (15, 371), (20, 490)))

TARIFFS = {
    "per kW": PowerTariff(price_per_kw=81.25),
    "half at night": PowerTariff(price_per_kw=81.25, windows=(NIGHT,)),
    "working hours": PowerTariff(price_per_kw=60.0, windows=(WORK,), weight_outside=0.0),
    "several on one day": PowerTariff(price_per_kw=60.0, different_days=False),
    "quarters": PowerTariff(price_per_kw=81.25, minutes=15, top=2),
    "one peak, two kW at least": PowerTariff(price_per_kw=40.0, top=1, minimum_kw=2.0),
    "tiers": PowerTariff(tiers=TIERS),
    "tiers at night": PowerTariff(tiers=TIERS, windows=(NIGHT,), minutes=15),
}
STARTS = {
    "inside a month": date(2026, 5, 5),
    "over a month's end": date(2026, 4, 29),
    "spring": date(2026, 3, 27),
    "autumn": date(2026, 10, 24),
    "over holidays": date(2026, 12, 30),
}


def imports(first: date, days: int, seed: int, *, power_kw: float = 3.0) -> pl.DataFrame:
    slots = grid(first, first + timedelta(days=days - 1), STOCKHOLM)
    drawn = np.random.default_rng(seed).exponential(power_kw / 4, slots.height)
    return slots.with_columns(import_kwh=pl.Series(drawn))


def charged(slots: pl.DataFrame, tariff: PowerTariff, state: MonthState, *, most_kw: float = 1e4) -> DemandChargeTerm:
    """The charge of a horizon whose import is given, solved."""
    imported = cp.Variable(slots.height)
    calendar = peak_calendar(slots["slot_start"], tariff, STOCKHOLM)
    charge = demand_charge_term(imported, calendar, state, tariff, most_kw=most_kw)
    problem = cp.Problem(cp.Minimize(charge.cost), [*charge.constraints, imported == slots["import_kwh"].to_numpy()])
    assert problem.is_dpp()
    problem.solve(solver=cp.HIGHS)
    assert problem.status == cp.OPTIMAL
    return charge


@pytest.mark.parametrize("tariff", TARIFFS.values(), ids=TARIFFS)
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_charge_equals_the_bill_when_a_horizon_follows_a_history(start: date, tariff: PowerTariff) -> None:
    """Ten days, planned from the fourth on, at 10:45: inside an hour, a day and a month that have begun."""
    slots = imports(start, 10, seed=7)
    now = day_start(start + timedelta(days=3), STOCKHOLM) + timedelta(hours=10, minutes=45)
    state = month_state(slots, tariff, STOCKHOLM, now)
    charge = charged(slots.filter(pl.col("slot_start") >= now), tariff, state)
    bill = power_costs(slots, tariff, STOCKHOLM).filter(pl.col("month") >= state.month)
    assert charge.cost.value == pytest.approx(bill["cost"].sum(), abs=1e-6)
    if not tariff.tiers:  # under tiers a mean may be anywhere inside its own
        for month, mean in zip(bill["month"], bill["mean_kw"], strict=True):
            assert charge.mean_kw[month].value == pytest.approx(mean, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    settled=st.lists(st.floats(0, 12), max_size=6),
    today_kw=st.floats(0, 12),
    top=st.integers(1, 4),
)
def test_mean_equals_brute_force_when_peaks_are_any(seed: int, settled: list[float], today_kw: float, top: int) -> None:
    """Six hours of today, two days more: sort everything and take the first."""
    slots = imports(date(2026, 5, 5), 3, seed).tail(4 * 54)
    days = slots.group_by(pl.col("slot_start").dt.truncate("1h")).agg(
        pl.col("import_kwh").sum(), pl.col("local_day").first()
    )
    ahead = dict(days.group_by("local_day").agg(pl.col("import_kwh").max()).iter_rows())
    ahead[date(2026, 5, 5)] = max(ahead[date(2026, 5, 5)], today_kw)
    mean = sum(sorted([*settled, *ahead.values()], reverse=True)[:top]) / top
    kept = tuple(sorted(settled, reverse=True)[:top])
    state = MonthState(month=date(2026, 5, 1), peaks_kw=kept, today=date(2026, 5, 5), today_kw=today_kw)
    charge = charged(slots, PowerTariff(top=top, price_per_kw=3.0), state)
    assert charge.cost.value == pytest.approx(3.0 * mean, abs=1e-6)


def test_today_is_charged_when_its_counted_hours_are_over() -> None:
    """Friday 20:00: today's 6 kW stand, the weekend does not count: 6 / 3 x 60."""
    friday = date(2026, 5, 8)
    slots = imports(friday, 3, seed=1).filter(
        pl.col("slot_start") >= day_start(friday, STOCKHOLM) + timedelta(hours=20)
    )
    state = MonthState(month=date(2026, 5, 1), today=friday, today_kw=6.0)
    assert charged(slots, TARIFFS["working hours"], state).cost.value == pytest.approx(120.0)


def test_what_an_hour_holds_counts_by_its_weight_when_it_is_under_way() -> None:
    """23:30, 4 kWh bought since 23:00, nothing after: half of 4 kW, at 3 a kW."""
    day = date(2026, 5, 5)
    eleven = day_start(day, STOCKHOLM) + timedelta(hours=23)
    slots = imports(day, 1, seed=1).filter(pl.col("slot_start") >= eleven + timedelta(minutes=30))
    state = MonthState(month=date(2026, 5, 1), today=day, open_start=eleven, open_kwh=4.0)
    tariff = PowerTariff(top=1, price_per_kw=3.0, windows=(NIGHT,))
    assert charged(slots.with_columns(import_kwh=pl.lit(0.0)), tariff, state).cost.value == pytest.approx(6.0)


def test_nothing_is_charged_when_nothing_counts() -> None:
    slots = imports(date(2026, 7, 4), 2, seed=1)
    winter = PowerTariff(months=(1, 2), tiers=TIERS)
    assert charged(slots, winter, MonthState(month=date(2026, 7, 1))).cost.value == 0.0


def test_state_changes_the_charge_when_the_month_goes_on() -> None:
    """The same problem with new numbers, as a re-plan uses it."""
    slots = imports(date(2026, 5, 5), 2, seed=3)
    tariff = TARIFFS["per kW"]
    first = MonthState(month=date(2026, 5, 1), today=date(2026, 5, 5))
    later = replace(first, peaks_kw=(9.0, 8.0), today_kw=30.0)
    charge = charged(slots, tariff, first)
    fresh = charged(slots, tariff, later)
    charge.begin(later)
    (imported,) = (each for each in charge.constraints[0].variables() if each is not charge.peaks_kw)
    as_before = cp.Zero(imported - slots["import_kwh"].to_numpy())
    cp.Problem(cp.Minimize(charge.cost), [*charge.constraints, as_before]).solve(solver=cp.HIGHS)
    assert charge.cost.value == pytest.approx(fresh.cost.value, abs=1e-6)
    assert float(charge.cost.value or 0) > (30 + 9 + 8) / 3 * 81.25 - 1e-6


def test_plan_levels_the_peaks_when_only_power_costs() -> None:
    """24 kWh over two days of 24 hours at least cost: 0.5 kW throughout, and a mean of (0.5 + 0.5) / 3."""
    slots = grid(date(2026, 5, 5), date(2026, 5, 6), STOCKHOLM)
    tariff = PowerTariff(price_per_kw=3.0)
    imported = cp.Variable(slots.height, nonneg=True)
    calendar = peak_calendar(slots["slot_start"], tariff, STOCKHOLM)
    charge = demand_charge_term(imported, calendar, MonthState(month=date(2026, 5, 1)), tariff)
    daily = [cp.Zero(cp.sum(imported[:96]) - 12), cp.Zero(cp.sum(imported[96:]) - 12)]
    cp.Problem(cp.Minimize(charge.cost), [*charge.constraints, *daily]).solve(solver=cp.HIGHS)
    assert charge.cost.value == pytest.approx(1.0)
    dual = np.asarray(charge.constraints[0].dual_value)
    assert dual.sum() == pytest.approx(2.0)  # a kW more on both days costs 2 / 3 x 3


def test_plan_stays_in_a_tier_when_the_next_costs_more_than_it_saves() -> None:
    """Cheap first hour: 1 money a kWh saved. Three full days at 2 kW are 83, above it 147: only worth it for 65 kWh."""
    tariff = PowerTariff(tiers=TIERS)
    slots = grid(date(2026, 5, 5), date(2026, 5, 7), STOCKHOLM)
    calendar = peak_calendar(slots["slot_start"], tariff, STOCKHOLM)
    imported = cp.Variable(slots.height, nonneg=True)
    for price, kwh in ((1.0, 6.0), (30.0, 15.0)):
        charge = demand_charge_term(imported, calendar, MonthState(month=date(2026, 5, 1)), tariff, most_kw=5.0)
        cheap = np.tile(np.repeat([1.0, 0.0], [4, 92]), 3)
        problem = cp.Problem(
            cp.Minimize(charge.cost - price * (cheap @ imported)), [*charge.constraints, imported <= 1.25]
        )
        problem.solve(solver=cp.HIGHS)
        assert cheap @ imported.value == pytest.approx(kwh)


def test_import_is_refused_when_its_length_is_another() -> None:
    slots = grid(date(2026, 5, 5), date(2026, 5, 5), STOCKHOLM)
    calendar = peak_calendar(slots["slot_start"], PowerTariff(), STOCKHOLM)
    with pytest.raises(PlannerError, match="import has 95 slots, the calendar 96"):
        demand_charge_term(cp.Variable(95), calendar, MonthState(month=date(2026, 5, 1)), PowerTariff())


def test_hourly_slots_form_their_own_periods_when_slots_are_hours() -> None:
    hours = grid(date(2026, 5, 5), date(2026, 5, 5), STOCKHOLM).gather_every(4)
    calendar = peak_calendar(hours["slot_start"], PowerTariff(), STOCKHOLM)
    assert calendar.period_kw.shape == (24, 24)
    assert (calendar.period_kw.toarray() == np.eye(24)).all()
