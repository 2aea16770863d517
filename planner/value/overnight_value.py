"""The value of stored energy at a local midnight beyond which no price is published.

For each past day the value function with that day's own prices, load and PV gives the value of stored energy at its
start; the mean over the last days is the expectation. It uses only days that ended before.
"""

import numpy as np

from env.inverter import Energy
from env.simulator import World
from env.site import Site
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios
from planner.value.value_function import GRID_POINTS, soc_grid, value_function

END_DAYS = 7  # past days that are averaged


def start_values(days: list[World], site: Site, protocol: Protocol) -> Energy:
    """Return the value of stored energy at the start of each day, in hindsight `(n_days, n_soc)` [money].

    Args:
        days: one world a day, `(1, n_slots)`, of any number of slots.
        site: battery and limits.
        protocol: settlement at the end of a day.
    """
    grid = soc_grid(site.battery)
    values = np.zeros((len(days), GRID_POINTS))
    for n_slots in sorted({day.load_kwh.shape[1] for day in days}):
        alike = [index for index, day in enumerate(days) if day.load_kwh.shape[1] == n_slots]
        load, pv, import_price, export_price = (
            np.concatenate([getattr(days[index], name) for index in alike])
            for name in ("load_kwh", "pv_kwh", "import_price", "export_price")
        )
        settled = np.array([protocol.settlement(prices, site.battery) for prices in import_price])
        scenarios = Scenarios(load[:, None], pv[:, None])
        end_value = settled[:, None] * grid
        function = value_function(scenarios, import_price, export_price, site=site, end_value=end_value)
        values[alike] = function.value[:, 0, 0]
    return values - values[:, :1]


def end_values(starts: Energy, *, fallback: Energy) -> Energy:
    """Return the expected value of stored energy after each day `(n_days, n_soc)` [money].

    Args:
        starts: `start_values` of the same days, in order.
        fallback: value of a grid step of stored energy for a day with none before it `(n_days,)` [money].
    """
    n_days, n_soc = starts.shape
    expected = np.empty_like(starts)
    for day in range(n_days):
        before = starts[max(0, day - END_DAYS) : day]
        expected[day] = before.mean(axis=0) if len(before) else fallback[day] * np.arange(n_soc)
    return expected
