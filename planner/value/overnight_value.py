"""What stored energy is worth at a local midnight beyond which no price is known: days like the last ones may follow.

For each past day the value function with that day's own prices, load and PV tells what stored energy would have been
worth at its start; the mean over the last days is what to expect, and honest: it uses days that ended before.
"""

import numpy as np

from env.inverter import Energy
from env.simulator import World
from env.site import Site
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios
from planner.value.value_function import GRID_POINTS, soc_grid, value_function

END_DAYS = 7  # days like which the next one may be


def start_values(days: list[World], site: Site, protocol: Protocol) -> Energy:
    """What stored energy was worth at the start of each day, had the day been known `(n_days, n_soc)` [money].

    Args:
        days: each of one day, `(1, n_slots)`, any number of slots.
        site: battery and limits.
        protocol: how the end of a day is settled.
    """
    grid = soc_grid(site.battery)
    values = np.zeros((len(days), GRID_POINTS))
    for n_slots in sorted({day.load_kwh.shape[1] for day in days}):
        alike = [index for index, day in enumerate(days) if day.load_kwh.shape[1] == n_slots]
        load, pv, bought, sold = (
            np.concatenate([getattr(days[index], name) for index in alike])
            for name in ("load_kwh", "pv_kwh", "import_price", "export_price")
        )
        settled = np.array([protocol.settlement(prices, site.battery) for prices in bought])
        scenarios = Scenarios(load[:, None], pv[:, None])
        worth = value_function(scenarios, bought, sold, site=site, end_value=settled[:, None] * grid)
        values[alike] = worth.value[:, 0, 0]
    return values - values[:, :1]


def end_values(starts: Energy, *, fallback: Energy) -> Energy:
    """For each day, what to expect stored energy to be worth after it `(n_days, n_soc)` [money].

    Args:
        starts: `start_values` of the same days, in order.
        fallback: worth of a stored kWh for a day with none before it `(n_days,)` [money/kWh].
    """
    n_days, n_soc = starts.shape
    expected = np.empty_like(starts)
    for day in range(n_days):
        before = starts[max(0, day - END_DAYS) : day]
        expected[day] = before.mean(axis=0) if len(before) else fallback[day] * np.arange(n_soc)
    return expected
