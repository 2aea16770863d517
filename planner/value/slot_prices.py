"""A demand charge as prices of slots: the import that is free in each, and the price of more.

Inside a day a planner sees slots, not days: a kW above the level is charged in every hour it happens in, although only
the day's highest counts. That keeps a little more in store than needed. A period's energy so far counts: what its past
slots left is free for the others.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy import sparse

from env.fleet import Homes, along
from env.inverter import Energy
from env.time_grid import SLOT_HOURS
from env.types import Integers, Mask
from planner.optimizer.peak_calendar import PeakCalendar
from planner.optimizer.peak_threshold import ThresholdShape
from planner.value.day_peak import DayPeak

ENDLESS_KW = 1e6
_OF_HOMES = 3
"""Axes of what is free where each of several homes has its own."""


@dataclass(frozen=True, kw_only=True)
class SlotPrices:
    """The demand charge of the slots of a span, a row a component.

    Attributes:
        free_kwh: import of a slot that is free, if its period imports evenly `(n_components, n_slots)`, of several
            homes `(n_components, n_homes, n_slots)` [kWh].
        price: of imports above that `(n_components, n_slots)` [money/kWh].
        period: number of the period of each slot `(n_components, n_slots)`; slots of one number share what is free.
        day_peak: the component of which a day is charged once; None for none.
        component: the row that says the same slot by slot.
    """

    free_kwh: Energy
    price: Energy
    period: Integers
    day_peak: DayPeak | None = None
    component: int = -1

    @classmethod
    def nothing(cls, n_slots: int) -> "SlotPrices":
        """Return the prices of a month that charges no power."""
        none = np.zeros((0, n_slots))
        return cls(free_kwh=none, price=none, period=none.astype(np.int64))

    @property
    def form(self) -> Hashable:
        """All but what is free: homes that agree in it can be joined."""
        peak = None if self.day_peak is None else self.day_peak.form
        return self.price.shape, self.price.tobytes(), self.period.tobytes(), self.component, peak

    def joined(self, others: Sequence["SlotPrices"]) -> "SlotPrices":
        """Return the prices of these homes together, each of one, which agree in `form`."""
        peaks = [each.day_peak for each in others if each.day_peak is not None]
        return replace(
            self,
            free_kwh=np.stack([self.free_kwh, *(each.free_kwh for each in others)], axis=1),
            day_peak=None if self.day_peak is None else self.day_peak.joined(peaks),
        )

    def begun(self, peak_kw: float) -> "SlotPrices":
        """Return the prices of one home whose first day has had a peak of the component charged once a day [kW]."""
        return self if self.day_peak is None else replace(self, day_peak=self.day_peak.begun(peak_kw))

    def of_homes(self, homes: slice) -> "SlotPrices":
        """Return the prices of some of several homes, of one those of all."""
        return self if self.free_kwh.ndim < _OF_HOMES else replace(self, free_kwh=self.free_kwh[:, homes])

    @property
    def others(self) -> "SlotPrices":
        """The components but that of `day_peak`."""
        if self.day_peak is None:
            return self
        return self.part_of([row for row in range(len(self.price)) if row != self.component])

    def part_of(self, rows: Sequence[int]) -> "SlotPrices":
        """Return some of the components, slot by slot."""
        kept = np.array(rows, dtype=np.intp)
        return SlotPrices(free_kwh=self.free_kwh[kept], price=self.price[kept], period=self.period[kept])

    @property
    def free_of_all(self) -> Energy:
        """Free import of each slot, as for `cost_of_slots` `(n_slots, 1)` or `(n_homes, 1, n_slots, 1)` [kWh]."""
        charged = np.where(self._along(self.price) > 0, self.free_kwh, ENDLESS_KW)
        return _of_scenarios(charged.min(axis=0, initial=ENDLESS_KW))

    def _along(self, by_slot: Energy | Mask) -> Energy | Mask:
        """Return figures `(n_components, n_slots)`, shaped to go with what is free."""
        return by_slot if self.free_kwh.ndim < _OF_HOMES else by_slot[:, None]

    def cost_of_slots(self, import_kwh: Energy) -> Energy:
        """Return the charge of imports where every slot imports as its period does `(..., n_slots, n_actions)` [money].

        Args:
            import_kwh: of any shape that ends with slots and actions [kWh].
        """
        total = np.zeros_like(import_kwh)
        for price, free in zip(self.price, self.free_kwh, strict=True):
            if price.any():
                total += price[:, None] * np.maximum(import_kwh - _of_scenarios(free), 0.0)
        return total

    def cost(self, slot: int, import_kwh: Energy, free_kwh: Energy) -> Energy:
        """Return the charge of imports in a slot, of any shape [money].

        Args:
            slot: index in the span.
            import_kwh: import of the slot, of several homes `(n_homes, ...)` [kWh].
            free_kwh: import that is free, of each component `(n_components,)` or `(n_components, n_homes)` [kWh].
        """
        total = np.zeros_like(import_kwh)
        for price, free in zip(self.price[:, slot].tolist(), free_kwh, strict=True):
            if price > 0:
                own = free if free.ndim == 0 else free.reshape(-1, *(1,) * (import_kwh.ndim - 1))
                total = total + price * np.maximum(import_kwh - own, 0.0)
        return total

    def shapes(self, first: int, end: int) -> tuple[ThresholdShape, ...]:
        """Return the shapes of slots `first` to `end` that share a free import, of each component, in kWh for kW."""
        return tuple(_shared(row[first:end]) for row in self.period)

    def part(self, first: int, end: int) -> "SlotPrices":
        """Return the prices of slots `first` to `end` alone."""
        span = slice(first, end)
        return SlotPrices(free_kwh=self.free_kwh[:, span], price=self.price[:, span], period=self.period[:, span])

    def left(self, slot: int, import_kwh: Energy) -> Energy:
        """Return the import that is still free in a slot's period [kWh].

        Args:
            slot: index of the slot that begins.
            import_kwh: imports of the span's slots; those before the slot count `(n_slots,)` or `(n_homes, n_slots)`
                [kWh].

        Returns:
            Of each component `(n_components,)`, or `(n_components, n_homes)`.
        """
        own = self._along(self.period == self.period[:, slot, None])
        whole = _sum(np.where(own, self.free_kwh, 0.0))
        used = _sum(np.where(own[..., :slot], import_kwh[..., :slot], 0.0))
        return np.maximum(whole - used, 0.0)

    def due(self, slot: int, import_kwh: Energy) -> Energy:
        """Return the free import of a slot if the rest of its period imports evenly, as `left` [kWh]."""
        ahead = (self.period[:, slot:] == self.period[:, slot, None]).sum(axis=1)
        left = self.left(slot, import_kwh)
        return left / (ahead if left.ndim == 1 else ahead[:, None])

    def room_kw(self, slot: int, import_kwh: Energy) -> Energy:
        """Return the import of a slot that stays free in every component, as `DayPeak.room_kw` does for one [kW]."""
        charged = self.price[:, slot] > 0
        free = np.minimum(self.due(slot, import_kwh), self.free_kwh[..., slot])
        return np.asarray(free[charged].min(axis=0, initial=np.inf) / SLOT_HOURS)


def _of_scenarios(by_slot: Energy) -> Energy:
    """Return what is free `(n_slots,)` or `(n_homes, n_slots)`, shaped to go with `(n_homes, n_rows, n_slots, n)`."""
    return by_slot[..., None] if by_slot.ndim == 1 else by_slot[:, None, :, None]


def _sum(by_slot: Energy) -> Energy:
    """Return sums over slots, each of the same bits whatever other homes there are."""
    return np.ascontiguousarray(by_slot).sum(axis=-1)


def _shared(period: Integers) -> ThresholdShape:
    """Return the shape in which slots with one number add up."""
    return _shape(tuple(np.unique(period, return_inverse=True)[1].tolist()))


@lru_cache(maxsize=256)
def _shape(numbers: tuple[int, ...]) -> ThresholdShape:
    """Return the shape of slots by the rank of their number; few there are, and SciPy takes a fifth of MPC's time."""
    n_periods = max(numbers) + 1
    ones = (np.ones(len(numbers)), (np.array(numbers), np.arange(len(numbers))))
    return ThresholdShape(
        sparse.csr_array(ones, shape=(n_periods, len(numbers))), sparse.csr_array(sparse.eye_array(n_periods))
    )


