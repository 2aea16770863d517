"""Forecasts of the Trondheim home, fitted on the hours before a year and on nothing later.

Information at the start of hour t, never more than the paper's MPC has: the loads up to t, that hour's included,
and the spot prices of the market's day (Oslo), from 13 o'clock on also of the next.

Load, up to a day ahead: a ridge regression for each lead, on the mean of the last seven days at that hour, how far the
last hours were from theirs, the same hour a day and a week before, and a seasonal mean. Further ahead: one for each
day, on fewer of these. Price of the days not yet published: the last seven days and the last one, by hour, weighted for
each day ahead by a regression on prices divided by their level (the level of 2022 was never seen before it).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.trondheim_2022.home import Home, Hours
from env.time_grid import local_clock, local_day

MARKET = "Europe/Oslo"
PUBLISHED_AT = 13  # o'clock: by the market's clock and by UTC, which the paper reads
WEEK = 7
LEADS = 24
DAYS_AHEAD = 32
HARMONICS = (1, 2, 3, 4)
RIDGE = 1.0
LEAST_LEVEL = 0.02  # NOK/kWh added to a price level before it divides: 2020 had weeks near zero
SMALL_ERROR = 0.3  # of the level: errors below count by their square
ROUNDS = 8
LEAST_LOAD = 0.3  # kWh in an hour: what a fridge and the standby of a house draw


def published_until(home: Home) -> NDArray[np.int64]:
    """Return for each hour the first hour whose price is not known at its start, `(n_hours,)`."""
    starts = home.slot_start.to_frame().select(local_day(MARKET), local_clock(MARKET), pl.col("slot_start").dt.hour())
    market_day = starts["local_day"].to_physical().to_numpy()
    ends = np.append(np.flatnonzero(np.diff(market_day)) + 1, len(market_day))
    today = np.searchsorted(ends, np.arange(len(market_day)), side="right")
    published = (starts["slot_start"] >= PUBLISHED_AT) & (starts["local_clock"] >= PUBLISHED_AT * 60)
    return ends[np.minimum(today + published.to_numpy(), len(ends) - 1)]


@dataclass(frozen=True)
class Spread:
    """Distribution of the load around its forecast.

    Attributes:
        weights: probability of each case `(n_cases,)`.
        ratios: load by forecast in each case, its mean over that share of the past; `(LEADS + DAYS_AHEAD, n_cases)`.
    """

    weights: Hours
    ratios: Hours

    def cases(self, forecast: Hours) -> Hours:
        """Return the cases of the load for a forecast `(n_hours, n_cases)` [kWh]."""
        return forecast[:, None] * self.ratios[_lead_rows(len(forecast))]


def _lead_rows(n_hours: int) -> NDArray[np.int64]:
    """Return the regression of each hour ahead: one an hour for a day, then one a day."""
    ahead = np.arange(1, n_hours + 1)
    return np.where(ahead <= LEADS, ahead - 1, LEADS + (ahead - 1) // 24)


class LoadForecast:
    """Forecasts of the loads of the hours after t.

    Args:
        home: its past and its present; only hours before `until` are fitted on.
        until: first hour that is not.
    """

    def __init__(self, home: Home, until: int) -> None:
        self.load = home.load_kwh
        self.seasonal = _seasonal_mean(home.load_kwh, until)
        self.week = _mean_of_week_before(home.load_kwh)
        off = home.load_kwh - self.week[: len(home.load_kwh)]
        self.off = np.stack([_mean_of_last(off, hours) for hours in (1, 3, 12, 24, 72)], axis=1)
        past = np.arange(24 * (WEEK + DAYS_AHEAD + 1), until - 24 * (DAYS_AHEAD + 1))
        near = [self._fit(self._near(past, lead), self.load[past + lead]) for lead in range(1, LEADS + 1)]
        noons = [24 * day + 12 for day in range(1, DAYS_AHEAD + 1)]
        far = [self._fit(self._far(past, lead), self.load[past + lead]) for lead in noons]
        self.near = np.array([weights for weights, _ in near])
        self.far = np.array([weights for weights, _ in far])
        self._ratios = [ratios for _, ratios in (*near, *far)]

    def _near(self, at: NDArray[np.int64], lead: int | NDArray[np.int64]) -> Hours:
        """Return features of the loads `lead` hours after `at`, up to a day `(n, 9)`."""
        then = at + lead
        off = np.broadcast_to(self.off[at, :4], (len(then), 4))
        known = (self.week[then], self.load[then - 24], self.load[then - 24 * WEEK], self.seasonal[then])
        return np.column_stack([np.ones(len(then)), *known, off])

    def _far(self, at: NDArray[np.int64], lead: int | NDArray[np.int64]) -> Hours:
        """Return features of the loads further ahead, with only that hour of the last seven days known `(n, 5)`."""
        then = at + lead
        off = np.broadcast_to(self.off[at, 3:], (len(then), 2))
        same_hour = then - (then - at - 1) // 24 * 24
        return np.column_stack([np.ones(len(then)), self.week[same_hour], self.seasonal[then], off])

    @staticmethod
    def _fit(features: Hours, load: Hours) -> tuple[Hours, Hours]:
        """Return weights, and the ratios of past loads to their fitted values, ascending."""
        weights = np.linalg.solve(features.T @ features + RIDGE * np.eye(features.shape[1]), features.T @ load)
        return weights.astype(np.float64), np.sort(load / np.maximum(features @ weights, LEAST_LOAD))

    def means(self, hour: int, n_hours: int) -> Hours:
        """Return the loads expected in the hours after one, `(n_hours,)` [kWh]."""
        lead = np.arange(1, n_hours + 1)
        now = np.array([hour])
        near = np.einsum("ij,ij->i", self._near(now, lead[:LEADS]), self.near[: len(lead[:LEADS])])
        far = np.einsum("ij,ij->i", self._far(now, lead[LEADS:]), self.far[(lead[LEADS:] - 1) // 24 - 1])
        return np.maximum(np.concatenate([near, far]), LEAST_LOAD)

    def spread(self, weights: Hours) -> Spread:
        """Return the past's errors in as many cases as there are weights, which add up to 1, the lowest loads first."""
        share = np.concatenate([[0.0], np.cumsum(weights)])
        cases: list[Hours] = []
        for ratios in self._ratios:
            edges = np.round(share * len(ratios)).astype(np.int64)
            cases.append(np.array([ratios[a:b].mean() for a, b in pairwise(edges)]))
        return Spread(weights, np.array(cases))


