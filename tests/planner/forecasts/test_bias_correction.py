from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from env.time_grid import days_between, grid
from planner.forecasts.bias_correction import bias_corrected
from planner.forecasts.naive import naive_forecasts
from tests.builders.homes import STOCKHOLM

FIRST = date(2026, 3, 20)  # the spring day of 92 slots is the tenth


def history(n_days: int, factor: float = 1.0) -> pl.DataFrame:
    slots = grid(FIRST, FIRST + timedelta(days=n_days - 1), STOCKHOLM)
    return slots.select("slot_start", load_kwh=pl.lit(factor), pv_kwh=pl.lit(0.5 * factor))


def forecasts(n_days: int) -> pl.DataFrame:
    """Forecasts of 1 kWh of load and 0.5 kWh of PV at every midnight but the first."""
    days = list(days_between(FIRST + timedelta(days=1), FIRST + timedelta(days=n_days)))
    return naive_forecasts(history(n_days), days, STOCKHOLM, load_days=7, pv_days=3)


@pytest.mark.parametrize(
    ("n_days", "source", "load"),
    [
        pytest.param(4, "none", 1.0, id="three days are too few"),
        pytest.param(5, "mean", 1.2, id="four days are enough"),
        pytest.param(13, "mean", 1.2, id="thirteen, the short day among them"),
    ],
)
def test_correction_is_the_mean_ratio_when_there_are_days_enough(n_days: int, source: str, load: float) -> None:
    made = bias_corrected(forecasts(n_days), history(n_days, 1.2), STOCKHOLM)
    last = made.filter(pl.col("local_day") == made["local_day"].max())
    assert last["correction_source"].unique().to_list() == [source]
    np.testing.assert_allclose(last["load_kwh"], load)
    np.testing.assert_allclose(last["pv_kwh"], load / 2)
    assert made.schema == forecasts(n_days).schema


@pytest.mark.parametrize(("factor", "load"), [(9.0, 1.5), (0.0, 0.5)], ids=["more", "less"])
def test_correction_is_bounded_when_the_readings_are_far_off(factor: float, load: float) -> None:
    made = bias_corrected(forecasts(8), history(8, factor), STOCKHOLM)
    last = made.filter(pl.col("local_day") == made["local_day"].max())
    np.testing.assert_allclose(last["load_kwh"], load)


def test_correction_is_the_same_when_everything_from_its_vintage_on_is_scrambled() -> None:
    day = FIRST + timedelta(days=8)
    naive = forecasts(12)
    read = history(12, 1.3)
    later = read.with_columns(
        pl.when(pl.col("slot_start") >= naive.filter(pl.col("local_day") == day)["vintage"][0])
        .then(7.0)
        .otherwise("load_kwh")
        .alias("load_kwh")
    )
    made = [bias_corrected(naive, known, STOCKHOLM).filter(pl.col("local_day") == day) for known in (read, later)]
    assert made[0].equals(made[1])
    assert made[0]["correction_source"].unique().to_list() == ["mean"]


def test_correction_differs_by_hour_when_the_error_does() -> None:
    local = pl.col("slot_start").dt.convert_time_zone(STOCKHOLM)
    read = history(9).with_columns(load_kwh=pl.when(local.dt.hour() == 18).then(1.4).otherwise(1.0))
    made = bias_corrected(forecasts(9), read, STOCKHOLM)
    last = made.filter(pl.col("local_day") == made["local_day"].max()).with_columns(hour=local.dt.hour())
    np.testing.assert_allclose(last.filter(pl.col("hour") == 18)["load_kwh"], 1.4)
    np.testing.assert_allclose(last.filter(pl.col("hour") != 18)["load_kwh"], 1.0)
