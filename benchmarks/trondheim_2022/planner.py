"""MPC for a stepped power charge: which tier to hold is decided each day, the import each hour.

At midnight, and when a tier is lost, a recursion over the next thirty days (or to the year's end) gives the cost
of each tier, over a few cases of the loads; it may give the tier up every six hours, so a tier is held while that
pays.
Each hour a recursion over the next day and a half, with that hour's readings and the prices published by then, ends in
the day's value function and gives the decision. The month's three highest days are the state of both.
"""

import sys
from dataclasses import dataclass, field

import numpy as np

from benchmarks.trondheim_2022.forecasts import LoadForecast, PriceForecast
from benchmarks.trondheim_2022.home import BATTERY, GRID_KW, START_KWH, TARIFF, Home, Hours
from benchmarks.trondheim_2022.recursion import STORED, PowerSteps, best_stored, convex_below, hour_before, imported

TIER_ENDS = tuple(float(tier.up_to_kw) for tier in TARIFF.tiers)
TIER_COSTS = tuple(float(tier.cost) for tier in TARIFF.tiers)
TOP = TARIFF.top
MONTH_HOURS = 24 * 30
TIERS_LOOKED_AT = 3
NEXT_MONTH_DAYS = 28
GIVE_UP_HOURS = 6


@dataclass(frozen=True)
class Tuning:
    """Parameters chosen on 2020 and 2021, each with forecasts fitted on the other or on the past.

    Attributes:
        hours: horizon of the hourly recursion [h].
        over_usual: cost of a kWh above the tier's end that other days can make up for [NOK/kWh].
        over_tier: cost of a kWh above that, in the hourly recursion [NOK/kWh].
        over_tier_day: the same in the daily one, where hours of one day are counted that cost only once.
        day_weights: probabilities of the load cases in the daily recursion, the lowest load first.
        hour_weights: the same in the hourly one.
        late_kwh: cost of a kWh that is missing at the year's end [NOK/kWh].
    """

    hours: int = 36
    over_usual: float = 2.0
    over_tier: float = 30.0
    over_tier_day: float = 12.0
    day_weights: tuple[float, ...] = (0.5, 0.3, 0.15, 0.05)
    hour_weights: tuple[float, ...] = (0.25, 0.25, 0.2, 0.15, 0.09, 0.045, 0.015)
    late_kwh: float = 50.0


@dataclass
class MonthPeaks:
    """The month's daily peaks so far: days that are over, and today [kW]."""

    settled: list[float] = field(default_factory=list[float])
    today: float = 0.0

    def highest(self) -> list[float]:
        """Return the peaks of the three highest days that are over [kW]."""
        return sorted([*self.settled, *[0.0] * TOP], reverse=True)[:TOP]

    def mean(self) -> float:
        """Return the power that the month is charged for so far [kW]."""
        return sum(sorted([*self.settled, *[0.0] * TOP, self.today], reverse=True)[:TOP]) / TOP

    def lowest_tier(self) -> int:
        """Return the lowest tier that can still be held."""
        return sum(self.mean() > end + 1e-9 for end in TIER_ENDS[:-1])

    def usual_and_most(self, tier: int, days_left: int) -> tuple[float, float]:
        """Return the power that every day may draw and the most that today may, if the tier is to be held [kW].

        A day below the third highest changes nothing. A day above the usual must be made up for by the others.
        """
        first, second, third = self.highest()
        end = TIER_ENDS[tier]
        usual = max(min(end, TOP * end - first - second), third)
        others = sorted([first, second, *[usual] * min(days_left, TOP - 1)], reverse=True)
        return usual, max(TOP * end - others[0] - others[1], usual)


