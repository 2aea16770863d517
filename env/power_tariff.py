"""The demand charge: the price of a month's highest hourly (or quarterly) means, on top of the energy.

    mean  = mean of the `top` highest weighted means of a month, each on a different day
    cost  = price_per_kw * max(mean, minimum_kw)      or the cost of the tier that the mean falls into

Money is what the home pays, value-added tax included, as are `import_price` and every cost (the settings ask for it
before tax, as for every fee, and add it). Hours and days are those of the local clock: the repeated autumn hour is two.
An hour's mean is its energy over the whole hour; slots that are not there count as no import.

Not here: the price of a kWh (`tariff`); how a plan weighs a peak against cheap energy
(`planner.optimizer.demand_charge`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

import polars as pl

from env.errors import TariffError
from env.free_days import free_days
from env.home_rows import ALONE, HOME, by_home, per_home, total, with_home
from env.time_grid import local_clock, local_day

DayPeaks: TypeAlias = tuple[tuple[float, ...], ...]
"""Weighted peaks of a day, of each component of the charge; empty where nothing counts [kW]."""
EarlierDays: TypeAlias = tuple[tuple[date, DayPeaks], ...]
"""Peaks of the days of a month before a range that begins inside it."""
MINUTES_PER_DAY = 24 * 60
PERIODS = (15, 60)
TIER_SLACK_KW = 1e-6
"""A mean above its tier by less than a meter can see (1 Wh) is still in it: sums and solvers are that inexact."""


@dataclass(frozen=True, kw_only=True)
class PowerWindow:
    """A part of the year, week and day, and how much its power counts there.

    Attributes:
        months: months it holds in, 1-12; empty for all.
        weekdays: ISO weekdays it holds on, 1 = Monday; empty for all.
        start_minute: first minute of the local day it holds from [min].
        end_minute: minute it ends before [min]; smaller than the start means over midnight.
        not_on_holidays_of: country (ISO 3166, `SE`) on whose public holidays it does not hold; None for no such days.
        nor_on_eves: nor on the days that the country keeps free by custom (Midsummer, Christmas and New Year's Eve in
            Sweden).
        weight: what a kW inside counts as; 1 in full, 0.5 half, 0 not at all.

    Raises:
        TariffError: a value is in no calendar, or no weight.
    """

    months: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    start_minute: int = 0
    end_minute: int = MINUTES_PER_DAY
    not_on_holidays_of: str | None = None
    nor_on_eves: bool = False
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is in no calendar."""
        _check_calendar("months", self.months, 12)
        _check_calendar("weekdays", self.weekdays, 7)
        for name in ("start_minute", "end_minute"):
            minute: int = getattr(self, name)
            if not 0 <= minute <= MINUTES_PER_DAY:
                message = f"{name} must be in 0-{MINUTES_PER_DAY}, got {minute}"
                raise TariffError(message)
        _check_at_least_zero("weight", self.weight)
        if self.not_on_holidays_of is not None:
            free_days(self.not_on_holidays_of, (2026,), eves=self.nor_on_eves)

    def applies(self, years: Sequence[int]) -> pl.Expr:
        """Expression over `local_day` and `local_clock` of an hour's start: whether the hour is inside."""
        clock = pl.col("local_clock")
        if self.start_minute < self.end_minute:
            inside = (clock >= self.start_minute) & (clock < self.end_minute)
        else:
            inside = (clock >= self.start_minute) | (clock < self.end_minute)
        if self.months:
            inside &= pl.col("local_day").dt.month().is_in(self.months)
        if self.weekdays:
            inside &= pl.col("local_day").dt.weekday().is_in(self.weekdays)
        if self.not_on_holidays_of is not None:
            free = free_days(self.not_on_holidays_of, years, eves=self.nor_on_eves)
            inside &= ~pl.col("local_day").is_in(free)
        return inside


@dataclass(frozen=True, kw_only=True)
class Tier:
    """A step of a stepped price.

    Attributes:
        up_to_kw: highest mean that falls into it [kW]; that of the last tier is no limit.
        cost: what a month in it costs [money, tax included].
    """

    up_to_kw: float
    cost: float


