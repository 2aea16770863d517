from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from env.time_grid import grid, local_clock
from planner.value.scenario_source import ScenarioSource, day_scenarios, past_with_forecast_days, scenarios_by_day
from planner.value.scenario_weights import WeightRules
from planner.value.scenarios import Scenarios
from tests.builders.homes import STOCKHOLM

SPRING, AUTUMN, SUMMER = date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 10)


def readings(first: date, last: date) -> pl.DataFrame:
    """Readings that name their day and time: load is day of the month + hour / 100, PV ten times that."""
    slots = grid(first, last, STOCKHOLM)
    load = pl.col("local_day").dt.day() + local_clock(STOCKHOLM) / 6000
    return slots.with_columns(load_kwh=load).with_columns(pv_kwh=10 * pl.col("load_kwh"))


def day_slots(day: date, forecast: float | None = None) -> pl.DataFrame:
    expected = pl.lit(forecast, dtype=pl.Float64)
    return grid(day, day, STOCKHOLM).with_columns(load_forecast=expected, pv_forecast=expected)


@pytest.mark.parametrize("day", [SPRING, SUMMER, AUTUMN], ids=["92 slots", "96 slots", "100 slots"])
def test_scenarios_are_the_days_before_at_the_same_wall_clock(day: date) -> None:
    before, slots = readings(day - timedelta(days=3), day + timedelta(days=1)), day_slots(day)
    scenarios = day_scenarios(before, slots, STOCKHOLM, rules=WeightRules(n_days=3))
    clock = slots.select(local_clock(STOCKHOLM))["local_clock"].to_numpy()
    for back in (1, 2, 3):
        assert scenarios.load_kwh[0, back - 1] == pytest.approx((day - timedelta(days=back)).day + clock / 6000)
    assert scenarios.pv_kwh == pytest.approx(10 * scenarios.load_kwh)


def test_scenarios_are_whole_when_a_day_before_had_no_such_hour() -> None:
    """Between 02:00 and 03:00 the spring day before has nothing: the other days' mean stands in."""
    day = SPRING + timedelta(days=1)
    scenarios = day_scenarios(
        readings(SPRING - timedelta(days=1), SPRING), day_slots(day), STOCKHOLM, rules=WeightRules(n_days=2)
    )
    skipped = slice(8, 12)
    assert np.array_equal(scenarios.load_kwh[0, 0, skipped], scenarios.load_kwh[0, 1, skipped])
    assert scenarios.load_kwh[0, 0, 12] == pytest.approx(29 + 180 / 6000)


def test_scenarios_know_nothing_of_the_day_and_later_when_it_is_in_the_history() -> None:
    history = readings(SUMMER - timedelta(days=9), SUMMER + timedelta(days=2))
    later = pl.col("local_day") >= SUMMER
    scrambled = history.with_columns(pl.when(later).then(99.0).otherwise(pl.col("load_kwh")).alias("load_kwh"))
    base, other = (day_scenarios(each, day_slots(SUMMER), STOCKHOLM) for each in (history, scrambled))
    assert np.array_equal(base.load_kwh, other.load_kwh)
    assert base.load_kwh.shape == (1, 7, 96)
    assert base.load_kwh.max() < 99


@pytest.mark.parametrize(("forecast", "value"), [(0.4, 0.4), (None, 0.0)], ids=["forecast", "nothing"])
def test_scenarios_are_the_forecast_when_there_is_no_history(forecast: float | None, value: float) -> None:
    nothing = readings(SUMMER, SUMMER).clear()
    scenarios = day_scenarios(nothing, day_slots(SUMMER, forecast), STOCKHOLM)
    assert (scenarios.load_kwh == value).all()
    assert (scenarios.pv_kwh == value).all()


def test_gaps_are_the_mean_of_the_other_days_when_a_reading_is_missing() -> None:
    history = readings(SUMMER - timedelta(days=3), SUMMER - timedelta(days=1))
    gap = (pl.col("local_day") == SUMMER - timedelta(days=2)) & (pl.int_range(pl.len()) % 2 == 0)
    holed = history.with_columns(pl.when(gap).then(float("nan")).otherwise(pl.col("load_kwh")).alias("load_kwh"))
    load = day_scenarios(holed, day_slots(SUMMER), STOCKHOLM, rules=WeightRules(n_days=3)).load_kwh[0]
    assert load[1, ::2] == pytest.approx((load[0, ::2] + load[2, ::2]) / 2)
    assert np.isfinite(load).all()


