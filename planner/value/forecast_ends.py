"""The value of stored energy beyond the published prices, from paths that the next day's prices may take.

The next day's prices come at 13:00, before the day they are of: so the value at its start is the mean, over the paths,
of the value function that knows the path, with the home's scenarios. At the next day's end stands the mean of past days
(`planner.value.overnight_value`), which a day whose prices cannot be forecast keeps alone. One day ahead is forecast:
a second one gained nothing more on train weeks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

import numpy as np
import polars as pl

from env.inverter import Energy
from env.site import Site
from env.time_grid import grid
from planner.value.scenarios import Scenarios, stretched
from planner.value.value_function import in_order, value_function

BATCH_DAYS = 8
MOST_SCENARIOS = 8  # of a home with prices of 28 paths each: forty would take 1.5 s a day


class DayPrices(Protocol):
    """A forecaster of prices."""

    def paths(self, published: date) -> Energy | None:
        """Return courses of the day after the last published one, by hour `(n_paths, 24)`; None where it cannot."""
        ...


@dataclass(frozen=True, eq=False)
class PricedPaths:
    """Courses that a day's prices may take, as a tariff bills them.

    Attributes:
        import_price: `(n_paths, n_slots)` [money/kWh].
        export_price: the same [money/kWh].
    """

    import_price: Energy
    export_price: Energy


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
    found = [None if (hourly := prices.paths(day)) is None else priced_paths(day, hourly, site) for day in days]
    return path_end_values(found, scenarios, means, site=site)


def path_end_values(
    paths: Sequence[PricedPaths | None], scenarios: Sequence[Scenarios], means: Energy, *, site: Site
) -> Energy:
    """Return the value of stored energy before days that may take several courses `(n_days, n_soc)` [money].

    Args:
        paths: of each day or home, equally many each; None keeps the mean.
        scenarios: of each of them, `(1, n_scenarios, n_slots)`.
        means: value at the end of the day as the mean of past days has it `(n_days, n_soc)` [money].
        site: battery and limits.
    """
    ends = means.copy()
    forms: dict[tuple[int, int], list[int]] = {}
    for row, (path, own) in enumerate(zip(paths, scenarios, strict=True)):
        if path is not None:
            forms.setdefault((path.import_price.shape[1], own.load_kwh.shape[1]), []).append(row)
    for _, alike in sorted(forms.items()):
        for first in range(0, len(alike), BATCH_DAYS):
            part = alike[first : first + BATCH_DAYS]
            courses = [path for row in part if (path := paths[row]) is not None]
            ends[part] = _values(courses, [scenarios[row] for row in part], means[part], site)
    return ends


def _values(paths: Sequence[PricedPaths], scenarios: Sequence[Scenarios], means: Energy, site: Site) -> Energy:
    """Return the mean value at the start of a day over its paths, that of an empty battery being 0."""
    n_days, (n_paths, n_slots) = len(paths), paths[0].import_price.shape
    load, pv = (
        np.concatenate([stretched(getattr(own, name)[:, :MOST_SCENARIOS], n_slots) for own in scenarios])
        for name in ("load_kwh", "pv_kwh")
    )
    ahead = Scenarios(np.repeat(load, n_paths, axis=0), np.repeat(pv, n_paths, axis=0))
    paths_value = value_function(
        ahead,
        np.concatenate([path.import_price for path in paths]),
        np.concatenate([path.export_price for path in paths]),
        site=site,
        end_value=np.repeat(means, n_paths, axis=0),
    )
    expected = in_order(paths_value.expected(0).reshape(n_days, n_paths, -1) / n_paths)
    return expected - expected[:, :1]


def priced_paths(published: date, hourly: Energy, site: Site) -> PricedPaths:
    """Return what a home pays on the courses of the day after a day.

    Args:
        published: the day.
        hourly: spot prices of the next one `(n_paths, 24)` [money/kWh].
        site: tariff and time zone.
    """
    slots = _next_day(published, site.timezone)
    spot = hourly[:, slots["hour"].to_numpy()]
    repeated = pl.concat([slots.select("slot_start")] * len(hourly)).with_columns(price=pl.Series(spot.reshape(-1)))
    priced = site.tariff.with_prices(repeated, site.timezone)
    shape = (len(hourly), -1)
    return PricedPaths(*(priced[name].to_numpy().reshape(shape) for name in ("import_price", "export_price")))


def _next_day(day: date, timezone: str) -> pl.DataFrame:
    """Return the slots of the day after, with the hour of the clock that each lies in."""
    clock = pl.col("slot_start").dt.convert_time_zone(timezone)
    after = day + timedelta(days=1)
    return grid(after, after, timezone).select("slot_start", hour=clock.dt.hour().cast(pl.Int64))
