"""The value of stored energy to a plan at the end of the published prices.

By the forecast of the day that follows (`forecast_ends`), as in the continuous protocol; where its prices cannot be
forecast, as the last days had it; in a home that is younger, as the daily protocol settles, by the last published day's
own prices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from env.inverter import Energy
from env.simulator import World
from env.site import Site
from planner.value.forecast_ends import DayPrices, PricedPaths, path_end_values, priced_paths
from planner.value.overnight_value import END_DAYS, start_values
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios
from planner.value.value_function import soc_grid

LEAST_PAST_DAYS = 3  # fewer say little about the days to come
EndBasis = Literal["forecast", "past_days", "settlement"]
FORECAST: EndBasis = "forecast"
PAST_DAYS: EndBasis = "past_days"
SETTLEMENT: EndBasis = "settlement"


@dataclass(frozen=True, eq=False)
class EndOfPrices:
    """The value of stored energy at the end of the published prices.

    Attributes:
        values: on `soc_grid`, an empty battery's being 0 `(n_soc,)` [money].
        basis: `forecast` of the next day's prices, value of the last `past_days`, or `settlement` by the last day's own
            prices.
    """

    values: Energy
    basis: EndBasis


def end_of_prices(
    published: date,
    scenarios: Scenarios,
    past_days: Sequence[World],
    settlement_value: float,
    *,
    prices: DayPrices,
    site: Site,
    protocol: Protocol,
) -> EndOfPrices:
    """Return the value of stored energy at the end of a day, as known once its prices are.

    Args:
        published: the day, the last one with published prices.
        scenarios: of the home's days to come, `(1, n_scenarios, n_slots)`.
        past_days: the days before today, in order, one world `(1, n_slots)` each.
        settlement_value: of a kWh, by the day's own prices [money/kWh].
        prices: forecaster of spot prices.
        site: battery, limits, tariff and time zone.
        protocol: settlement at the end of the past days.
    """
    hourly = prices.paths(published)
    paths = None if hourly is None else priced_paths(published, hourly, site)
    own = HomeAtEnd(scenarios, past_days, settlement_value, paths)
    return ends_of_prices([own], site=site, protocol=protocol)[0]


@dataclass(frozen=True, eq=False)
class HomeAtEnd:
    """Traits that a home's value of energy at the end of the published prices follows from, beside its battery.

    Attributes:
        scenarios: of its days to come, `(1, n_scenarios, n_slots)`.
        past_days: the days before today, in order, one world `(1, n_slots)` each.
        settlement_value: of a kWh, by the last published day's own prices [money/kWh].
        paths: courses that the next day's prices may take; None where they cannot be forecast.
    """

    scenarios: Scenarios
    past_days: Sequence[World]
    settlement_value: float
    paths: PricedPaths | None


def ends_of_prices(homes: Sequence[HomeAtEnd], *, site: Site, protocol: Protocol) -> list[EndOfPrices]:
    """Return the value of stored energy at the end of the published prices of homes.

    Args:
        homes: the homes.
        site: battery and limits that all of them have.
        protocol: settlement at the end of their past days.
    """
    grid = soc_grid(site.battery)
    last = [list(home.past_days[-END_DAYS:]) for home in homes]
    starts = start_values([day for days in last for day in days], site, protocol)
    means = np.array([home.settlement_value * (grid - grid[0]) for home in homes])
    first = 0
    for row, days in enumerate(last):
        if days and (homes[row].paths is not None or len(days) >= LEAST_PAST_DAYS):
            means[row] = starts[first : first + len(days)].mean(axis=0)
        first += len(days)
    values = path_end_values([home.paths for home in homes], [home.scenarios for home in homes], means, site=site)
    bases: list[EndBasis] = [
        FORECAST if home.paths is not None else PAST_DAYS if len(days) >= LEAST_PAST_DAYS else SETTLEMENT
        for home, days in zip(homes, last, strict=True)
    ]
    return [EndOfPrices(value, basis) for value, basis in zip(values, bases, strict=True)]
