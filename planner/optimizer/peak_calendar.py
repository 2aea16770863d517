"""The demand charge over a horizon in numbers: which slots form which peak, and the month so far.

Numbers only, so that a program can be set up and its answer be priced without CVXPY; the statement is `demand_charge`.
The cost of an import by this module is the bill that `env.power_tariff` would write, of the months a horizon touches.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property, lru_cache

import numpy as np
import polars as pl
from scipy import sparse

from env.inverter import Energy
from env.power_tariff import MonthState, PowerTariff, weighted_periods
from env.site import Site
from env.time_grid import local_day
from env.types import Integers
from planner.errors import PlannerError

KEPT = 400  # days, a year and some before it: two kilobytes each


@dataclass(frozen=True, kw_only=True)
class PeakCalendar:
    """Map of a horizon's slots to means, and of means to the peaks that they compete for; computed once a horizon.

    Attributes:
        n_slots: slots of the horizon.
        period_kw: weighted power of a counted period for each kWh imported in a slot, `(n_periods, n_slots)` [kW/kWh].
        peak_of: 1 where a period belongs to a peak, `(n_periods, n_peaks)`.
        period_start: starts of the counted periods.
        days: local day of each peak.
        months: month of each peak, as its first day.
        first_period_kw: what a kWh imported before the horizon adds to the period that it begins in [kW/kWh].
    """

    n_slots: int
    period_kw: sparse.csr_array
    peak_of: sparse.csr_array
    period_start: tuple[datetime, ...]
    days: tuple[date, ...]
    months: tuple[date, ...]
    first_period_kw: float

    @property
    def owners(self) -> Integers:
        """Peak that each period belongs to `(n_periods,)`."""
        return np.asarray(self.peak_of.tocsr().indices, dtype=np.int64)


@dataclass(frozen=True)
class _Horizon:
    """A horizon of slots; equal where its slots are."""

    key: bytes
    slot_start: pl.Series = field(compare=False)


def peak_calendar(slot_start: pl.Series, tariff: PowerTariff, timezone: str) -> PeakCalendar:
    """The calendar of a horizon for one component; cached, for days come again with other batteries and levels.

    Args:
        slot_start: starts of the slots of the horizon (UTC), ascending.
        tariff: one component.
        timezone: IANA zone of the home.
    """
    return _calendar(_Horizon(slot_start.to_physical().to_numpy().tobytes(), slot_start), tariff, timezone)


@lru_cache(maxsize=KEPT)
def _calendar(horizon: _Horizon, tariff: PowerTariff, timezone: str) -> PeakCalendar:
    slot_start = horizon.slot_start
    slots = weighted_periods(slot_start.alias("slot_start").to_frame(), tariff, timezone).with_row_index("slot")
    first = slots.row(0, named=True)
    kw_per_kwh = 60 / tariff.minutes
    counted = slots.filter(pl.col("weight") > 0)
    peak = "local_day" if tariff.different_days else "period_start"
    counted = counted.with_columns(
        period=pl.col("period_start").rank("dense").cast(pl.Int64) - 1,
        peak=pl.col(peak).rank("dense").cast(pl.Int64) - 1,
    )
    periods = counted.unique("period", keep="first", maintain_order=True)
    groups = counted.unique("peak", keep="first", maintain_order=True)
    weights = counted["weight"].to_numpy() * kw_per_kwh
    where = (counted["period"].to_numpy(), counted["slot"].to_numpy())
    owners = (periods["period"].to_numpy(), periods["peak"].to_numpy())
    return PeakCalendar(
        n_slots=slots.height,
        period_kw=sparse.csr_array((weights, where), shape=(periods.height, slots.height)),
        peak_of=sparse.csr_array((np.ones(periods.height), owners), shape=(periods.height, groups.height)),
        period_start=tuple(periods["period_start"]),
        days=tuple(groups["local_day"]),
        months=tuple(groups["month"]),
        first_period_kw=first["weight"] * kw_per_kwh,
    )


@dataclass(frozen=True, kw_only=True)
class HorizonDemandCharge:
    """One component of a demand charge over a horizon, with the month so far.

    Attributes:
        tariff: the component.
        calendar: of the horizon, for that component.
        state: the peaks so far of the month that the horizon begins in.
    """

    tariff: PowerTariff
    calendar: PeakCalendar
    state: MonthState

    @cached_property
    def months(self) -> tuple[date, ...]:
        """Months that are charged: those of the horizon in which something counts, and the one that has peaks."""
        begun = {self.state.month} if self.state.peaks_kw or self.state.today_kw > 0 else set[date]()
        return tuple(sorted(set(self.calendar.months) | begun))

    @cached_property
    def settled_kw(self) -> Energy:
        """The month's settled peaks, highest first, 0 where there are fewer `(top,)` [kW]."""
        closed = [] if self.state.today in self.calendar.days else [self.state.today_kw]
        highest = sorted([*self.state.peaks_kw, *closed], reverse=True)[: self.tariff.top]
        return np.pad(np.array(highest, dtype=np.float64), (0, self.tariff.top - len(highest)))

    @cached_property
    def floor_kw(self) -> Energy:
        """The level of each peak so far, one number where there is none `(max(n_peaks, 1),)` [kW]."""
        today = [self.state.today_kw if day == self.state.today else 0.0 for day in self.calendar.days]
        return np.array(today or [0.0])

    @cached_property
    def under_way_kw(self) -> Energy:
        """The power that each period holds already, one number where there is none `(max(n_periods, 1),)` [kW]."""
        held = np.zeros(max(len(self.calendar.period_start), 1))
        if self.state.open_start is not None and self.calendar.period_start[:1] == (self.state.open_start,):
            held[0] = self.calendar.first_period_kw * self.state.open_kwh
        return held

    def cost(self, import_kwh: Energy) -> float:
        """Return the demand charge of the months with that import, the peaks so far included [money, tax included].

        Args:
            import_kwh: import in each slot of the horizon `(n_slots,)` [kWh].

        Raises:
            PlannerError: the import has not the calendar's length.
        """
        if len(import_kwh) != self.calendar.n_slots:
            message = f"import has {len(import_kwh)} slots, the calendar {self.calendar.n_slots}"
            raise PlannerError(message)
        peaks = self._peaks_kw(import_kwh)
        return sum((self._month_cost(month, peaks) for month in self.months), start=0.0)

    @cached_property
    def standing_cost(self) -> float:
        """The charge of the month that stands before the horizon; 0 for one that has not begun [money]."""
        begun = bool(self.state.peaks_kw) or self.state.today_kw > 0 or self.state.open_kwh > 0
        return self._month_cost(self.state.month, self._peaks_kw(np.zeros(self.calendar.n_slots))) if begun else 0.0

    def _peaks_kw(self, import_kwh: Energy) -> Energy:
        peaks = self.floor_kw.copy()
        if self.calendar.days:
            means = self.calendar.period_kw @ import_kwh + self.under_way_kw
            np.maximum.at(peaks, self.calendar.owners, means)
        return peaks

    def _month_cost(self, month: date, peaks_kw: Energy) -> float:
        planned = [peaks_kw[i] for i, each in enumerate(self.calendar.months) if each == month]
        settled = self.settled_kw.tolist() if month == self.state.month else list[float]()
        highest = sorted([*planned, *settled], reverse=True)[: self.tariff.top]
        return self.tariff.cost(float(sum(highest)) / self.tariff.top)


