"""The value of stored energy beyond the published prices, from paths that the next day's prices may take.

The next day's prices come at 13:00, before the day they are of: so the value at its start is the mean, over the paths,
of the value function that knows the path, with the home's scenarios. At the next day's end stands the mean of past days
(`planner.value.overnight_value`), which a day whose prices cannot be forecast keeps alone. One day ahead is forecast:
a second one gained nothing more on train weeks.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Protocol

import numpy as np
import polars as pl

from env.inverter import Energy
from env.site import Site
from env.time_grid import grid, slot_count
from planner.value.scenarios import Scenarios, stretched
from planner.value.value_function import in_order, value_function

BATCH_DAYS = 8
MOST_SCENARIOS = 8  # of a home with prices of 28 paths each: forty would take 1.5 s a day


class DayPrices(Protocol):
    """A forecaster of prices."""

    def paths(self, published: date) -> Energy | None:
        """Return courses of the day after the last published one, by hour `(n_paths, 24)`; None where it cannot."""
        ...


def forecast_end_values(
    days: Sequence[date], scenarios: Sequence[Scenarios], means: Energy, *, prices: DayPrices, site: Site
) -> Energy:
    """Return the value of stored energy at the end of days whose next day is not published `(n_days, n_soc)` [money].

    Args:
        days: last published days.
        scenarios: of each of them, `(1, n_scenarios, n_slots)`; the next day is taken to be like it.
        means: value at the end of a day as the mean of past days has it `(n_days, n_soc)` [money].
        prices: forecaster of spot prices.
        site: battery, limits, tariff and time zone.
    """
    ends = means.copy()
    found = {row: prices.paths(day) for row, day in enumerate(days)}
    rows = [row for row, hourly in found.items() if hourly is not None]
    sizes = {
        row: (slot_count(days[row] + timedelta(days=1), site.timezone), scenarios[row].load_kwh.shape[1])
        for row in rows
    }
    for size in sorted(set(sizes.values())):
        alike = [row for row in rows if sizes[row] == size]
        for first in range(0, len(alike), BATCH_DAYS):
            part = alike[first : first + BATCH_DAYS]
            hourly = [table for row in part if (table := found[row]) is not None]
            ends[part] = _values(
                [days[row] for row in part], [scenarios[row] for row in part], hourly, means[part], site
            )
    return ends


def _values(
    days: Sequence[date], scenarios: Sequence[Scenarios], paths: Sequence[Energy], means: Energy, site: Site
) -> Energy:
    """Return the mean value at the start of the next day over the paths, that of an empty battery being 0."""
    import_price, export_price = _priced(days, paths, site)
    n_days, n_paths, n_slots = import_price.shape
    load, pv = (
        np.concatenate([stretched(getattr(own, name)[:, :MOST_SCENARIOS], n_slots) for own in scenarios])
        for name in ("load_kwh", "pv_kwh")
    )
    ahead = Scenarios(np.repeat(load, n_paths, axis=0), np.repeat(pv, n_paths, axis=0))
    paths_value = value_function(
        ahead,
        import_price.reshape(-1, n_slots),
        export_price.reshape(-1, n_slots),
        site=site,
        end_value=np.repeat(means, n_paths, axis=0),
    )
    expected = in_order(paths_value.expected(0).reshape(n_days, n_paths, -1) / n_paths)
    return expected - expected[:, :1]


def _priced(days: Sequence[date], paths: Sequence[Energy], site: Site) -> tuple[Energy, Energy]:
    """Return import and export price of the slots after each day, by path `(n_days, n_paths, n_slots)` [money/kWh]."""
    frames: list[pl.DataFrame] = []
    for day, hourly in zip(days, paths, strict=True):
        slots = _next_day(day, site.timezone)
        spot = hourly[:, slots["hour"].to_numpy()]
        repeated = pl.concat([slots.select("slot_start")] * len(hourly))
        frames.append(repeated.with_columns(price=pl.Series(spot.reshape(-1))))
    priced = site.tariff.with_prices(pl.concat(frames), site.timezone)
    shape = (len(days), len(paths[0]), -1)
    return priced["import_price"].to_numpy().reshape(shape), priced["export_price"].to_numpy().reshape(shape)


def _next_day(day: date, timezone: str) -> pl.DataFrame:
    """Return the slots of the day after, with the hour of the clock that each lies in."""
    clock = pl.col("slot_start").dt.convert_time_zone(timezone)
    after = day + timedelta(days=1)
    return grid(after, after, timezone).select("slot_start", hour=clock.dt.hour().cast(pl.Int64))
