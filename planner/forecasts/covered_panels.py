"""Days on which the panels gave next to nothing though there was light: snow lies on them, or they are off.

Measured on three buildings in Trondheim (four years): from March to October the darkest day of one whose panels are
kept clear gave 2 % of a clear sky's energy or more; the two that snow lies on had 22 to 87 days below 0.5 % in each of
February to April of those years.
"""

import numpy as np

from env.inverter import Energy
from env.types import Integers, Mask
from planner.forecasts.clear_sky import PvSystem, clear_sky_kwh_per_kw, day_starts
from planner.forecasts.slot_series import DAY_SLOTS, SlotSeries

COVERED_SHARE = 0.01  # of a clear day's energy, that the thickest clouds still let through
USUAL_QUANTILE = 0.95  # of the days' shares of the physics: a clear day
SEASON_DAYS = 30  # days before and after whose best is a clear day, where the place is unknown
LEAST_READ = 0.9  # of a day's slots
LEAST_LIGHT = 0.02  # of the brightest day's physics, below which there is no light to miss


def covered_slots(series: SlotSeries, panels: PvSystem | None) -> Mask:
    """Return the slots of days on which the panels were covered or off `(n_slots,)`.

    Args:
        series: readings of the home.
        panels: location and orientation of the panels; None compares with the days around.
    """
    day = day_starts(series, np.arange(len(series)))
    firsts, row = np.unique(day, return_inverse=True)
    return covered_days(series, panels, firsts)[row]


def covered_days(series: SlotSeries, panels: PvSystem | None, firsts: Integers) -> Mask:
    """Return which local days, named by their first slots, the panels were covered or off."""
    length = np.diff(np.append(firsts, len(series)))
    read = np.isfinite(series.pv_kwh)
    known = np.add.reduceat(read.astype(np.int64), firsts) >= LEAST_READ * np.maximum(length, DAY_SLOTS - 4)
    made = np.add.reduceat(np.where(read, series.pv_kwh, 0.0), firsts)
    if not (made[known] > 0).any():
        return np.zeros(len(firsts), dtype=bool)  # no panels, or never any light
    light = np.ones(len(firsts))
    if panels is not None:
        light = np.add.reduceat(clear_sky_kwh_per_kw(series, panels), firsts)
    bright = known & (light > LEAST_LIGHT * light.max())
    share = np.divide(made, light, out=np.full(len(firsts), np.nan), where=bright)
    return bright & (share < COVERED_SHARE * _usual(share, panels))


def _usual(share: Energy, panels: PvSystem | None) -> Energy:
    """Return what a clear day gives, at each day, as `share` is."""
    if panels is not None:
        return np.full(len(share), np.nanquantile(share, USUAL_QUANTILE))
    known = np.nan_to_num(share, nan=0.0)
    padded = np.pad(known, SEASON_DAYS)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * SEASON_DAYS + 1).max(axis=1)