@dataclass(frozen=True, kw_only=True)
class PowerTariff:
    """One component of a demand charge; a tariff may have several at once, such as all year and winter weekdays.

    Attributes:
        top: how many peaks the mean is of.
        different_days: each peak on another day; otherwise several may be on one day.
        minutes: length of the means that peaks are found among, 60 or 15 [min].
        months: months in which it is charged, 1-12; empty for all.
        windows: parts of the week and day with a weight; the first that holds wins.
        weight_outside: what a kW outside all windows counts as.
        price_per_kw: price of a kW of the mean for a month [money/kW, tax included].
        tiers: steps instead of a price per kW, rising; a month in which nothing counts costs nothing.
        minimum_kw: least kW that are charged.
        rolling_months: number of last months whose mean a bill is of; what a month costs in all is the same.

    Raises:
        TariffError: a value is no number, too small, or tiers and a price per kW are both given.
    """

    top: int = 3
    different_days: bool = True
    minutes: int = 60
    months: tuple[int, ...] = ()
    windows: tuple[PowerWindow, ...] = ()
    weight_outside: float = 1.0
    price_per_kw: float = 0.0
    tiers: tuple[Tier, ...] = ()
    minimum_kw: float = 0.0
    rolling_months: int = 1

    def __post_init__(self) -> None:
        """Refuse what no bill could follow."""
        if self.top < 1:
            message = f"top must be at least 1, got {self.top}"
            raise TariffError(message)
        if self.rolling_months < 1:
            message = f"rolling_months must be at least 1, got {self.rolling_months}"
            raise TariffError(message)
        if self.minutes not in PERIODS:
            message = f"minutes must be one of {PERIODS}, got {self.minutes}"
            raise TariffError(message)
        _check_calendar("months", self.months, 12)
        for name in ("weight_outside", "price_per_kw", "minimum_kw"):
            _check_at_least_zero(name, getattr(self, name))
        self._check_tiers()

    def _check_tiers(self) -> None:
        if self.tiers and self.price_per_kw > 0:
            message = "a power tariff has tiers or a price per kW; name it as two components if it has both"
            raise TariffError(message)
        for name in ("up_to_kw", "cost"):
            values = [getattr(tier, name) for tier in self.tiers]
            if values != sorted(values) or not all(value >= 0 for value in values):
                message = f"{name} of tiers must be at least 0 and rise, got {values}"
                raise TariffError(message)

    def cost(self, mean_kw: float) -> float:
        """Return the cost of a month with that mean [money, tax included]."""
        charged = max(mean_kw, self.minimum_kw)
        if not self.tiers:
            return self.price_per_kw * charged
        return next((tier.cost for tier in self.tiers if charged <= tier.up_to_kw + TIER_SLACK_KW), self.tiers[-1].cost)


@dataclass(frozen=True, kw_only=True)
class MonthState:
    """A month's peaks so far, as a plan for the rest of it needs them.

    Attributes:
        month: first day of the month.
        peaks_kw: weighted peaks that are settled, highest first, at most `top`: of the days before `today` (of each
            period, where several peaks may be on one day) [kW].
        today: the local day that may still rise.
        today_kw: its weighted peak so far [kW]; 0 where several peaks may be on one day.
        open_start: start of the period that is under way; None if `now` starts one.
        open_kwh: import in it so far [kWh].
    """

    month: date
    peaks_kw: tuple[float, ...] = ()
    today: date | None = None
    today_kw: float = 0.0
    open_start: datetime | None = None
    open_kwh: float = 0.0


def weighted_periods(slots: pl.DataFrame, tariff: PowerTariff, timezone: str) -> pl.DataFrame:
    """Return the slots with the period that each belongs to and the weight of its power.

    Args:
        slots: with `slot_start` (UTC), ascending.
        tariff: one component.
        timezone: IANA zone of the home.

    Returns:
        The slots with `period_start` (UTC), `local_day` and `month` (its first day) of the period, and `weight`, which
        is 0 where the component does not count.
    """
    into = pl.col("local_clock") % tariff.minutes
    periods = slots.with_columns(local_clock(timezone)).with_columns(
        period_start=pl.col("slot_start") - pl.duration(minutes=into)
    )
    periods = periods.with_columns(local_day(timezone, "period_start"), local_clock(timezone, "period_start"))
    years: list[int] = periods["local_day"].dt.year().unique().to_list()
    weight = pl.lit(float(tariff.weight_outside))
    for window in reversed(tariff.windows):
        weight = pl.when(window.applies(years)).then(pl.lit(float(window.weight))).otherwise(weight)
    if tariff.months:
        weight = pl.when(pl.col("local_day").dt.month().is_in(tariff.months)).then(weight).otherwise(pl.lit(0.0))
    return periods.with_columns(month=pl.col("local_day").dt.month_start(), weight=weight).drop("local_clock")


def peaks(slots: pl.DataFrame, tariff: PowerTariff, timezone: str) -> pl.DataFrame:
    """Every peak that a month's mean may be of.

    Args:
        slots: with `slot_start` (UTC) and `import_kwh` [kWh per slot]; of several homes with `site`.
        tariff: one component.
        timezone: IANA zone of the home.

    Returns:
        Columns `month`, `local_day`, `period_start` and weighted `peak_kw`: the highest of each day, or every period
        where several peaks may be on one day; the first of equals; with `site` as the slots. Periods that do not count
        are not there.

    Raises:
        TariffError: an import is missing.
    """
    if slots["import_kwh"].null_count():
        message = "import_kwh holds nulls; leave out the days that are not known"
        raise TariffError(message)
    means = (
        weighted_periods(slots.sort(by_home(slots, "slot_start")), tariff, timezone)
        .filter(pl.col("weight") > 0)
        .group_by(by_home(slots, "month", "local_day", "period_start"), maintain_order=True)
        .agg(peak_kw=total(pl.col("import_kwh")) * pl.col("weight").first() * (60 / tariff.minutes))
    )
    if not tariff.different_days:
        return means
    day = by_home(slots, "local_day")
    highest = pl.col("peak_kw") == pl.col("peak_kw").max().over(day)
    return means.filter(highest).unique(day, keep="first", maintain_order=True)


