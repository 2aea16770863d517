from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from planner.evaluation.daily_results import daily_results
from planner.forecasts.naive import naive_forecasts
from planner.policies.window import open_window, window_settlement
from planner.replay.continuous import replay_in, replay_window
from planner.replay.daily import replay_days
from planner.replay.known_home import (
    CONTINUOUS_KNOWLEDGE,
    DAILY_KNOWLEDGE,
    Knowledge,
    replay_known_days,
    replay_known_window,
)
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios
from tests.builders.homes import DEFAULT_BATTERY, days_of_slots, home

SITE = home(
    replace(DEFAULT_BATTERY, capacity_kwh=10.0, min_soc_kwh=1.0, max_soc_kwh=10.0, charge_kw=5.0, discharge_kw=5.0)
)
HALF = Protocol(start_soc_kwh=5.0)
CLOCK_CHANGES = [date(2026, 3, 29), date(2026, 10, 25)]


def around(day: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    slots = days_of_slots(day - timedelta(days=2), day + timedelta(days=1), seed=4)
    days: list[date] = slots["local_day"].unique().sort().to_list()
    return slots, naive_forecasts(slots, days, SITE.timezone, load_days=7, pv_days=3)


def total(schedule: pl.DataFrame) -> float:
    return float(daily_results(schedule, HALF, SITE)["cost"].sum())


@pytest.mark.parametrize("day", CLOCK_CHANGES)
def test_nothing_known_is_the_policy_itself(day: date) -> None:
    slots, forecasts = around(day)
    own = replay_days("value", slots, forecasts, SITE, HALF, history=slots, workers=1)
    assert replay_known_days(Knowledge(), slots, forecasts, SITE, HALF, history=slots).equals(own)
    through = replay_window("value", slots, forecasts, slots, SITE, HALF)
    assert replay_known_window(Knowledge(), open_window(slots, forecasts, slots, SITE, HALF)).equals(through)


@pytest.mark.parametrize("day", CLOCK_CHANGES)
def test_a_home_that_is_known_is_planned_almost_as_by_the_oracle(day: date) -> None:
    """Grid and menu cost little: what is missing is knowledge."""
    slots, forecasts = around(day)
    value, oracle = (
        total(replay_days(policy, slots, forecasts, SITE, HALF, history=slots, workers=1))
        for policy in ("value", "oracle")
    )
    known = total(replay_known_days(DAILY_KNOWLEDGE["sun_and_load"], slots, forecasts, SITE, HALF, history=slots))
    assert oracle - 1e-6 <= known < value
    assert known - oracle < 0.1 * (value - oracle)


def test_only_what_is_named_is_known() -> None:
    slots, forecasts = around(CLOCK_CHANGES[0])
    window = open_window(slots, forecasts, slots, SITE, HALF)
    load, pv = window.column("load_kwh")[:4], window.column("pv_kwh")[:4]
    scenarios = Scenarios(np.zeros((1, 3, 4)), np.ones((1, 3, 4)))
    sun = DAILY_KNOWLEDGE["sun"].of(scenarios, load, pv)
    assert sun.load_kwh is scenarios.load_kwh
    assert (sun.pv_kwh == pv).all()


def test_prices_known_early_are_worth_something_where_days_follow_days() -> None:
    slots, forecasts = around(CLOCK_CHANGES[1])
    value = window_settlement(slots, SITE, HALF)

    def cost(schedule: pl.DataFrame) -> float:
        return float(schedule["cost"].sum() - value * (schedule["soc_end_kwh"][-1] - schedule["soc_start_kwh"][0]))

    window = open_window(slots, forecasts, slots, SITE, HALF)
    home_known, all_known = (
        cost(replay_known_window(CONTINUOUS_KNOWLEDGE[name], window)) for name in ("sun_and_load", "all")
    )
    oracle = cost(replay_in("oracle", window))
    assert oracle - 1e-4 <= all_known <= home_known + 1e-6