def _seasonal_mean(load: Hours, until: int) -> Hours:
    """Return the mean load by time of day, week and year, fitted before `until`, beyond the last hour too [kWh]."""
    hour = np.arange(len(load) + 24 * (DAYS_AHEAD + 8))
    turns = {name: 2 * np.pi * hour / period for name, period in (("day", 24), ("week", 168), ("year", 24 * 365.25))}
    day = [wave(k * turns["day"]) for k in HARMONICS for wave in (np.cos, np.sin)]
    week = [wave(k * turns["week"]) for k in HARMONICS[:3] for wave in (np.cos, np.sin)]
    year = [wave(k * turns["year"]) for k in HARMONICS[:2] for wave in (np.cos, np.sin)]
    crossed = [a * b for a in year[:2] for b in day]
    features = np.column_stack([np.ones(len(hour)), *year, *day, *week, *crossed])
    past = features[:until]
    return features @ np.linalg.solve(past.T @ past + RIDGE * np.eye(features.shape[1]), past.T @ load[:until])


def _mean_of_week_before(load: Hours) -> Hours:
    """Return the mean of the seven days before each hour at that time of day, a day beyond the last; NaN at first."""
    total = np.zeros(len(load) + 24)
    for day in range(1, WEEK + 1):
        total[24 * day :] += load[: len(load) + 24 - 24 * day]
    total[: 24 * WEEK] = np.nan
    return total / WEEK


def _mean_of_last(values: Hours, hours: int) -> Hours:
    """Return the running mean over each hour and those before it; NaN until there are enough."""
    first = int(np.flatnonzero(~np.isnan(values))[0])
    sums = np.concatenate([[0.0], np.cumsum(values[first:])])
    mean = np.full(len(values), np.nan)
    mean[first + hours - 1 :] = (sums[hours:] - sums[:-hours]) / hours
    return mean


class PriceForecast:
    """Spot prices of the hours after t: published ones, and forecasts of the others.

    Args:
        home: its past and what is published; only days before `until` are fitted on.
        until: first hour that is not.
    """

    def __init__(self, home: Home, until: int) -> None:
        self.spot = home.spot
        self.published = published_until(home)
        days = home.spot[: until // 24 * 24].reshape(-1, 24)
        self.weights = [self._fit(days, ahead) for ahead in range(1, DAYS_AHEAD + 1)]

    @staticmethod
    def _features(week: Hours) -> Hours:
        """Return by hour the last day and the mean of seven, and the same without their shape `(24, 4)`."""
        last, mean = week[-1], week.mean(axis=0)
        return np.column_stack([last, mean, np.full(24, last.mean()), np.full(24, mean.mean())])

    def _fit(self, days: Hours, ahead: int) -> Hours:
        """Return weights for the day `ahead` of the last known one: least absolute errors by reweighted squares."""
        at = range(WEEK, len(days) - ahead)
        weeks = [days[day - WEEK + 1 : day + 1] for day in at]
        level = np.array([week.mean() + LEAST_LEVEL for week in weeks])
        features = np.concatenate([self._features(week) / mean for week, mean in zip(weeks, level, strict=True)])
        then = np.concatenate([days[day + ahead] / mean for day, mean in zip(at, level, strict=True)])
        trust, weights = np.ones(len(then)), np.zeros(4)
        for _ in range(ROUNDS):
            weighted = features * trust[:, None]
            weights = np.linalg.solve(weighted.T @ features + 10 * RIDGE * np.eye(4), weighted.T @ then)
            trust = 1 / np.maximum(np.abs(then - features @ weights), SMALL_ERROR)
        return weights.astype(np.float64)

    def means(self, hour: int, n_hours: int, *, now: int | None = None) -> Hours:
        """Return the prices expected in the hours after one, `(n_hours,)` [NOK/kWh].

        Args:
            hour: the last hour that is over or under way.
            n_hours: how many hours.
            now: hour at whose start the forecast is made, by default `hour`.
        """
        until = int(self.published[hour if now is None else now])
        known = self.spot[hour + 1 : min(until, hour + 1 + n_hours)]
        missing = n_hours - len(known)
        features = self._features(self.spot[until - 24 * WEEK : until].reshape(WEEK, 24))
        days = [features @ self.weights[ahead] for ahead in range(-(-missing // 24))]
        return np.concatenate([known, *days])[:n_hours]
