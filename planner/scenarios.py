"""Scenarios of a day: what the house did on the days before, slot by slot of the wall clock.

The leakage rule is the forecasts': a day is seen through days that ended at the latest when it began.
"""

import numpy as np
import polars as pl

from env.inverter import Energy
from env.time_grid import local_clock, local_day
from planner.value_function import Scenarios

SCENARIO_DAYS = 7
_QUANTITIES = ("load_kwh", "pv_kwh")


def day_scenarios(
    history: pl.DataFrame, slots: pl.DataFrame, timezone: str, *, n_days: int = SCENARIO_DAYS
) -> Scenarios:
    """What the house may do on days of equally many slots.

    Args:
        history: readings `slot_start, load_kwh, pv_kwh`, null where there is none; rows of a day and later do not reach
            that day.
        slots: `slot_start, local_day` and the forecasts `load_forecast, pv_forecast` (null where there is none).
        timezone: of the site.
        n_days: days back.

    Returns:
        `(n_days_asked, n_days, n_slots)`; where a day before has no reading, the mean of the others at that time of
        day, else the forecast, else nothing.
    """
    shape = (slots["local_day"].n_unique(), 1, -1)
    wanted = slots.select("slot_start", "local_day", local_clock(timezone))
    daily = _by_clock(history, timezone)
    tables: dict[str, list[Energy]] = {name: [] for name in _QUANTITIES}
    for back in range(1, n_days + 1):
        shifted = daily.with_columns(pl.col("local_day") + pl.duration(days=back))
        found = wanted.join(shifted, on=["local_day", "local_clock"], how="left", maintain_order="left")
        for name in _QUANTITIES:
            tables[name].append(found[name].to_numpy().reshape(shape))
    load, pv = (
        _filled(np.concatenate(tables[name], axis=1), slots[forecast].cast(pl.Float64).to_numpy().reshape(shape))
        for name, forecast in zip(_QUANTITIES, ("load_forecast", "pv_forecast"), strict=True)
    )
    return Scenarios(load, pv)


def _by_clock(history: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Mean reading of each local day and time of day: the repeated autumn hour has two."""
    readings = [pl.col(name).cast(pl.Float64).fill_nan(None) for name in _QUANTITIES]
    timed = history.select(local_day(timezone), local_clock(timezone), *readings)
    return timed.group_by("local_day", "local_clock").agg(pl.col(_QUANTITIES).mean())


def _filled(readings: Energy, forecast: Energy) -> Energy:
    """Readings `(n, n_days, n_slots)` without gaps."""
    known = np.isfinite(readings)
    count, total = np.zeros(forecast.shape), np.zeros(forecast.shape)
    for back in range(readings.shape[1]):
        count[:, 0] += known[:, back]
        total[:, 0] += np.where(known[:, back], readings[:, back], 0.0)
    mean = np.divide(total, count, out=np.nan_to_num(forecast), where=count > 0)
    return np.where(known, readings, mean)
