from datetime import date

import numpy as np
import pytest

from env.inverter import Energy
from env.simulator import World
from planner.value.end_of_prices import FORECAST, PAST_DAYS, SETTLEMENT, end_of_prices
from planner.value.forecast_ends import forecast_end_values
from planner.value.overnight_value import start_values
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios
from planner.value.terminal_value import TerminalValue, concave_terminal_value
from planner.value.value_function import soc_grid
from tests.builders.homes import home

SITE = home()
PROTOCOL = Protocol(start_soc_kwh=SITE.battery.soc_kwh(50.0))
DAY = date(2026, 6, 1)
SETTLED = 0.7


class MadePaths:
    """Two courses of every next day, or none."""

    def __init__(self, paths: Energy | None) -> None:
        self.made = paths

    def paths(self, published: date) -> Energy | None:
        assert published == DAY
        return self.made


PATHS = MadePaths(np.stack([np.linspace(0.1, 2.0, 24), np.full(24, 0.4)]))


def course(seed: int) -> World:
    rng = np.random.default_rng(seed)
    price = rng.uniform(0.1, 1.5, (1, 96))
    return World(rng.uniform(0.1, 0.5, (1, 96)), rng.uniform(0.0, 0.4, (1, 96)), price, price - 0.05)


def scenarios() -> Scenarios:
    rng = np.random.default_rng(1)
    return Scenarios(rng.uniform(0.1, 0.5, (1, 3, 96)), rng.uniform(0.0, 0.4, (1, 3, 96)))


def test_energy_is_worth_what_it_was_on_the_last_days_where_the_next_cannot_be_forecast() -> None:
    past = [course(seed) for seed in range(9)]
    end = end_of_prices(DAY, scenarios(), past, SETTLED, prices=MadePaths(None), site=SITE, protocol=PROTOCOL)
    assert end.basis == PAST_DAYS
    assert np.array_equal(end.values, start_values(past[2:], SITE, PROTOCOL).mean(axis=0))


def test_energy_is_settled_in_a_young_home() -> None:
    past = [course(seed) for seed in range(2)]
    end = end_of_prices(DAY, scenarios(), past, SETTLED, prices=MadePaths(None), site=SITE, protocol=PROTOCOL)
    stored = soc_grid(SITE.battery)
    assert end.basis == SETTLEMENT
    assert np.allclose(end.values, SETTLED * (stored - stored[0]))


def test_forecast_stands_on_the_last_seven_days_behind_the_next() -> None:
    past = [course(seed) for seed in range(9)]
    end = end_of_prices(DAY, scenarios(), past, SETTLED, prices=PATHS, site=SITE, protocol=PROTOCOL)
    means = start_values(past[2:], SITE, PROTOCOL).mean(axis=0)
    expected = forecast_end_values([DAY], [scenarios()], means[None], prices=PATHS, site=SITE)
    assert end.basis == FORECAST
    assert np.array_equal(end.values, expected[0])


def test_without_past_days_what_follows_the_next_is_settled() -> None:
    end = end_of_prices(DAY, scenarios(), [], SETTLED, prices=PATHS, site=SITE, protocol=PROTOCOL)
    stored = soc_grid(SITE.battery)
    settled = SETTLED * (stored - stored[0])
    expected = forecast_end_values([DAY], [scenarios()], settled[None], prices=PATHS, site=SITE)
    assert end.basis == FORECAST
    assert np.array_equal(end.values, expected[0])


def test_wider_curve_values_what_lies_inside_as_before() -> None:
    stored = soc_grid(SITE.battery)
    curve = concave_terminal_value(2.0 * np.sqrt(stored - stored[0]), SITE.battery)
    wider = curve.spanning(0.0, SITE.battery.capacity_kwh)
    inside = np.linspace(stored[0], stored[-1], 7)
    gained, before = ([each.value_of(soc) - each.value_of(inside[0]) for soc in inside] for each in (wider, curve))
    assert gained == pytest.approx(before)
    assert wider.floor_kwh == 0.0
    assert wider.floor_kwh + wider.widths_kwh.sum() == pytest.approx(SITE.battery.capacity_kwh)


def test_last_kwh_is_worth_the_slope_that_it_lies_in() -> None:
    curve = TerminalValue(floor_kwh=1.0, widths_kwh=np.array([2.0, 2.0]), slopes=np.array([3.0, 1.0]))
    levels = (1.0, 2.9, 3.0, 3.0 + 1e-9, 3.1, 5.0, 5.1)
    assert [curve.marginal(soc) for soc in levels] == [3.0, 3.0, 3.0, 3.0, 1.0, 1.0, 1.0]