def horizon_demand_charges(
    slot_start: pl.Series, tariffs: Sequence[PowerTariff], timezone: str, states: Sequence[MonthState]
) -> tuple[HorizonDemandCharge, ...]:
    """The components of a demand charge over a horizon.

    Args:
        slot_start: starts of the slots of the horizon (UTC), ascending.
        tariffs: the components.
        timezone: IANA zone of the home.
        states: the month so far of each component; empty for a month of which nothing is known.

    Raises:
        PlannerError: there are neither none nor as many states as components.
    """
    if not states and tariffs:
        (first,) = weighted_periods(slot_start[:1].alias("slot_start").to_frame(), PowerTariff(), timezone)["month"]
        states = [MonthState(month=first)] * len(tariffs)
    if len(states) != len(tariffs):
        message = f"the demand charge has {len(tariffs)} components, the month so far names {len(states)}"
        raise PlannerError(message)
    return tuple(
        HorizonDemandCharge(tariff=tariff, calendar=peak_calendar(slot_start, tariff, timezone), state=state)
        for tariff, state in zip(tariffs, states, strict=True)
    )


def month_demands(
    slot_start: pl.Series, site: Site, earlier_kw: Sequence[Sequence[float]] = ()
) -> tuple[HorizonDemandCharge, ...]:
    """Return the components of the charges of all months of a window in which nothing is imported yet.

    Each month is charged as `Tariff.charges_of_month` says.

    Args:
        slot_start: starts of the slots (UTC), ascending; whole days may be missing.
        site: tariff and time zone.
        earlier_kw: peaks of the first month's days before the window, of each component, highest first [kW].

    Raises:
        MissingTariffError: a month is over before the first version begins.
    """
    months = slot_start.alias("slot_start").to_frame().select(local_day(site.timezone).dt.month_start())
    by_tariffs: dict[tuple[PowerTariff, ...], set[date]] = {}
    for month in months["local_day"].unique().sort().to_list():
        by_tariffs.setdefault(site.tariff.charges_of_month(month), set()).add(month)
    first = min(min(within) for within in by_tariffs.values())
    return tuple(
        replace(demand, calendar=_of_months(demand.calendar, within), state=state)
        for tariffs, within in by_tariffs.items()
        for demand, state in zip(
            horizon_demand_charges(slot_start, tariffs, site.timezone, ()),
            _begun(min(within), tariffs, earlier_kw if min(within) == first else ()),
            strict=True,
        )
    )


def _begun(
    month: date, tariffs: Sequence[PowerTariff], earlier_kw: Sequence[Sequence[float]]
) -> tuple[MonthState, ...]:
    """Return the month so far of each component."""
    known = earlier_kw or [()] * len(tariffs)
    return tuple(
        MonthState(month=month, peaks_kw=tuple(kw[: each.top])) for each, kw in zip(tariffs, known, strict=True)
    )


def _of_months(calendar: PeakCalendar, months: set[date]) -> PeakCalendar:
    """The calendar with only what belongs to some months."""
    peaks = np.array([month in months for month in calendar.months], dtype=np.bool_)
    periods = peaks[calendar.owners] if len(peaks) else peaks
    kept = [i for i, inside in enumerate(peaks.tolist()) if inside]
    return replace(
        calendar,
        period_kw=calendar.period_kw[periods],
        peak_of=calendar.peak_of[periods][:, kept],
        period_start=tuple(start for start, inside in zip(calendar.period_start, periods, strict=True) if inside),
        days=tuple(calendar.days[i] for i in kept),
        months=tuple(calendar.months[i] for i in kept),
    )
