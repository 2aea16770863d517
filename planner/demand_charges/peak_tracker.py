"""What a planner knows of a month's charge for power: the peaks so far, and the level worth keeping below.

A peak costs only what it adds to the month's mean, so early in a month the peaks so far say little: the days to come
will have theirs. The level is the threshold that hindsight would have chosen (`power_bound`) had the rest of the month
been like the days before it, with the peaks that stand already; above it a kW costs `rate / N`. It is chosen anew every
midnight, from what was read by then, and never lies below the N-th highest peak that stands.

Inside a day a planner sees slots, not days: a kW above the level is charged in every hour it happens in, although only
the day's highest counts. That keeps a little more in store than needed. A period's energy so far counts: what its past
slots left is free for the others.

Steps of a tariff are taken as a price: from the step that the month is in, the cost of the next over its width.
"""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime
from typing import cast

import numpy as np
import polars as pl

from env.inverter import Energy
from env.power_tariff import PowerTariff, peaks
from env.site import Site
from planner.demand_charges.month_bound import Episode, MonthOracle
from planner.optimizer.peak_calendar import power_calendar
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import SlotPrices, slot_prices

LIKE_DAYS = 14  # days before that the rest of a month may be like
LEAST_DAYS = 7  # while fewer are known, the day's scenarios stand in
LEVEL_CLOSE = 1e-3  # of the cost: a forecast deserves no more


class PowerWatch:
    """One policy's month, day after day.

    Args:
        site: the home, whose tariff charges for power.
        protocol: start and settlement of days.
    """

    def __init__(self, site: Site, protocol: Protocol) -> None:
        self.site, self.protocol = site, protocol
        self.month: date | None = None
        self.tariffs: tuple[PowerTariff, ...] = ()
        self.peaks_kw: list[list[float]] = []
        self.chosen, self.days_left = False, 0
        self.levels_kw, self.rates = np.zeros(0), np.zeros(0)
        self._episodes: dict[datetime, Episode] = {}

    def begin(self, day: date) -> None:
        """A day begins; with another month the peaks are forgotten."""
        month = day.replace(day=1)
        self.chosen, self.days_left = False, monthrange(day.year, day.month)[1] - day.day + 1
        if month != self.month:
            self.month = month
            self.tariffs = self.site.tariff.in_force(month).power
            self.peaks_kw = [[] for _ in self.tariffs]
            self._episodes.clear()  # the components may be others

    def end(self, slots: pl.DataFrame) -> None:
        """A day has ended: `slot_start` and `import_kwh` of its slots [kWh]."""
        for tariff, known in zip(self.tariffs, self.peaks_kw, strict=True):
            known.extend(peaks(slots, tariff, self.site.timezone)["peak_kw"].to_list())
            known.sort(reverse=True)
            del known[tariff.top :]

    def prices(
        self, slot_start: pl.Series, known: Sequence[pl.DataFrame], imagined: Sequence[pl.DataFrame]
    ) -> SlotPrices:
        """What power costs in slots of the day that has begun, and after it.

        Args:
            slot_start: of the slots (UTC).
            known: the days before it, at most `LIKE_DAYS`: `slot_start, import_price, export_price, load_kwh, pv_kwh`.
            imagined: what the day may be; of use while too few are known.
        """
        self._choose(known, imagined)
        calendars = [power_calendar(slot_start, tariff, self.site.timezone) for tariff in self.tariffs]
        tops = np.array([tariff.top for tariff in self.tariffs])
        return slot_prices(calendars, self.levels_kw, self.rates / tops)

    def _choose(self, known: Sequence[pl.DataFrame], imagined: Sequence[pl.DataFrame]) -> None:
        """Choose the day's level, once."""
        if self.chosen:
            return
        self.chosen = True
        standing = [_standing(tariff, peaks_kw) for tariff, peaks_kw in zip(self.tariffs, self.peaks_kw, strict=True)]
        least = [tariff.minimum_kw for tariff in self.tariffs]
        rates = [_rate(tariff, peaks_kw) for tariff, peaks_kw in zip(self.tariffs, self.peaks_kw, strict=True)]
        self.rates = np.array(rates, dtype=np.float64)
        days = [*(self._episode(day) for day in known)]
        days += [self._new_episode(day) for day in imagined[: max(LEAST_DAYS - len(known), 0)]]
        self.levels_kw = np.maximum(self._levels(days), np.maximum(standing, least))

    def _new_episode(self, slots: pl.DataFrame) -> Episode:
        return Episode(slots, self.site, self.protocol, self.tariffs)

    def _episode(self, slots: pl.DataFrame) -> Episode:
        """The episode of a day that was, kept for the mornings after it."""
        start = cast("datetime", slots["slot_start"][0])
        if start not in self._episodes:
            self._episodes[start] = self._new_episode(slots)
            for old in sorted(self._episodes)[:-LIKE_DAYS]:
                del self._episodes[old]
        return self._episodes[start]

    def _levels(self, like: Sequence[Episode]) -> Energy:
        """What is worth keeping below for the rest of the month, were it like those days [kW]."""
        if not like or not self.tariffs:
            return np.zeros(len(self.tariffs))
        oracle = MonthOracle(
            like,
            self.site,
            self.protocol,
            self.tariffs,
            weight=self.days_left / len(like),
            settled_kw=self.peaks_kw,
        )
        return oracle.prove(self.rates, close=LEVEL_CLOSE).thresholds


def _standing(tariff: PowerTariff, known: Sequence[float]) -> float:
    """The least of the `top` peaks that stand: below it a peak adds nothing [kW]."""
    return known[tariff.top - 1] if len(known) >= tariff.top else 0.0


def _rate(tariff: PowerTariff, known: Sequence[float]) -> float:
    """What a kW of the mean costs; of steps, the next one's cost over its width [money/kW]."""
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


def imagined(slots: pl.DataFrame, scenarios: Scenarios) -> list[pl.DataFrame]:
    """A day as each of its scenarios has it, at its own prices."""
    pairs = zip(scenarios.load_kwh[0], scenarios.pv_kwh[0], strict=True)
    return [slots.with_columns(load_kwh=pl.Series(load), pv_kwh=pl.Series(pv)) for load, pv in pairs]