def slot_prices(
    calendars: Sequence[PeakCalendar], levels_kw: Energy, rates: Energy, *, once_a_day: Sequence[bool] = ()
) -> SlotPrices:
    """Return levels and rates as prices of slots.

    Args:
        calendars: of the span, one a component.
        levels_kw: free of charge, weighted as the component weighs [kW].
        rates: of a weighted kW above it [money/kW].
        once_a_day: whether a day's charge is by its highest period alone; empty for no component.
    """
    free, price, period = list[Energy](), list[Energy](), list[Integers]()
    for calendar, level, rate in zip(calendars, levels_kw.tolist(), rates.tolist(), strict=True):
        weights = np.asarray(calendar.period_kw.sum(axis=0)).ravel()  # [kW/kWh], 0 where nothing counts
        members = np.append(np.diff(calendar.period_kw.indptr), 1)  # the last is of slots that no period owns
        owner = np.full(calendar.n_slots, -1, dtype=np.int64)
        rows, columns = calendar.period_kw.nonzero()
        owner[columns] = rows
        allowed = np.divide(level, weights, out=np.full(len(weights), ENDLESS_KW), where=weights > 0)
        free.append(allowed / members[owner])
        price.append(rate * weights)
        period.append(np.where(owner >= 0, owner, -2 - np.arange(calendar.n_slots)))
    shape = (len(calendars), -1)
    counted = np.array([rate if each.days else 0.0 for each, rate in zip(calendars, rates.tolist(), strict=True)])
    dearest = int(np.argmax(np.where(once_a_day, counted, 0.0))) if len(once_a_day) else -1
    running = dearest >= 0 and once_a_day[dearest] and counted[dearest] > 0
    return SlotPrices(
        day_peak=day_peak(calendars[dearest], levels_kw[dearest], rates[dearest]) if running else None,
        component=dearest,
        free_kwh=np.array(free).reshape(shape),
        price=np.array(price).reshape(shape),
        period=np.array(period, dtype=np.int64).reshape(shape),
    )


