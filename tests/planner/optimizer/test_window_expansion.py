"""The window in which a battery charges widens by itself: as much is needed, as slowly it charges, so many slots.

Nothing in the planner expands a window. The optimum of a larger need takes the same cheap slots and the next cheapest.
"""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from env.battery import Battery
from env.time_grid import grid
from planner.oracle import solve_optimal_schedule
from tests.builders.homes import PAPER_BATTERY, STOCKHOLM, home

LOSSLESS = replace(
    PAPER_BATTERY, charge_efficiency=1.0, discharge_efficiency=1.0, wear_cost=0.0, min_soc_kwh=0.0, max_soc_kwh=10.0
)
EVENING = 12
"""Slots of the dear evening, which the battery covers."""


def night(day: date) -> np.ndarray:
    """Return prices of a day, each another, the dearest in its last slots; the cheapest lie below zero."""
    n_slots = grid(day, day, STOCKHOLM).height
    price = 0.02 * np.random.default_rng(1).permutation(n_slots) - 0.1
    price[-EVENING:] = 5.0
    return price


def charging(day: date, needed_kwh: float, battery: Battery = LOSSLESS) -> set[int]:
    """Return the slots in which the optimum charges for so much energy in the evening."""
    price = night(day)
    load = np.zeros(len(price))
    load[-EVENING:] = needed_kwh / EVENING
    # No price is paid for exports: what is charged below zero has to be of use.
    slots = pl.DataFrame({"import_price": price, "export_price": price - 10, "load_kwh": load, "pv_kwh": 0 * load})
    best = solve_optimal_schedule(slots, home(battery), start_soc_kwh=0.0, return_soc_kwh=0.0)
    return set(np.flatnonzero(best.slots["charge_kwh"].to_numpy() > 1e-6).tolist())


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 6, 1), date(2026, 10, 25)])
def test_window_takes_the_next_cheapest_slots_the_more_is_needed(day: date) -> None:
    """4 kW are 1 kWh a slot."""
    windows = [charging(day, needed) for needed in (0.5, 1.0, 2.5, 6.0, 9.0)]
    cheapest = np.argsort(night(day)).tolist()
    assert windows == [set(cheapest[:n_slots]) for n_slots in (1, 1, 3, 6, 9)]


def test_window_widens_where_the_battery_charges_more_slowly() -> None:
    day = date(2026, 6, 1)
    fast, half, tapered = (
        charging(day, 9.0, battery)
        for battery in (
            LOSSLESS,
            replace(LOSSLESS, charge_kw=2.0),
            replace(LOSSLESS, charge_taper=((50.0, 4.0), (100.0, 0.4))),
        )
    )
    assert fast < half
    assert fast < tapered
    assert (len(fast), len(half)) == (9, 18)
    assert len(tapered) > 9
