"""Day curves: the expected cost of a day below a level of its demand charge, for every level at once.

A day that begins with the peak t pays nothing up to it. So the value function with the day's peak in its state, at a
level of 0, says for every t what the day costs with only power above t charged: its value in the row of t, less the
charge of t itself. It knows what a planner knows at midnight, its scenarios, and not what came.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import polars as pl

from env.inverter import Energy
from env.power_tariff import PowerTariff
from env.site import Site
from planner.optimizer.peak_calendar import peak_calendar
from planner.parallel import alike
from planner.value.day_peak import DayPeak
from planner.value.peak_value import peak_value_at_start
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios, joined_scenarios
from planner.value.slot_prices import SlotPrices, day_peak
from planner.value.value_function import soc_grid

Day = TypeVar("Day", bound=Hashable)


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


def curves_by_day(
    days: Mapping[Day, pl.DataFrame],
    scenarios: Mapping[Day, Scenarios],
    tariff: PowerTariff,
    site: Site,
    protocol: Protocol,
) -> dict[Day, DayCurve]:
    """Return the curve of each day; those that are charged alike are worked out together.

    Args:
        days: slots of each, by whatever tells them apart: `slot_start, import_price, export_price`.
        scenarios: of at least these days, one home each.
        tariff: the component: a price per kW, by which a day is charged once.
        site: battery and limits.
        protocol: start and settlement.
    """
    peaks = {day: _peak(slots["slot_start"], tariff, site) for day, slots in days.items()}
    curves: dict[Day, DayCurve] = {}
    for together in alike(list(days), lambda day: (peaks[day].form, scenarios[day].form)):
        joined = joined_scenarios([scenarios[day] for day in together])
        import_price, export_price = (
            np.stack([days[day][name].cast(pl.Float64).to_numpy() for day in together])
            for name in ("import_price", "export_price")
        )
        found = _curves(joined, import_price, export_price, peak=peaks[together[0]], site=site, protocol=protocol)
        curves |= dict(zip(together, found, strict=True))
    return curves


def homes_curves(
    slot_start: pl.Series,
    scenarios: Scenarios,
    import_price: Energy,
    export_price: Energy,
    *,
    tariff: PowerTariff,
    site: Site,
    protocol: Protocol,
) -> list[DayCurve]:
    """Return the curves of one day of several homes; the rest as for `curves_by_day`.

    Args:
        slot_start: of the day (UTC).
        scenarios: of the homes.
        import_price: `(n_homes, n_slots)` [money/kWh].
        export_price: `(n_homes, n_slots)` [money/kWh].
        tariff: the component.
        site: battery and limits that all homes have.
        protocol: start and settlement of all of them.
    """
    peak = _peak(slot_start, tariff, site)
    return _curves(scenarios, import_price, export_price, peak=peak, site=site, protocol=protocol)


def _peak(slot_start: pl.Series, tariff: PowerTariff, site: Site) -> DayPeak:
    """Return the component at a level of 0."""
    return day_peak(peak_calendar(slot_start, tariff, site.timezone), 0.0, tariff.price_per_kw / tariff.top)


def _curves(
    scenarios: Scenarios, import_price: Energy, export_price: Energy, *, peak: DayPeak, site: Site, protocol: Protocol
) -> list[DayCurve]:
    """Return the curves of days or homes with equally many slots and scenarios, whose slots count alike."""
    settlement = np.array([protocol.settlement(prices, site.battery) for prices in import_price])
    value = peak_value_at_start(
        scenarios,
        import_price,
        export_price,
        site=site,
        end_value=settlement[:, None] * soc_grid(site.battery),
        peak=peak,
        others=SlotPrices.nothing(len(peak.period)),
    )
    weights = np.full(scenarios.load_kwh.shape[:2], 1 / scenarios.load_kwh.shape[1])
    expected = value.expected(0, weights if scenarios.prior is None else scenarios.prior)
    caps = value.caps_kw
    left = value.left(expected, caps, np.full(caps.shape, protocol.start_soc_kwh))
    return [
        DayCurve(own[:count], -worth[:count] - peak.rate * own[:count])
        for own, worth, count in zip(caps, left, value.own_caps.tolist(), strict=True)
    ]


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
