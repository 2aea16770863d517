"""Forecasts of the prices of days that are not published yet: one ridge regression an hour, refitted every month.

    forecast of hour h = mean of the last seven days at h + spread x (features of the last published day) . weights

Level and spread are of the last fourteen days, so that a dear winter teaches something about a cheap summer. What is
learned is the distance from the mean of seven days, and a ridge pulls it to nothing where there are few days to learn
from: a new home's forecast is that mean. Hoerl & Kennard, "Ridge regression" (1970).

Only prices of days up to the last published one reach a forecast; weights are fitted on targets before its month.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import cast

import numpy as np
import polars as pl

from env.inverter import Energy
from env.time_grid import local_day
from env.types import Mask

HOURS = 24
LEAST_DAYS = 28
"""Days with features and a target that a fit needs; with fewer nothing is forecast."""
SPREAD_DAYS, LONG_DAYS, WEEK = 14, 28, 7
RIDGE_SHARE, RIDGE_DAYS = 0.03, 100.0  # pull to nothing: a share of the days learned from, and as many more
MOST_SPREADS = 4.0  # of a target: one spike does not decide
LEAST_SPREAD = 0.05  # of the level, so that a flat fortnight divides by something
CONSTANT = 1e-9  # spread of a feature that says nothing
DAYS_A_YEAR = 365.25
NEEDED_DAYS = LONG_DAYS + SPREAD_DAYS
"""Days of prices that a forecast needs before the last published one."""
PATHS = LEAST_DAYS
"""Past forecasts whose errors make the paths of the next day."""


@dataclass(frozen=True, eq=False)
class PriceFit:
    """Weights of each hour.

    Attributes:
        centre: mean of the features `(24, n_features)`.
        scale: their spread `(24, n_features)`.
        weights: `(24, n_features)`.
        constant: `(24,)`.
        errors: in-sample errors of the last days, in spreads `(n_days, 24)`.
    """

    centre: Energy
    scale: Energy
    weights: Energy
    constant: Energy
    errors: Energy

    def of(self, features: Energy) -> Energy:
        """Return the forecast distance from the mean of seven days `(24,)` [spreads]."""
        return ((features - self.centre) / self.scale * self.weights).sum(axis=1) + self.constant


class PriceForecaster:
    """Forecasts of an area's prices by hour of the local clock.

    Args:
        prices: `slot_start, price` of whole days, any span [money/kWh].
        timezone: of the market's area.
        fits: weights for the next day that are known already, by first day of their month; `prices` may then begin
            `NEEDED_DAYS` before the days that are forecast from.
    """

    def __init__(
        self, prices: pl.DataFrame, timezone: str, fits: Mapping[date, PriceFit] = MappingProxyType({})
    ) -> None:
        self.first, self.hourly = hourly_prices(prices, timezone)
        self._fits: dict[tuple[date, int], PriceFit | None] = {(month, 1): fit for month, fit in fits.items()}
        self._tables: dict[int, tuple[Energy, Energy]] = {}
        if len(self.hourly):
            self.mean, self.spread, self.week = _levels(self.hourly)

    def forecast(self, published: date, n_days: int) -> Energy | None:
        """Return the hourly prices of the days after the last published one `(n_days, 24)` [money/kWh].

        None where the prices before it have gaps, or are too few to learn from.
        """
        row = (published - self.first).days
        if not (0 <= row < len(self.hourly)) or not np.isfinite(self.week[row]).all():
            return None
        days: list[Energy] = []
        for lead in range(1, n_days + 1):
            fit = self.fit(published.replace(day=1), lead)
            features = self._table(lead)[0][row]
            if fit is None or not np.isfinite(features).all():
                return None
            distance = np.clip(fit.of(features), -MOST_SPREADS, MOST_SPREADS)
            days.append(self.week[row] + self.spread[row] * distance)
        return np.stack(days)

    def paths(self, published: date) -> Energy | None:
        """Return courses of the next day, equally likely `(PATHS, 24)` [money/kWh]; None where nothing is forecast.

        Each is the forecast with the errors that one past day's forecast had, all hours together, less their mean.
        """
        middle = self.forecast(published, 1)
        fit = None if middle is None else self.fit(published.replace(day=1), 1)
        if middle is None or fit is None:
            return None
        errors = fit.errors[-PATHS:]
        return middle[0] + self.spread[(published - self.first).days] * (errors - errors.mean(axis=0))

    def fit(self, month: date, lead: int = 1) -> PriceFit | None:
        """Return the weights of a month, learned from targets before its first day; None where they are too few."""
        if (month, lead) not in self._fits:
            self._fits[month, lead] = self._fitted((month - self.first).days, lead) if len(self.hourly) else None
        return self._fits[month, lead]

    def _fitted(self, end: int, lead: int) -> PriceFit | None:
        """Return the weights for a lead, from targets before row `end`."""
        features, targets = (table[: max(end - lead, 0)] for table in self._table(lead))
        known = np.isfinite(features).all(axis=(1, 2)) & np.isfinite(targets).all(axis=1)
        if known.sum() < LEAST_DAYS:
            return None
        learned = features[known].transpose(1, 0, 2)  # (24, n_days, n_features)
        target = np.clip(targets[known], -MOST_SPREADS, MOST_SPREADS).T
        centre, constant = learned.mean(axis=1), target.mean(axis=1)
        spread = learned.std(axis=1)
        scale = np.where(spread > CONSTANT, spread, 1.0)
        scaled = (learned - centre[:, None]) / scale[:, None]
        n_days, n_features = scaled.shape[1:]
        ridge = (RIDGE_SHARE * n_days + RIDGE_DAYS) * np.eye(n_features)
        moments = scaled.transpose(0, 2, 1)
        distance = target - constant[:, None]
        solved = cast("Energy", np.linalg.solve(moments @ scaled + ridge, moments @ distance[..., None]))
        weights = solved[..., 0]
        errors = distance - np.einsum("hdf,hf->hd", scaled, weights)
        return PriceFit(centre, scale, weights, constant, np.swapaxes(errors, 0, 1))

    def _table(self, lead: int) -> tuple[Energy, Energy]:
        """Return features `(n_days, 24, n_features)` and targets `(n_days, 24)` by last published day [spreads]."""
        if lead not in self._tables:
            self._tables[lead] = self._features(lead), (_ahead(self.hourly, lead) - self.week) / self.spread[:, None]
        return self._tables[lead]

    def _features(self, lead: int) -> Energy:
        n_days = len(self.hourly)

        def scaled(hours: Energy) -> Energy:
            return (hours - self.mean[:, None]) / self.spread[:, None]

        long = _mean_of(self.hourly, LONG_DAYS)
        before = [_ahead(self.hourly, -days) for days in (1, 2)]
        together = [
            scaled(self.hourly),
            *(scaled(hours).mean(axis=1, keepdims=True) for hours in (*before, self.week, long)),
            _calendar(self.first, n_days, lead),
        ]
        own = [before[0], *(_ahead(self.hourly, lead - days) for days in (WEEK, 2 * WEEK)), self.week, long]
        shared = np.concatenate(together, axis=1)
        by_hour = np.stack([scaled(hours) for hours in own], axis=2)
        return np.concatenate([np.broadcast_to(shared[:, None], (n_days, HOURS, shared.shape[1])), by_hour], axis=2)


def hourly_prices(prices: pl.DataFrame, timezone: str) -> tuple[date, Energy]:
    """Return the first local day and the mean price of every hour of the local clock `(n_days, 24)`.

    nan where a price is missing; the hour that spring lacks has the price of the one before, autumn's repeated hour the
    mean of its two.
    """
    if prices.is_empty():
        return date.min, np.zeros((0, HOURS))
    hour = pl.col("slot_start").dt.convert_time_zone(timezone).dt.hour().cast(pl.Int64).alias("hour")
    means = prices.select(local_day(timezone), hour, pl.col("price").cast(pl.Float64).fill_nan(None))
    means = means.group_by("local_day", "hour").agg(pl.col("price").mean())
    first: date = means["local_day"].min()  # pyright: ignore[reportAssignmentType]
    rows = means.select((pl.col("local_day") - first).dt.total_days())["local_day"].to_numpy()
    table = np.full((int(rows.max()) + 1, HOURS), np.nan)
    table[rows, means["hour"].to_numpy()] = means["price"].to_numpy()
    lone = np.isnan(table).sum(axis=1) == 1
    return first, np.where(lone[:, None] & np.isnan(table), np.roll(table, 1, axis=1), table)


def _levels(hourly: Energy) -> tuple[Energy, Energy, Energy]:
    """Return level and spread `(n_days,)` of the last fourteen days, and the mean of the last seven by hour."""
    level = _mean_of(hourly, SPREAD_DAYS).mean(axis=1)
    square = _mean_of(hourly**2, SPREAD_DAYS).mean(axis=1)
    spread = np.sqrt(np.maximum(square - level**2, 0.0))
    return (
        level,
        np.maximum(spread, np.maximum(LEAST_SPREAD * np.abs(level), np.finfo(float).eps)),
        _mean_of(hourly, WEEK),
    )


def _mean_of(hourly: Energy, n_days: int) -> Energy:
    """Return the mean of each day and those before it, so many in all; nan where one is missing."""
    return np.mean([_ahead(hourly, -back) for back in range(n_days)], axis=0)


def _ahead(hourly: Energy, days: int) -> Energy:
    """Return the rows so many days later, or earlier; nan beyond the ends."""
    moved = np.full_like(hourly, np.nan)
    if abs(days) >= len(hourly):
        return moved
    if days >= 0:
        moved[: len(hourly) - days] = hourly[days:]
    else:
        moved[-days:] = hourly[:days]
    return moved


def _calendar(first: date, n_days: int, lead: int) -> Energy:
    """Return weekday and season of the targets `(n_days, 9)`."""
    targets = [first + timedelta(days=row + lead) for row in range(n_days)]
    weekdays = np.eye(WEEK)[[day.weekday() for day in targets]]
    angle = 2 * np.pi * np.array([day.timetuple().tm_yday for day in targets]) / DAYS_A_YEAR
    return np.column_stack([weekdays, np.cos(angle), np.sin(angle)])


def mean_absolute_errors(forecaster: PriceForecaster, days: Sequence[date], lead: int = 1) -> tuple[float, float]:
    """Return the hourly mean absolute error of forecasts and of the mean of seven days [money/kWh].

    Args:
        forecaster: of the area's prices.
        days: last published days that are forecast from; those without a forecast or a price are left out.
        lead: days ahead.
    """
    own: list[Energy] = []
    naive: list[Energy] = []
    for day in days:
        row = (day - forecaster.first).days
        found = forecaster.forecast(day, lead)
        if found is None or row + lead >= len(forecaster.hourly):
            continue
        true = forecaster.hourly[row + lead]
        if np.isfinite(true).all():
            own.append(np.abs(found[-1] - true))
            naive.append(np.abs(forecaster.week[row] - true))
    return float(np.mean(own)), float(np.mean(naive))


def path_coverage(forecaster: PriceForecaster, days: Sequence[date], share: float) -> float:
    """Return the share of hours whose price lies between the paths' quantiles that should hold such a share.

    Args:
        forecaster: of the area's prices.
        days: last published days that are forecast from; those without a forecast or a price are left out.
        share: of hours that should lie between, such as 0.8 for the tenth to the ninetieth percentile.
    """
    inside: list[Mask] = []
    for day in days:
        row, paths = (day - forecaster.first).days, forecaster.paths(day)
        if paths is None or row + 1 >= len(forecaster.hourly) or not np.isfinite(forecaster.hourly[row + 1]).all():
            continue
        low, high = np.quantile(paths, [(1 - share) / 2, (1 + share) / 2], axis=0)
        inside.append((forecaster.hourly[row + 1] >= low) & (forecaster.hourly[row + 1] <= high))
    return float(np.mean(inside)) if inside else float("nan")
