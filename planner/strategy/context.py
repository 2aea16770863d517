"""The context of a plan: how its prices spread, and how uncertain the house and the sun are."""

from dataclasses import dataclass

import numpy as np

from env.inverter import Energy
from env.time_grid import SLOT_HOURS
from planner.value.scenarios import Scenarios

HOURS_OF_DAY = 24.0
LEAST_PRICE = 1e-6
LEAST_KWH = 0.1
"""A day's sun below this is none, and not volatile [kWh]."""


@dataclass(frozen=True, kw_only=True)
class StrategyContext:
    """The context of a plan.

    Attributes:
        price_spread: highest less lowest import price, as a share of the mean.
        uncertainty_kwh: standard deviation of the net load's sum over the scenarios, for a day [kWh].
        volatility: standard deviation of the sun's sum over the scenarios, as a share of its mean; 0 without sun.
    """

    price_spread: float
    uncertainty_kwh: float
    volatility: float


def context_of(import_price: Energy, scenarios: Scenarios) -> StrategyContext:
    """Return the context of a span of one home.

    Args:
        import_price: of its slots `(n_slots,)` [money/kWh].
        scenarios: of its load and PV, `(1, n_scenarios, n_slots)`.
    """
    level = max(float(np.abs(import_price).mean()), LEAST_PRICE)
    days = len(import_price) * SLOT_HOURS / HOURS_OF_DAY
    sun = _per_day(scenarios.pv_kwh, days)
    mean_sun = float(sun.mean())
    return StrategyContext(
        price_spread=float(np.ptp(import_price)) / level,
        uncertainty_kwh=float(_per_day(scenarios.load_kwh - scenarios.pv_kwh, days).std()),
        volatility=float(sun.std()) / mean_sun if mean_sun > LEAST_KWH else 0.0,
    )


def _per_day(table: Energy, days: float) -> Energy:
    """Return the sum of each scenario for a day; deviations of part of a day are scaled as those of a sum are [kWh]."""
    return table[0].sum(axis=1) / np.sqrt(max(days, 1.0))
