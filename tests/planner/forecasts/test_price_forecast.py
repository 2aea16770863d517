from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from env.time_grid import grid
from planner.forecasts.price_forecast import LEAST_DAYS, PATHS, PriceForecaster, hourly_prices, mean_absolute_errors

ZONE = "Europe/Stockholm"
FIRST = date(2025, 9, 1)


def made_prices(n_days: int, *, seed: int = 3, first: date = FIRST) -> pl.DataFrame:
    """Prices whose level tomorrow is today's, in part, with a course that evenings and weekdays give; some negative."""
    rng = np.random.default_rng(seed)
    slots = grid(first, first + timedelta(days=n_days - 1), ZONE)
    level, levels = 0.4, []
    for _ in range(n_days):
        level = 0.4 + 0.85 * (level - 0.4) + 0.15 * rng.standard_normal()
        levels.append(level)
    day = slots.select((pl.col("local_day") - first).dt.total_days())["local_day"].to_numpy()
    hour = slots["slot_start"].dt.convert_time_zone(ZONE).dt.hour().to_numpy()
    price = np.array(levels)[day] + 0.3 * np.sin((hour - 6) / 24 * 2 * np.pi) + 0.02 * rng.standard_normal(len(day))
    return slots.select("slot_start", price=pl.Series(price))


def test_a_level_that_carries_over_is_forecast_better_than_by_the_mean_of_a_week() -> None:
    prices = made_prices(300)
    assert prices["price"].min() < 0  # pyright: ignore[reportOperatorIssue]
    days = [FIRST + timedelta(days=number) for number in range(150, 298)]
    own, naive = mean_absolute_errors(PriceForecaster(prices, ZONE), days)
    assert own < 0.85 * naive


@pytest.mark.parametrize("published", [date(2025, 12, 1), date(2026, 1, 31), date(2026, 3, 29)])
def test_what_comes_after_the_published_day_changes_nothing(published: date) -> None:
    prices = made_prices(240)
    known = prices.filter(pl.col("slot_start").dt.convert_time_zone(ZONE).dt.date() <= published)
    seen = PriceForecaster(prices, ZONE).paths(published)
    alone = PriceForecaster(known, ZONE).paths(published)
    assert seen is not None
    assert alone is not None
    assert np.array_equal(seen, alone)
    assert seen.shape == (PATHS, 24)


def test_paths_lie_around_the_forecast() -> None:
    forecaster, published = PriceForecaster(made_prices(200), ZONE), date(2026, 2, 14)
    middle, paths = forecaster.forecast(published, 1), forecaster.paths(published)
    assert middle is not None
    assert paths is not None
    assert np.allclose(paths.mean(axis=0), middle[0])
    assert paths.std(axis=0).min() > 0.01


def test_nothing_is_forecast_where_there_is_too_little_to_learn_from() -> None:
    few = PriceForecaster(made_prices(LEAST_DAYS + 20), ZONE)
    assert few.paths(FIRST + timedelta(days=LEAST_DAYS + 19)) is None
    prices = made_prices(200)
    gap = prices.filter(pl.col("slot_start").dt.convert_time_zone(ZONE).dt.date() != date(2026, 2, 10))
    assert PriceForecaster(gap, ZONE).paths(date(2026, 2, 14)) is None
    assert PriceForecaster(prices, ZONE).paths(date(2027, 1, 1)) is None
    assert PriceForecaster(prices.clear(), ZONE).paths(FIRST) is None


def test_hours_of_clock_changes_have_a_price() -> None:
    """Spring lacks the hour from 2, autumn has it twice."""
    first, hourly = hourly_prices(made_prices(220), ZONE)
    assert np.isfinite(hourly).all()
    spring, autumn = ((day - first).days for day in (date(2026, 3, 29), date(2025, 10, 26)))
    assert hourly[spring, 2] == hourly[spring, 1]
    slots = made_prices(220).with_columns(clock=pl.col("slot_start").dt.convert_time_zone(ZONE))
    repeated = slots.filter((pl.col("clock").dt.date() == date(2025, 10, 26)) & (pl.col("clock").dt.hour() == 2))
    assert repeated.height == 8
    assert hourly[autumn, 2] == pytest.approx(repeated["price"].mean())