def day_peak(calendar: PeakCalendar, level_kw: float, rate: float) -> DayPeak:
    """Return a component of which a day is charged once."""
    kw = np.asarray(calendar.period_kw.sum(axis=0)).ravel()
    rows, columns = calendar.period_kw.nonzero()
    period = -2 - np.arange(calendar.n_slots)
    period[columns] = rows
    day = np.zeros(calendar.n_slots, dtype=np.int64)
    day[columns] = calendar.owners[rows]
    return DayPeak(
        level_kw=np.array([level_kw]),
        rate=rate,
        kw_per_kwh=kw,
        period=period,
        day=np.maximum.accumulate(day),  # a slot that does not count goes with those before it
    )


class PowerMeter:
    """A meter of imports, slot by slot, calculated from readings and the stored energy.

    Args:
        site: the home.
        prices: of the slots of the span; None without a demand charge, then nothing is read.
        n_homes: number of homes.

    Attributes:
        import_kwh: imports so far `(n_homes, n_slots)` [kWh].
    """

    def __init__(self, site: Homes, prices: SlotPrices | None, n_homes: int = 1) -> None:
        self.battery, self.prices = along(site, 1)[0], prices
        self.import_kwh: Energy = np.zeros((n_homes, 0 if prices is None else prices.price.shape[1]))
        self._soc_kwh: Energy | None = None

    def begin(self, import_kwh: Energy) -> None:
        """Take over the metered imports of the span's first slots `(n_homes, n)`; NaN leaves what was calculated [kWh].

        Nothing is read of the slot under way.
        """
        if self.prices is not None:
            first = self.import_kwh[:, : import_kwh.shape[1]]
            first[:] = np.where(np.isfinite(import_kwh), import_kwh, first)
            self._soc_kwh = None

    def read(self, slot: int, soc_kwh: Energy, last_load: Energy | None, last_pv: Energy | None) -> None:
        """Begin a slot, each `(n_homes,)`: stored energy now, and load and PV of the slot before [kWh]."""
        if self.prices is None:
            return
        if slot > 0 and self._soc_kwh is not None and last_load is not None and last_pv is not None:
            moved = soc_kwh - self.battery.retention_per_slot * self._soc_kwh
            charge = self.battery.charge_storing(np.maximum(moved, 0.0))
            discharge = self.battery.discharge_drawing(np.maximum(-moved, 0.0))
            self.import_kwh[:, slot - 1] = np.maximum(last_load - last_pv + charge - discharge, 0.0)
        self._soc_kwh = soc_kwh