def paths(day: date, level: float) -> Scenarios:
    """Two scenarios of a day."""
    shape = (1, 2, day_slots(day).height)
    return Scenarios(np.full(shape, level), np.full(shape, 2 * level))


@pytest.mark.parametrize("day", [SPRING, SUMMER, AUTUMN], ids=["92 slots", "96 slots", "100 slots"])
def test_forecast_days_stand_beside_past_ones_as_likely_as_the_rules_say(day: date) -> None:
    rules, history = WeightRules(n_days=3, forecast_share=0.4), readings(day - timedelta(days=3), day)
    source = ScenarioSource(history=history, rules=rules, forecast_scenarios={day: paths(day, 5.0)})
    combined = source.scenarios(day_slots(day), STOCKHOLM)
    of_past_days = day_scenarios(history, day_slots(day), STOCKHOLM, rules=rules)
    assert np.array_equal(combined.load_kwh[:, :3], of_past_days.load_kwh)
    assert (combined.load_kwh[:, 3:] == 5).all()
    assert (combined.pv_kwh[:, 3:] == 10).all()
    assert combined.prior is not None
    assert combined.prior == pytest.approx(np.array([[0.2, 0.2, 0.2, 0.2, 0.2]]))


def test_days_without_forecast_scenarios_do_without_and_others_have_their_own() -> None:
    days = [SUMMER + timedelta(days=by) for by in range(3)]
    rules, history = (
        WeightRules(n_days=2, age_days=3.0, forecast_share=0.5),
        readings(SUMMER - timedelta(days=2), days[-1]),
    )
    source = ScenarioSource(
        history=history, rules=rules, forecast_scenarios={days[2]: paths(days[2], 7.0), days[0]: paths(days[0], 5)}
    )
    slots = pl.concat([day_slots(day) for day in days])
    combined = source.scenarios(slots, STOCKHOLM)
    assert combined.prior is not None
    assert combined.prior.sum(axis=1) == pytest.approx([1, 1, 1])
    assert combined.prior[1, 2:] == pytest.approx([0, 0])
    assert combined.prior[::2, 2:] == pytest.approx(np.full((2, 2), 0.25))
    assert [level.max() for level in combined.load_kwh[::2, 2:]] == [5, 7]
    alone = day_scenarios(history, slots, STOCKHOLM, rules=rules)
    assert alone.prior is not None
    assert combined.prior[1, :2] == pytest.approx(alone.prior[1])
    assert combined.prior[0, :2] == pytest.approx(alone.prior[0] / 2)


@pytest.mark.parametrize("share", [0.0, 0.4], ids=["rules count on none", "no forecast scenarios"])
def test_past_days_are_all_there_is_when_no_forecast_counts(share: float) -> None:
    rules, history = WeightRules(n_days=3, forecast_share=share), readings(SUMMER - timedelta(days=3), SUMMER)
    other = None if share else {SUMMER: paths(SUMMER, 5.0)}
    combined = ScenarioSource(history=history, rules=rules, forecast_scenarios=other).scenarios(
        day_slots(SUMMER), STOCKHOLM
    )
    of_past_days = day_scenarios(history, day_slots(SUMMER), STOCKHOLM, rules=rules)
    assert np.array_equal(combined.load_kwh, of_past_days.load_kwh)
    assert combined.prior is None


def test_forecast_scenarios_are_as_long_as_a_day_whose_prices_end_before_it_does() -> None:
    """Where only 80 slots have a price, plans end there."""
    slots, whole = day_slots(SUMMER).head(80), np.arange(3 * 96.0).reshape(1, 3, 96)
    forecast = {SUMMER: Scenarios(whole, whole)}
    history = readings(SUMMER - timedelta(days=7), SUMMER)
    past = scenarios_by_day(past_with_forecast_days(history, forecast, slots, STOCKHOLM), slots, STOCKHOLM)
    assert np.array_equal(past[SUMMER].load_kwh, whole[:, :, :80])
    mixed = ScenarioSource(history=history, rules=WeightRules(forecast_share=0.5), forecast_scenarios=forecast)
    assert np.array_equal(mixed.scenarios(slots, STOCKHOLM).pv_kwh[:, -3:], whole[:, :, :80])
