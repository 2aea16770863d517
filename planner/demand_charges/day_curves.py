"""Day curves: the expected cost of a day below a level of its demand charge, for every level at once.

A day that begins with the peak t pays nothing up to it. So the value function with the day's peak in its state, at a
level of 0, says for every t what the day costs with only power above t charged: its value in the row of t, less the
charge of t itself. It knows what a planner knows at midnight, its scenarios, and not what came.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from env.inverter import Energy
from env.power_tariff import PowerTariff
from env.site import Site
from planner.optimizer.peak_calendar import peak_calendar
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import day_peak, slot_prices
from planner.value.value_cache import recent_peak_value_function
from planner.value.value_function import soc_grid


@dataclass(frozen=True)
class DayCurve:
    """Expected cost of a day by the level above which its peak is charged.

    Attributes:
        level_kw: ascending from 0 `(n,)` [kW].
        cost: with the charge of what is above the level, less what is stored at the end `(n,)` [money].
    """

    level_kw: Energy
    cost: Energy

    def at(self, level_kw: Energy) -> Energy:
        """Return the cost at levels; above the highest nothing is charged [money]."""
        return np.interp(level_kw, self.level_kw, self.cost)


def day_curve(
    slots: pl.DataFrame, scenarios: Scenarios, tariff: PowerTariff, site: Site, protocol: Protocol
) -> DayCurve:
    """Return the curve of a day.

    Args:
        slots: of the day: `slot_start, import_price, export_price`.
        scenarios: of the day, one home.
        tariff: the component: a price per kW, by which a day is charged once.
        site: battery and limits.
        protocol: start and settlement.
    """
    calendar = peak_calendar(slots["slot_start"], tariff, site.timezone)
    rate = tariff.price_per_kw / tariff.top
    power = slot_prices([calendar], np.zeros(1), np.array([rate]))
    import_price, export_price = (
        slots[name].cast(pl.Float64).to_numpy()[None] for name in ("import_price", "export_price")
    )
    settlement = protocol.settlement(import_price[0], site.battery)
    value = recent_peak_value_function(
        scenarios,
        import_price,
        export_price,
        site=site,
        end_value=settlement * soc_grid(site.battery)[None],
        peak=day_peak(calendar, 0.0, rate),
        others=power.part_of([]),
    )
    weights = np.full((1, scenarios.load_kwh.shape[1]), 1 / scenarios.load_kwh.shape[1])
    expected = value.expected(0, weights if scenarios.prior is None else scenarios.prior)
    caps = value.caps_kw[0]
    held = np.full((1, len(caps)), protocol.start_soc_kwh)
    return DayCurve(caps, -value.left(expected, caps[None], held)[0] - rate * caps)


def expected_level(
    curves: Sequence[DayCurve], tariff: PowerTariff, *, days_left: int, peaks_kw: Sequence[float]
) -> float:
    """Return the level at which the rest of a month is expected to cost least, were it like these days [kW].

    Args:
        curves: of the days, at least one.
        tariff: the component.
        days_left: days that the rest of the month has.
        peaks_kw: of the month so far [kW].
    """
    levels = np.unique(np.concatenate([np.concatenate([curve.level_kw for curve in curves]), peaks_kw]))
    total = tariff.price_per_kw * levels + days_left / len(curves) * sum(curve.at(levels) for curve in curves)
    for kw in peaks_kw:
        total += tariff.price_per_kw / tariff.top * np.maximum(kw - levels, 0.0)
    return float(levels[np.argmin(total)])