def power_costs(slots: pl.DataFrame, tariff: PowerTariff, timezone: str) -> pl.DataFrame:
    """The bill of one component, month by month.

    Args:
        slots: with `slot_start` (UTC) and `import_kwh` [kWh per slot].
        tariff: one component.
        timezone: IANA zone of the home.

    Returns:
        One row for each local month in which something counts: `month` (its first day), `days` and `peaks_kw` (lists,
        highest first), `mean_kw` and `cost` [money, tax included]. The mean is over `top` peaks: where a month has
        fewer days, the absent ones count as 0, so the cost of a month so far never falls as it goes on.

    Raises:
        TariffError: an import is missing.
    """
    ranked = (
        peaks(slots, tariff, timezone)
        .sort("month", "peak_kw", "period_start", descending=[False, True, False])
        .group_by("month", maintain_order=True)
        .agg(days=pl.col("local_day").head(tariff.top), peaks_kw=pl.col("peak_kw").head(tariff.top))
    )
    mean = ranked.with_columns(mean_kw=pl.col("peaks_kw").list.sum() / tariff.top)
    costs = [tariff.cost(kw) for kw in mean["mean_kw"]]
    return mean.with_columns(cost=pl.Series(costs, dtype=pl.Float64))


def rolling_bills(costs: pl.DataFrame, months: int = 12) -> pl.DataFrame:
    """Add what each month's bill says where it is of the mean of the last months, as in Flanders.

    A month's peak is then paid in parts, in its own bill and those after it. What it costs in all is `cost`, which
    plans and evaluations weigh; the bills add up to the same, later.

    Args:
        costs: rows of `power_costs`, a month each, without a month left out.
        months: number of last months in the mean; of a home with fewer, those that it has.

    Returns:
        The rows with `bill` [money, tax included].
    """
    ordered = costs.sort("month")
    return ordered.with_columns(bill=pl.col("cost").rolling_mean(months, min_samples=1))


def month_state(slots: pl.DataFrame, tariff: PowerTariff, timezone: str, now: datetime) -> MonthState:
    """Return the peaks of the month of `now`, from the import before it.

    Args:
        slots: with `slot_start` (UTC) and `import_kwh` [kWh per slot]; those from `now` on are not looked at.
        tariff: one component.
        timezone: IANA zone of the home.
        now: start of the next slot (UTC).

    Raises:
        TariffError: an import is missing.
    """
    return month_states(with_home(slots.drop(HOME, strict=False)), tariff, timezone, now, [ALONE])[0]


def month_states(
    slots: pl.DataFrame, tariff: PowerTariff, timezone: str, now: datetime, homes: Sequence[str]
) -> list[MonthState]:
    """Return the month so far of each of several homes, whose slots have `site`; the rest as for `month_state`."""
    clock = pl.DataFrame({"slot_start": [now]}).with_columns(pl.col("slot_start").cast(slots.schema["slot_start"]))
    here = weighted_periods(clock, tariff, timezone).row(0, named=True)
    month, today, period = here["month"], here["local_day"], here["period_start"]
    past = slots.filter(pl.col("slot_start") < now)
    known = peaks(past.filter(pl.col("slot_start") < period), tariff, timezone).filter(pl.col("month") == month)
    is_today = pl.col("local_day") == today if tariff.different_days else pl.lit(value=False)
    peak_kw = pl.col("peak_kw")
    settled = _by_home(known.filter(~is_today), peak_kw.sort(descending=True).head(tariff.top))
    so_far = _by_home(known.filter(is_today), total(peak_kw))
    under_way = _by_home(past.filter(pl.col("slot_start") >= period), total(pl.col("import_kwh")))
    return [
        MonthState(
            month=month,
            peaks_kw=tuple(settled.get(home, ())),
            today=today,
            today_kw=so_far.get(home, 0.0),
            open_start=None if period == now else period,
            open_kwh=under_way.get(home, 0.0),
        )
        for home in homes
    ]


def _by_home(rows: pl.DataFrame, value: pl.Expr) -> dict[str, Any]:
    return dict(per_home(rows, value).iter_rows())


def _check_calendar(name: str, values: tuple[int, ...], last: int) -> None:
    if any(not 1 <= value <= last for value in values):
        message = f"{name} must be in 1-{last}, got {values}"
        raise TariffError(message)


def _check_at_least_zero(name: str, value: float) -> None:
    if not (value >= 0 and math.isfinite(value)):
        message = f"{name} must be a finite number of at least 0, got {value}"
        raise TariffError(message)