class Planner:
    """The policy; decides the import of each hour.

    Args:
        home: the home, of which nothing later than the hour at hand is looked at but what is published.
        hours: the hours it decides on; its forecasts are fitted on those before.
        tuning: its parameters.
    """

    def __init__(self, home: Home, hours: slice, tuning: Tuning) -> None:
        self.home, self.tuning, self.end = home, tuning, hours.stop
        self.load, self.spot = LoadForecast(home, hours.start), PriceForecast(home, hours.start)
        self.day_spread = self.load.spread(np.array(tuning.day_weights))
        self.hour_spread = self.load.spread(np.array(tuning.hour_weights))
        self.peaks = MonthPeaks()
        self.tier = 1
        self.values: Hours = np.zeros((1, len(STORED)))  # cost-to-go from each hour since `planned_at`
        self.planned_at = hours.start

    def decide(self, hour: int, stored: float) -> tuple[float, float]:
        """Return the import of an hour, and the stored energy at its end, given its load [kWh]."""
        if hour % 24 == 0 or self.peaks.lowest_tier() > self.tier:
            self._choose_tier(hour, stored)
        value = self._look_ahead(hour)
        load, now = np.array([self.home.load_kwh[hour]]), np.array([stored])
        after = best_stored(
            value, float(self.home.price[hour]), load, now, self._steps(hour, hour, self.tier, self.tuning.over_tier)
        )
        drawn = float(imported(load, now, after)[0])
        self._remember(hour, drawn)
        return drawn, float(after[0])

    def _choose_tier(self, hour: int, stored: float) -> None:
        """Hold the tier that costs least from here on, its own cost included."""
        n_hours = min(MONTH_HOURS, self.end - hour)
        prices = self.spot.means(hour - 1, n_hours, now=hour) + self.home.grid_fee[hour : hour + n_hours]
        loads = self.day_spread.cases(self.load.means(hour - 1, n_hours))
        end = self._end_value(hour + n_hours, float(prices.mean()))
        lowest = self.peaks.lowest_tier()
        values: dict[int, Hours] = {}
        for tier in range(min(lowest + TIERS_LOOKED_AT, len(TIER_ENDS)) - 1, lowest - 1, -1):
            instead = values.get(tier + 1)
            if instead is not None:
                instead = instead + (TIER_COSTS[tier + 1] - TIER_COSTS[tier])
            values[tier] = self._month_values(hour, prices, loads, end, tier, instead)
        costs = {tier: float(np.interp(stored, STORED, own[0])) + TIER_COSTS[tier] for tier, own in values.items()}
        self.tier = min(sorted(costs), key=lambda tier: costs[tier])
        self.values, self.planned_at = values[self.tier], hour

    def _end_value(self, hour: int, price: float) -> Hours:
        """Return the cost-to-go at the horizon's end: energy has the mean price, or is due when the year ends."""
        if hour < self.end:
            return -STORED * price * BATTERY.discharge_efficiency
        return self.tuning.late_kwh * np.maximum(START_KWH - STORED, 0.0)

    def _month_values(
        self, hour: int, prices: Hours, loads: Hours, end: Hours, tier: int, instead: Hours | None
    ) -> Hours:
        """Return the cost-to-go from each hour on while a tier is held, `(n_hours + 1, n_stored)` [NOK].

        `instead` is what it costs to give the tier up, which is allowed every six hours of this month.
        """
        values = np.empty((len(prices) + 1, len(STORED)))
        values[-1] = end
        weights = self.day_spread.weights
        for i in range(len(prices) - 1, -1, -1):
            then = hour + i
            steps = self._steps(hour, then, tier, self.tuning.over_tier_day)
            values[i] = hour_before(values[i + 1], float(prices[i]), loads[i], weights, steps)
            may_give_up = i > 0 and then % GIVE_UP_HOURS == 0 and self.home.month[then] == self.home.month[hour]
            if instead is not None and may_give_up:
                values[i] = convex_below(np.minimum(values[i], instead[i]))
        return values

    def _look_ahead(self, hour: int) -> Hours:
        """Return the cost-to-go from the end of an hour on, with the information at its start `(n_stored,)` [NOK]."""
        n_hours = min(self.tuning.hours, self.end - 1 - hour)
        value = self.values[min(hour + 1 + n_hours - self.planned_at, len(self.values) - 1)]
        if n_hours == 0:
            return value
        ahead = slice(hour + 1, hour + 1 + n_hours)
        prices = self.spot.means(hour, n_hours) + self.home.grid_fee[ahead]
        loads = self.hour_spread.cases(self.load.means(hour, n_hours))
        weights = self.hour_spread.weights
        for i in range(n_hours - 1, -1, -1):
            steps = self._steps(hour, hour + 1 + i, self.tier, self.tuning.over_tier)
            value = hour_before(value, float(prices[i]), loads[i], weights, steps)
        return value

    def _steps(self, now: int, hour: int, tier: int, over_tier: float) -> PowerSteps:
        """Return the surcharge on power in an hour from now on, if a tier is held; the next month holds it too."""
        month = self.home.month
        if month[hour] != month[now]:
            usual, most = MonthPeaks().usual_and_most(max(self.tier, 1), NEXT_MONTH_DAYS)
        else:
            last = int(np.searchsorted(month[: self.end], month[now], side="right")) - 1
            usual, most = self.peaks.usual_and_most(tier, last // 24 - hour // 24)
            if hour // 24 == now // 24:
                usual, most = max(usual, self.peaks.today), max(most, self.peaks.today)
        return PowerSteps((usual, most, GRID_KW), (0.0, self.tuning.over_usual, over_tier))

    def _remember(self, hour: int, drawn: float) -> None:
        """Keep the peak; close the day and the month at their last hour."""
        self.peaks.today = max(self.peaks.today, drawn)
        if (hour + 1) % 24 == 0:
            self.peaks.settled.append(self.peaks.today)
            self.peaks.today = 0.0
        if hour + 1 < self.end and self.home.month[hour + 1] != self.home.month[hour]:
            self.peaks = MonthPeaks()


def follow_planner(home: Home, hours: slice, tuning: Tuning) -> Hours:
    """Return the import hour by hour when the planner decides `(n_hours,)` [kWh]; progress on standard error."""
    planner = Planner(home, hours, tuning)
    drawn = np.empty(hours.stop - hours.start)
    stored = START_KWH
    for hour in range(hours.start, hours.stop):
        drawn[hour - hours.start], stored = planner.decide(hour, stored)
        if hour % 24 == 0 and home.slot_start[hour].day == 1:
            sys.stderr.write(f"mpc: {home.slot_start[hour]:%Y-%m}\n")
    return drawn
