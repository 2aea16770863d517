"""A planner's view of a month's demand charge: the peaks so far, and the level worth keeping below.

A peak costs only what it adds to the month's mean, so early in a month the peaks so far say little: the days to come
will have theirs. The level is where the rest of the month, were it like the days before it, and the peaks so far are
expected to cost least (`day_curves`); above it a kW costs `rate / N`. It is chosen anew every midnight, from what was
read by then, and never lies below the N-th highest peak so far. With several components, steps, or several peaks a day
it is the threshold that hindsight would have chosen of those days (`month_bound`).

Steps of a tariff are taken as a price: from the step that the month is in, the cost of the next over its width.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import cast

import numpy as np
import polars as pl

from env.inverter import Energy
from env.power_tariff import DayPeaks, MonthState, PowerTariff, peaks
from env.site import Site
from env.time_grid import local_day
from planner.demand_charges.day_charges import earlier_peaks
from planner.demand_charges.day_curves import DayCurve, curves_by_day, expected_level
from planner.demand_charges.month_bound import DayProblem, MonthOracle
from planner.optimizer.peak_calendar import peak_calendar
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import SlotPrices, slot_prices

SIMILAR_DAYS = 14  # past days that the rest of a month is assumed to be like
LEAST_DAYS = 7  # with fewer past days the day's scenarios fill in
LEVEL_CLOSE = 1e-3  # of the cost: a forecast deserves no more


class PeakTracker:
    """Peaks and levels of one policy's month, day after day.

    Args:
        site: the home, whose tariff has a demand charge.
        protocol: start and settlement of days, and the peaks of the first month's days before them.
        scenarios: of each day, as known when it began; of a day that has none nothing is expected.
        curves: curves of past days that are known already; those of further days are added.
    """

    def __init__(
        self,
        site: Site,
        protocol: Protocol,
        scenarios: Mapping[date, Scenarios] | None = None,
        curves: dict[date, DayCurve] | None = None,
    ) -> None:
        self.site, self.protocol, self.scenarios = site, protocol, scenarios or {}
        self.day: date | None = None
        self.month: date | None = None
        self.tariffs: tuple[PowerTariff, ...] = ()
        self.peaks_kw: list[list[float]] = []
        self.chosen, self.days_left = False, 0
        self.levels_kw, self.rates = np.zeros(0), np.zeros(0)
        self._problems: dict[datetime, DayProblem] = {}
        self._curves: dict[date, DayCurve] = {} if curves is None else curves

    def begin_day(self, day: date) -> None:
        """Begin a day; with another month the peaks are those of its days before the first one."""
        self.day, month = day, day.replace(day=1)
        self.chosen, self.days_left = False, monthrange(day.year, day.month)[1] - day.day + 1
        if month != self.month:
            if self.month is not None:
                self._curves.clear()  # the components may be others, of the problems too
            self.month = month
            self.tariffs = self.site.tariff.charges_of(day)
            known = earlier_peaks(self.protocol.month_before, month, len(self.tariffs))
            self.peaks_kw = [kw[: tariff.top] for kw, tariff in zip(known, self.tariffs, strict=True)]
            self._problems.clear()

    def know(self, states: Sequence[MonthState]) -> None:
        """Take over the metered month: the peaks before today and today's so far, which stands like them."""
        for tariff, known, state in zip(self.tariffs, self.peaks_kw, states, strict=True):
            known[:] = sorted((*state.peaks_kw, *((state.today_kw,) if state.today_kw > 0 else ())), reverse=True)
            del known[tariff.top :]

    def end_day(self, slots: pl.DataFrame) -> None:
        """End a day and count its peaks: `slot_start` and `import_kwh` of its slots [kWh]."""
        self.count(tuple(tuple(peaks(slots, each, self.site.timezone)["peak_kw"]) for each in self.tariffs))

    def count(self, peaks_kw: DayPeaks) -> None:
        """End a day that had these peaks, of each component [kW]."""
        for tariff, known, of_day in zip(self.tariffs, self.peaks_kw, peaks_kw, strict=True):
            known.extend(of_day)
            known.sort(reverse=True)
            del known[tariff.top :]

    def prices(
        self,
        slot_start: pl.Series,
        past_days: Sequence[pl.DataFrame],
        today: pl.DataFrame,
        *,
        today_kw: Sequence[float] = (),
    ) -> SlotPrices:
        """Return the demand charge as prices of slots of the day that has begun, and after it.

        Args:
            slot_start: of the slots (UTC).
            past_days: the days before it, at most `SIMILAR_DAYS`: `slot_start, local_day, import_price, export_price,
                load_kwh, pv_kwh`.
            today: the same of the day, whose scenarios fill in while too few past days are there.
            today_kw: peak of the day so far, of each component: up to it the rest of the day is free [kW]; empty at the
                start of the day.
        """
        if not self.tariffs:
            return SlotPrices.nothing(len(slot_start))
        self._choose(past_days, today)
        calendars = [peak_calendar(slot_start, tariff, self.site.timezone) for tariff in self.tariffs]
        tops = np.array([tariff.top for tariff in self.tariffs])
        once_a_day = [tariff.different_days for tariff in self.tariffs]
        prices = slot_prices(calendars, self.levels_kw, self.rates / tops, once_a_day=once_a_day)
        if not any(today_kw):
            return prices
        raised = slot_prices(calendars, np.maximum(self.levels_kw, today_kw), self.rates / tops)
        days = slot_start.alias("slot_start").to_frame().select(local_day(self.site.timezone))["local_day"]
        is_today = (days == self.day).to_numpy()
        free_kwh = np.where(is_today, raised.free_kwh, prices.free_kwh)
        return replace(prices, free_kwh=free_kwh).begun(today_kw[prices.component])

    def _choose(self, past_days: Sequence[pl.DataFrame], today: pl.DataFrame) -> None:
        """Choose the level of the day, once."""
        if self.chosen:
            return
        self.chosen = True
        floor_kw = [_floor_kw(tariff, peaks_kw) for tariff, peaks_kw in zip(self.tariffs, self.peaks_kw, strict=True)]
        least = [tariff.minimum_kw for tariff in self.tariffs]
        rates = [_rate(tariff, peaks_kw) for tariff, peaks_kw in zip(self.tariffs, self.peaks_kw, strict=True)]
        self.rates = np.array(rates, dtype=np.float64)
        alone = None if self.month is None else lone_component(self.tariffs, self.month)
        levels = self._levels(past_days, today) if alone is None else self._expected_levels(alone, past_days, today)
        self.levels_kw = np.maximum(levels, np.maximum(floor_kw, least))

    def _expected_levels(self, alone: int, past_days: Sequence[pl.DataFrame], today: pl.DataFrame) -> Energy:
        """Return the level at which the rest of the month is expected to cost least, were it like those days [kW].

        That of the component at the place; 0 of the others, which charge in other months.
        """
        levels = np.zeros(len(self.tariffs))
        known = [day for day in past_days if day["local_day"][0] in self.scenarios]
        if len(known) < LEAST_DAYS:
            known += [today] if self.day in self.scenarios else []
        if known:
            tariff, peaks_kw = self.tariffs[alone], self.peaks_kw[alone]
            curves = self._known_curves(known, tariff)
            levels[alone] = expected_level(curves, tariff, days_left=self.days_left, peaks_kw=peaks_kw)
        return levels

    def _known_curves(self, days: Sequence[pl.DataFrame], tariff: PowerTariff) -> list[DayCurve]:
        """Return the curves of days, cached for the days after them."""
        by_day = {cast("date", slots["local_day"][0]): slots for slots in days}
        self._curves |= curves_by_day(
            {day: slots for day, slots in by_day.items() if day not in self._curves},
            self.scenarios,
            tariff,
            self.site,
            self.protocol,
        )
        return [self._curves[day] for day in by_day]

    def _new_problem(self, slots: pl.DataFrame) -> DayProblem:
        return DayProblem(slots, self.site, self.protocol, self.tariffs)

    def _problem(self, slots: pl.DataFrame) -> DayProblem:
        """Return the problem of a past day, cached for the days after it."""
        start = cast("datetime", slots["slot_start"][0])
        if start not in self._problems:
            self._problems[start] = self._new_problem(slots)
            for old in sorted(self._problems)[:-SIMILAR_DAYS]:
                del self._problems[old]
        return self._problems[start]

    def _levels(self, past_days: Sequence[pl.DataFrame], today: pl.DataFrame) -> Energy:
        """Return the levels that would be optimal for the rest of the month, were it like those days [kW]."""
        like = [self._problem(day) for day in past_days]
        if self.day is not None and self.day in self.scenarios:
            filling = scenario_days(today, self.scenarios[self.day])[: max(LEAST_DAYS - len(past_days), 0)]
            like += [self._new_problem(day) for day in filling]
        if not like or not self.tariffs:
            return np.zeros(len(self.tariffs))
        oracle = MonthOracle(
            like,
            self.site,
            self.protocol,
            self.tariffs,
            weight=self.days_left / len(like),
            past_peaks_kw=self.peaks_kw,
        )
        return oracle.lower_bound(self.rates, close=LEVEL_CLOSE).thresholds


