"""Forecasts and scenarios of many homes are those that one home's tables give, also where the clock changes."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.inverter import Energy
from env.time_grid import grid, local_clock
from planner.fleet.past_days import mean_forecast, readings_by_clock
from planner.forecasts.naive import naive_forecasts
from planner.value.scenario_source import day_scenarios, filled_gaps

STOCKHOLM = "Europe/Stockholm"
DAYS = st.sampled_from(
    [date(2026, 1, 20), *(date(2026, 3, day) for day in (28, 29, 30)), date(2026, 10, 25), date(2026, 10, 26)]
)


def read(day: date, seed: int, gaps: float) -> tuple[pl.DataFrame, Energy, Energy]:
    """Slots of ten days before a day, with readings of two homes that have gaps."""
    past = grid(day - timedelta(days=10), day - timedelta(days=1), STOCKHOLM).with_columns(local_clock(STOCKHOLM))
    rng = np.random.default_rng(seed)
    load, pv = (np.where(rng.random((2, past.height)) < gaps, np.nan, rng.random((2, past.height))) for _ in range(2))
    return past, load, pv


@settings(max_examples=25, deadline=None)
@given(day=DAYS, seed=st.integers(0, 99), gaps=st.sampled_from([0.0, 0.2, 0.97]), load_days=st.integers(1, 9))
def test_forecast_of_homes_is_that_of_each_alone_when_readings_have_gaps(
    day: date, seed: int, gaps: float, load_days: int
) -> None:
    past, load, pv = read(day, seed, gaps)
    wanted = grid(day, day + timedelta(days=1), STOCKHOLM).with_columns(local_clock(STOCKHOLM))
    n_days = max(load_days, 3)
    made = [
        mean_forecast(readings_by_clock(read_kwh, past, wanted, day, n_days), averaged)
        for read_kwh, averaged in ((load, load_days), (pv, 3))
    ]
    for home in range(2):
        history = past.select("slot_start", load_kwh=pl.Series(load[home]), pv_kwh=pl.Series(pv[home]))
        alone = naive_forecasts(history, [day], STOCKHOLM, load_days=load_days, pv_days=3)
        joined = wanted.join(alone, on="slot_start", how="left", maintain_order="left")
        for forecast, name in zip(made, ("load_kwh", "pv_kwh"), strict=True):
            own = joined[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            assert forecast[home] == pytest.approx(own, abs=1e-12, nan_ok=True)


@settings(max_examples=15, deadline=None)
@given(day=DAYS, seed=st.integers(0, 99), gaps=st.sampled_from([0.0, 0.3, 0.97]))
def test_scenarios_of_homes_are_those_of_each_alone_when_readings_have_gaps(day: date, seed: int, gaps: float) -> None:
    past, load, pv = read(day, seed, gaps)
    wanted = grid(day, day, STOCKHOLM).with_columns(local_clock(STOCKHOLM))
    forecast = np.random.default_rng(seed).random((2, 2, wanted.height))
    made = [
        filled_gaps(readings_by_clock(read_kwh, past, wanted, day, 7), expected[:, None])
        for read_kwh, expected in zip((load, pv), forecast, strict=True)
    ]
    for home in range(2):
        history = past.select("slot_start", load_kwh=pl.Series(load[home]), pv_kwh=pl.Series(pv[home]))
        slots = wanted.with_columns(
            load_forecast=pl.Series(forecast[0, home]), pv_forecast=pl.Series(forecast[1, home])
        )
        alone = day_scenarios(history, slots, STOCKHOLM)
        assert made[0][home] == pytest.approx(alone.load_kwh[0], abs=1e-12)
        assert made[1][home] == pytest.approx(alone.pv_kwh[0], abs=1e-12)
