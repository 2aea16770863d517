"""The rule policies of arXiv 2307.07580: hour by hour, with no forecast.

Peak shaving holds the season's power: it discharges what the house draws above it, and charges up to it.
Arbitrage charges in hours cheaper than the day's median price and covers the house in the others; capped, it charges no
further than the season's power. Days are published whole, so the day's median is known when the day begins.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.trondheim_2022.home import BATTERY, GRID_KW, START_KWH, Home, Hours, stored_after

WINTER, SHOULDER, SUMMER = 10.0, 5.0, 2.0
SEASONAL_KW = {
    **dict.fromkeys((12, 1, 2), WINTER),
    **dict.fromkeys((3, 4, 10, 11), SHOULDER),
    **dict.fromkeys((5, 6, 7, 8, 9), SUMMER),
}
"""The end of the tier that each month of the year aims for [kW]."""


@dataclass(frozen=True)
class Hour:
    """Information of a rule in an hour.

    Attributes:
        load: load of the house [kWh].
        stored: stored energy of the battery [kWh].
        season_kw: power of the season's tier [kW].
        cheap: whether the price is below the day's median.
    """

    load: float
    stored: float
    season_kw: float
    cheap: bool


Rule = Callable[[Hour], tuple[float, float]]
"""A policy: charge and discharge of an hour [kWh]."""


def _room(stored_kwh: float) -> float:
    """Return the most that can be charged in an hour [kWh]."""
    return min(BATTERY.charge_kw, (BATTERY.max_soc_kwh - stored_kwh) / BATTERY.charge_efficiency)


def _reserve(stored_kwh: float) -> float:
    """Return the most that can be discharged in an hour [kWh]."""
    return min(BATTERY.discharge_kw, stored_kwh * BATTERY.discharge_efficiency)


def no_storage(_: Hour) -> tuple[float, float]:
    """Leave the battery idle."""
    return 0.0, 0.0


def peak_shaving(hour: Hour) -> tuple[float, float]:
    """Hold the season's power."""
    if hour.load > hour.season_kw:
        return 0.0, min(hour.load - hour.season_kw, _reserve(hour.stored))
    return min(hour.season_kw - hour.load, _room(hour.stored)), 0.0


def arbitrage(hour: Hour) -> tuple[float, float]:
    """Charge while it is cheap, cover the house while it is not."""
    return (_room(hour.stored), 0.0) if hour.cheap else (0.0, min(hour.load, _reserve(hour.stored)))


def capped_arbitrage(hour: Hour) -> tuple[float, float]:
    """Arbitrage, drawing no more than the season's power while charging."""
    charge, discharge = arbitrage(hour)
    return min(charge, max(hour.season_kw - hour.load, 0.0)), discharge


def follow(rule: Rule, home: Home, hours: slice) -> Hours:
    """Return the import hour by hour when a rule decides `(n_hours,)` [kWh]."""
    price = home.price[hours].reshape(-1, 24)
    cheap = (price < np.median(price, axis=1, keepdims=True)).ravel()
    season = [SEASONAL_KW[month] for month in home.slot_start[hours].dt.month()]
    imported = np.empty(len(season))
    stored = START_KWH
    for hour, load in enumerate(home.load_kwh[hours].tolist()):
        charge, discharge = rule(Hour(load, stored, season[hour], bool(cheap[hour])))
        charge = min(charge, max(GRID_KW - load + discharge, 0.0))
        imported[hour] = load + charge - discharge
        stored = stored_after(stored, charge, discharge)
    return imported
