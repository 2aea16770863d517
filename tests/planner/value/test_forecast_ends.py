from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from env.inverter import Energy
from env.site import Site
from env.time_grid import grid
from planner.value.forecast_ends import forecast_end_values
from planner.value.scenarios import Scenarios
from planner.value.value_function import soc_grid, value_function
from tests.builders.homes import home

SITE: Site = home()
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


class MadePaths:
    """A forecaster that gives the same paths for every day but one."""

    def __init__(self, paths: Energy, *, without: date | None = None) -> None:
        self.paths_, self.without = paths, without

    def paths(self, published: date) -> Energy | None:
        return None if published == self.without else self.paths_


def likely(n_slots: int, n_scenarios: int = 3) -> Scenarios:
    rng = np.random.default_rng(5)
    shape = (1, n_scenarios, n_slots)
    return Scenarios(rng.uniform(0.05, 0.6, shape), rng.uniform(0.0, 0.3, shape))


def means(n_days: int) -> Energy:
    stored = soc_grid(SITE.battery)
    return np.tile(0.5 * (stored - stored[0]), (n_days, 1))


@pytest.mark.parametrize("next_day", [SPRING, AUTUMN, date(2026, 6, 1)])
def test_a_certain_path_is_worth_what_the_value_function_of_that_day_says(next_day: date) -> None:
    hourly = np.linspace(-0.2, 1.4, 24)
    day, scenarios = next_day - timedelta(days=1), likely(96)
    found = forecast_end_values([day], [scenarios], means(1), prices=MadePaths(hourly[None]), site=SITE)
    slots = grid(next_day, next_day, SITE.timezone)
    hour = slots["slot_start"].dt.convert_time_zone(SITE.timezone).dt.hour().to_numpy()
    priced = SITE.tariff.with_prices(slots.with_columns(price=pl.Series(hourly[hour])), SITE.timezone)
    n_slots = slots.height
    longer = [
        np.concatenate([part, np.repeat(part[:, :, -1:], 4, axis=2)], axis=2)[:, :, :n_slots]
        for part in (scenarios.load_kwh, scenarios.pv_kwh)
    ]
    value = value_function(
        Scenarios(*longer),
        priced["import_price"].to_numpy()[None],
        priced["export_price"].to_numpy()[None],
        site=SITE,
        end_value=means(1),
    ).expected(0)
    assert np.allclose(found, value - value[:, :1], atol=1e-9)


def test_paths_count_alike_and_days_do_not_see_each_other() -> None:
    low, high = np.full(24, 0.1), np.linspace(0.1, 3.0, 24)
    days, scenarios = [date(2026, 6, 1), date(2026, 6, 2)], [likely(96), likely(96, 3)]
    both = forecast_end_values(days, scenarios, means(2), prices=MadePaths(np.stack([low, high])), site=SITE)
    apart = [
        forecast_end_values(days, scenarios, means(2), prices=MadePaths(path[None]), site=SITE) for path in (low, high)
    ]
    assert np.allclose(both, (apart[0] + apart[1]) / 2, atol=1e-9)
    alone = forecast_end_values(days[:1], scenarios[:1], means(1), prices=MadePaths(np.stack([low, high])), site=SITE)
    assert np.array_equal(alone[0], both[0])


def test_a_day_without_a_forecast_keeps_the_mean_of_past_days() -> None:
    days = [date(2026, 6, 1), date(2026, 6, 2)]
    prices = MadePaths(np.linspace(0.1, 3.0, 24)[None], without=days[1])
    ends = forecast_end_values(days, [likely(96)] * 2, means(2), prices=prices, site=SITE)
    assert np.array_equal(ends[1], means(1)[0])
    assert not np.allclose(ends[0], means(1)[0])
