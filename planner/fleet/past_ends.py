"""The value of stored energy at the end of the published prices for many homes, as the last days had it.

The forecast of the next day's prices, which one home's plan takes where it can, is left out: its 28 paths for eight
scenarios cost a home some fifteen times the rest of its plan (docs/adr/0065).
"""

from collections.abc import Sequence

from env.inverter import Energy
from env.simulator import World
from env.site import Site
from planner.value.end_of_prices import LEAST_PAST_DAYS, PAST_DAYS, SETTLEMENT, EndOfPrices
from planner.value.overnight_value import END_DAYS, start_values
from planner.value.protocol import Protocol
from planner.value.value_function import soc_grid


def past_ends(
    past_days: Sequence[Sequence[World]], settlement_value: Energy, *, site: Site, protocol: Protocol
) -> list[EndOfPrices]:
    """Return the value of stored energy at the end of homes' prices.

    Args:
        past_days: of each home the days before today that are known, in order, one world `(1, n_slots)` each.
        settlement_value: of a kWh, by each home's last published day `(n_homes,)` [money/kWh].
        site: battery and limits that all homes have.
        protocol: settlement at the end of the past days.
    """
    grid = soc_grid(site.battery)
    settled = settlement_value[:, None] * (grid - grid[0])
    last = [list(days[-END_DAYS:]) if len(days) >= LEAST_PAST_DAYS else [] for days in past_days]
    values = start_values([day for days in last for day in days], site, protocol)
    ends: list[EndOfPrices] = []
    first = 0
    for home, days in enumerate(last):
        own, first = values[first : first + len(days)], first + len(days)
        ends.append(EndOfPrices(own.mean(axis=0), PAST_DAYS) if days else EndOfPrices(settled[home], SETTLEMENT))
    return ends
