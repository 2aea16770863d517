"""Levels of a demand charge by what past days were expected to cost."""

from datetime import date

import numpy as np
import pytest

from env.power_tariff import PowerTariff
from env.time_grid import grid
from planner.demand_charges.day_curves import DayCurve, curves_by_day, expected_level
from planner.optimizer.peak_calendar import peak_calendar
from planner.value.peak_value import peak_value_function
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import slot_prices
from planner.value.value_function import soc_grid
from tests.builders.homes import PAPER_BATTERY, STOCKHOLM, days_of_slots, home

PER_KW = PowerTariff(top=2, price_per_kw=20.0)


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)], ids=["23 h", "25 h"])
def test_curve_is_the_value_at_every_level_of_its_own(day: date) -> None:
    site, slots, protocol = home(PAPER_BATTERY), days_of_slots(day, day, seed=1), Protocol(start_soc_kwh=4.0)
    rng = np.random.default_rng(3)
    scenarios = Scenarios(*(rng.uniform(0, most, (1, 3, slots.height)) for most in (1.2, 0.4)))
    curve = curves_by_day({day: slots}, {day: scenarios}, PER_KW, site, protocol)[day]
    assert (np.diff(curve.cost) <= 1e-9).all(), "a higher level never costs more"
    calendar = peak_calendar(grid(day, day, STOCKHOLM)["slot_start"], PER_KW, STOCKHOLM)
    prices = [slots[name].to_numpy()[None] for name in ("import_price", "export_price")]
    settlement = protocol.settlement(prices[0][0], site.battery)
    for level in curve.level_kw[[2, -2]]:
        power = slot_prices([calendar], np.array([level]), np.array([10.0]), once_a_day=[True])
        assert power.day_peak is not None
        value = peak_value_function(
            scenarios,
            *prices,
            site=site,
            end_value=settlement * soc_grid(site.battery)[None],
            peak=power.day_peak,
            others=power.others,
        )
        weights = np.full((1, 3), 1 / 3)
        cost = -value.left(value.expected(0, weights), np.array([[level]]), np.array([[4.0]])).item()
        assert curve.at(np.array([level])).item() == pytest.approx(cost, abs=0.3), "of 10 a kW; caps lie elsewhere"


def test_level_is_where_another_kw_costs_what_it_saves() -> None:
    """Days cost 10 for each kW that their 6 kW are above the level: three of them more than two peaks of 10 are worth.

    At the month's last day alone the rate, 20, is more than its 10, and lower is better.
    """
    day = DayCurve(np.array([0.0, 6.0, 9.0]), np.array([60.0, 0.0, 0.0]))
    assert expected_level([day], PER_KW, days_left=3, peaks_kw=[]) == 6.0
    assert expected_level([day], PER_KW, days_left=1, peaks_kw=[]) == 0.0
    assert expected_level([day], PER_KW, days_left=1, peaks_kw=[4.0, 3.0]) == 3.0, "up to the second highest it is free"
    assert day.at(np.array([12.0])).item() == 0.0