def lone_component(tariffs: Sequence[PowerTariff], month: date) -> int | None:
    """Return the place of a month's only component, where a day is charged once by a price per kW; else None."""
    places = [place for place, each in enumerate(tariffs) if not each.months or month.month in each.months]
    if len(places) != 1:
        return None
    tariff = tariffs[places[0]]
    return places[0] if tariff.different_days and not tariff.tiers and tariff.price_per_kw > 0 else None


def _floor_kw(tariff: PowerTariff, known: Sequence[float]) -> float:
    """Return the least of the `top` peaks so far: below it a peak adds nothing [kW]."""
    return known[tariff.top - 1] if len(known) >= tariff.top else 0.0


def _rate(tariff: PowerTariff, known: Sequence[float]) -> float:
    """Return the price of a kW of the mean; of steps, the next one's cost over its width [money/kW]."""
    if not tariff.tiers:
        return tariff.price_per_kw
    mean = max(sum(known[: tariff.top]) / tariff.top, tariff.minimum_kw)
    ends = [tier.up_to_kw for tier in tariff.tiers]
    now = next((i for i, end in enumerate(ends) if mean <= end), len(ends) - 1)
    if now + 1 >= len(ends):
        return 0.0
    width = ends[now + 1] - ends[now]
    rise = tariff.tiers[now + 1].cost - tariff.tiers[now].cost
    return rise / width if np.isfinite(width) and width > 0 else rise


def scenario_days(slots: pl.DataFrame, scenarios: Scenarios) -> list[pl.DataFrame]:
    """Return a day with the load and PV of each of its scenarios, at its own prices."""
    pairs = zip(scenarios.load_kwh[0], scenarios.pv_kwh[0], strict=True)
    return [slots.with_columns(load_kwh=pl.Series(load), pv_kwh=pl.Series(pv)) for load, pv in pairs]
