"""The value of stored energy to a plan at the end of the published prices.

By the forecast of the day that follows (`forecast_ends`), as in the continuous protocol; where its prices cannot be
forecast, as the last days had it; in a home that is younger, as the daily protocol settles, by the last published day's
own prices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from env.inverter import Energy
from env.simulator import World
from env.site import Site
from planner.value.forecast_ends import DayPrices, forecast_end_values
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
    grid = soc_grid(site.battery)
    settled = settlement_value * (grid - grid[0])
    last = past_days[-END_DAYS:]
    means = start_values([*last], site, protocol).mean(axis=0) if last else settled
    if prices.paths(published) is not None:
        ends = forecast_end_values([published], [scenarios], means[None], prices=prices, site=site)
        return EndOfPrices(ends[0], FORECAST)
    return EndOfPrices(means, PAST_DAYS) if len(last) >= LEAST_PAST_DAYS else EndOfPrices(settled, SETTLEMENT)
