"""Scenarios of a day: load and PV of the days before, slot by slot of the wall clock.

The leakage rule is the forecasts': a day is seen through days that ended at the latest when it began.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np
import polars as pl

from env.home_rows import by_home
from env.inverter import Energy
from env.time_grid import local_clock, local_day
from planner.value.scenario_weights import NAIVE, WeightRules
from planner.value.scenarios import Scenarios, joined_scenarios

SCENARIO_DAYS = NAIVE.n_days
_QUANTITIES = ("load_kwh", "pv_kwh")
Past: TypeAlias = pl.DataFrame | Mapping[date, Scenarios]
"""Readings `slot_start, load_kwh, pv_kwh` whose days are scenarios of later ones, or the scenarios of each day."""


def day_scenarios(
    history: pl.DataFrame, slots: pl.DataFrame, timezone: str, *, rules: WeightRules = NAIVE
) -> Scenarios:
    """Return the scenarios of days with equally many slots.

    Args:
        history: readings `slot_start, load_kwh, pv_kwh`, null where there is none; rows of a day and later do not reach
            that day.
        slots: `slot_start, local_day` and the forecasts `load_forecast, pv_forecast` (null where there is none); of
            several homes with `site`, by home and slot, and `history` with it too.
        timezone: of the site.
        rules: number of days back, and their prior probabilities.

    Returns:
        `(n_days, n_days_back, n_slots)`; where a day before has no reading, the mean of the others at that time of
        day, else the forecast, else nothing.
    """
    n_days = slots.select(pl.struct(by_home(slots, "local_day")).n_unique()).item()
    names = by_home(slots, "local_day", "local_clock")
    keys = slots.select(*by_home(slots, "slot_start", "local_day"), local_clock(timezone))
    daily = _by_clock(history, timezone, names)
    wanted = [keys.with_columns(pl.col("local_day") - pl.duration(days=1 + back)) for back in range(rules.n_days)]
    past = pl.concat(wanted).join(daily, on=names, how="left", maintain_order="left")
    load, pv = (
        filled_gaps(
            np.ascontiguousarray(past[name].to_numpy().reshape(rules.n_days, n_days, -1).transpose(1, 0, 2)),
            slots[forecast].cast(pl.Float64).to_numpy().reshape(n_days, 1, -1),
        )
        for name, forecast in zip(_QUANTITIES, ("load_forecast", "pv_forecast"), strict=True)
    )
    prior = rules.prior()
    return Scenarios(load, pv, None if prior is None else np.broadcast_to(prior, load.shape[:2]))


def _by_clock(history: pl.DataFrame, timezone: str, keys: Sequence[str]) -> pl.DataFrame:
    """Return the mean reading of each local day and time of day: the repeated autumn hour has two."""
    readings = [pl.col(name).cast(pl.Float64).fill_nan(None) for name in _QUANTITIES]
    timed = history.select(*by_home(history), local_day(timezone), local_clock(timezone), *readings)
    return timed.group_by(keys).agg(pl.col(_QUANTITIES).mean())


def filled_gaps(readings: Energy, forecast: Energy) -> Energy:
    """Fill gaps of readings `(n, n_days, n_slots)` by the other days, else by the forecast `(n, 1, n_slots)`."""
    known = np.isfinite(readings)
    count, total = np.zeros(forecast.shape), np.zeros(forecast.shape)
    for back in range(readings.shape[1]):
        count[:, 0] += known[:, back]
        total[:, 0] += np.where(known[:, back], readings[:, back], 0.0)
    mean = np.divide(total, count, out=np.nan_to_num(forecast), where=count > 0)
    return np.where(known, readings, mean)


@dataclass(frozen=True, kw_only=True)
class ScenarioSource:
    """The source of the scenarios of days.

    Attributes:
        history: readings `slot_start, load_kwh, pv_kwh` before the days, null where there is none.
        rules: number of days back, and prior probabilities of the scenarios.
        forecast_scenarios: Aurora's scenarios by day, as known at its midnight, equally many each; a day that is not
            among them has none.
    """

    history: pl.DataFrame
    rules: WeightRules = NAIVE
    forecast_scenarios: Mapping[date, Scenarios] | None = None

    def scenarios(self, slots: pl.DataFrame, timezone: str) -> Scenarios:
        """Return the scenarios of days with equally many slots; `slots` as for `day_scenarios`."""
        history = day_scenarios(self.history, slots, timezone, rules=self.rules)
        if not self.forecast_scenarios or self.rules.forecast_share == 0:
            return history
        days = slots["local_day"].unique(maintain_order=True).to_list()
        filler = next(iter(self.forecast_scenarios.values())).load_kwh.shape[1]
        n_slots = history.load_kwh.shape[2]
        nothing = np.zeros((1, filler, n_slots))
        forecast = joined_scenarios(
            [self.forecast_scenarios.get(day, Scenarios(nothing, nothing)).head(n_slots) for day in days]
        )
        available = np.array([day in self.forecast_scenarios for day in days])
        return _mixed(history, forecast, np.where(available, self.rules.forecast_share, 0.0))

    def by_day(self, slots: pl.DataFrame, timezone: str) -> dict[date, Scenarios]:
        """Return the scenarios of each day, as known at its start, each `(1, n_scenarios, n_slots)`.

        Args:
            slots: as for `day_scenarios`, of whole days of any length.
            timezone: of the site.
        """
        sized = slots.with_columns(n_slots=pl.len().over("local_day"))
        scenarios: dict[date, Scenarios] = {}
        for part in sized.partition_by("n_slots", maintain_order=True):
            together = self.scenarios(part, timezone)
            for index, day in enumerate(part["local_day"].unique(maintain_order=True).to_list()):
                scenarios[day] = together.part(slice(index, index + 1))
        return scenarios


def scenarios_by_day(past: Past, slots: pl.DataFrame, timezone: str) -> Mapping[date, Scenarios]:
    """Return the scenarios of each day: as they are given, or the days before it; as `ScenarioSource.by_day`."""
    return past if isinstance(past, Mapping) else ScenarioSource(history=past).by_day(slots, timezone)


def past_with_forecast_days(
    history: pl.DataFrame, forecast_days: Mapping[date, Scenarios], slots: pl.DataFrame, timezone: str
) -> Past:
    """Return what planners take the scenarios of days from: the history itself where no day is forecast.

    Args:
        history: readings that scenarios of days are taken from which are not forecast.
        forecast_days: scenarios of the other days, as known at their midnights.
        slots: as for `day_scenarios`, of days of any length, each from its midnight on.
        timezone: of the site.
    """
    if not forecast_days:
        return history
    others = slots.filter(~pl.col("local_day").is_in(list(forecast_days)))
    n_slots: dict[date, int] = dict(slots.group_by("local_day").len().iter_rows())
    as_long = {day: scenarios.head(n_slots[day]) for day, scenarios in forecast_days.items()}
    return {**scenarios_by_day(history, others, timezone), **as_long}


def _mixed(history: Scenarios, forecast: Scenarios, share: Energy) -> Scenarios:
    """Concatenate past days and forecast scenarios, the latter with prior probability `share` of each home."""
    priors = [
        weight[:, None]
        * (np.full(part.load_kwh.shape[:2], 1 / part.load_kwh.shape[1]) if part.prior is None else part.prior)
        for part, weight in ((history, 1 - share), (forecast, share))
    ]
    load, pv = (np.concatenate([getattr(history, name), getattr(forecast, name)], axis=1) for name in _QUANTITIES)
    return Scenarios(load, pv, np.concatenate(priors, axis=1))
