# SciPy's sparse arrays are untyped; strict mode would ask for a cast in every line.
# pyright: basic
"""A charge for power in the words of slots: what each may buy freely, and what it pays for more.

Inside a day a planner sees slots, not days: a kW above the level is charged in every hour it happens in, although only
the day's highest counts. That keeps a little more in store than needed. A period's energy so far counts: what its past
slots left is free for the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from env.inverter import Energy
from env.site import Site
from planner.optimizer.peak_calendar import PowerCalendar
from planner.optimizer.peak_threshold import ThresholdShape

ENDLESS_KW = 1e6


@dataclass(frozen=True, kw_only=True)
class SlotPrices:
    """What power costs in the slots of a span, a row a component.

    Attributes:
        free_kwh: what a slot may buy without a charge, if its period buys evenly `(n_components, n_slots)` [kWh].
        price: of what it buys above that `(n_components, n_slots)` [money/kWh].
        period: number of the period of each slot `(n_components, n_slots)`; slots of one number share what is free.
    """

    free_kwh: Energy
    price: Energy
    period: NDArray[np.int64]

    @cached_property
    def free_of_all(self) -> Energy:
        """What each slot may buy without any charge, as for `cost_of_slots` `(n_slots, 1)` [kWh]."""
        charged = np.where(self.price > 0, self.free_kwh, ENDLESS_KW)
        return charged.min(axis=0, initial=ENDLESS_KW)[:, None]

    def cost_of_slots(self, import_kwh: Energy) -> Energy:
        """What buying costs by the charge where every slot buys as its period does `(..., n_slots, n_moves)` [money].

        Args:
            import_kwh: of any shape that ends with slots and moves [kWh].
        """
        total = np.zeros_like(import_kwh)
        for price, free in zip(self.price, self.free_kwh, strict=True):
            if price.any():
                total += price[:, None] * np.maximum(import_kwh - free[:, None], 0.0)
        return total

    def cost(self, slot: int, import_kwh: Energy, free_kwh: Energy) -> Energy:
        """What buying so much in a slot costs by the charge, of any shape [money].

        Args:
            slot: index in the span.
            import_kwh: what is bought [kWh].
            free_kwh: what it may buy without a charge, of each component `(n_components,)` [kWh].
        """
        total = np.zeros_like(import_kwh)
        for price, free in zip(self.price[:, slot].tolist(), free_kwh.tolist(), strict=True):
            if price > 0:
                total = total + price * np.maximum(import_kwh - free, 0.0)
        return total

    def shapes(self, first: int, end: int) -> tuple[ThresholdShape, ...]:
        """Which slots from `first` to `end` share what is free, of each component, in kWh for kW."""
        return tuple(_shared(row[first:end]) for row in self.period)

    def part(self, first: int, end: int) -> "SlotPrices":
        """The same of slots `first` to `end` alone."""
        span = slice(first, end)
        return SlotPrices(free_kwh=self.free_kwh[:, span], price=self.price[:, span], period=self.period[:, span])

    def left(self, slot: int, bought_kwh: Energy) -> Energy:
        """What the rest of a slot's period may buy without a charge, of each component `(n_components,)` [kWh].

        Args:
            slot: index of the slot that begins.
            bought_kwh: what was bought in the slots of the span; those before it count `(n_slots,)` [kWh].
        """
        own = self.period == self.period[:, slot, None]
        whole = np.where(own, self.free_kwh, 0.0).sum(axis=1)
        return np.maximum(whole - own[:, :slot] @ bought_kwh[:slot], 0.0)

    def due(self, slot: int, bought_kwh: Energy) -> Energy:
        """What a slot may buy if the rest of its period buys evenly, as `left` [kWh]."""
        ahead = (self.period[:, slot:] == self.period[:, slot, None]).sum(axis=1)
        return self.left(slot, bought_kwh) / ahead


def _shared(period: NDArray[np.int64]) -> ThresholdShape:
    """Slots with one number add up."""
    numbers = np.unique(period, return_inverse=True)[1]
    n_periods = int(numbers.max()) + 1
    ones = (np.ones(len(period)), (numbers, np.arange(len(period))))
    return ThresholdShape(
        sparse.csr_array(ones, shape=(n_periods, len(period))), sparse.csr_array(sparse.eye_array(n_periods))
    )


def slot_prices(calendars: Sequence[PowerCalendar], levels_kw: Energy, rates: Energy) -> SlotPrices:
    """Levels and rates as prices of slots.

    Args:
        calendars: of the span, one a component.
        levels_kw: free of charge, weighted as the component weighs [kW].
        rates: of a weighted kW above it [money/kW].
    """
    free, price, period = [], [], []
    for calendar, level, rate in zip(calendars, levels_kw.tolist(), rates.tolist(), strict=True):
        weights = np.asarray(calendar.period_kw.sum(axis=0)).ravel()  # [kW/kWh], 0 where nothing counts
        members = np.maximum(np.diff(calendar.period_kw.indptr), 1)
        owner = np.full(calendar.n_slots, -1, dtype=np.int64)
        rows, columns = calendar.period_kw.nonzero()
        owner[columns] = rows
        allowed = np.divide(level, weights, out=np.full(len(weights), ENDLESS_KW), where=weights > 0)
        free.append(allowed / np.where(owner >= 0, members[owner], 1))
        price.append(rate * weights)
        period.append(np.where(owner >= 0, owner, -2 - np.arange(calendar.n_slots)))
    shape = (len(calendars), -1)
    return SlotPrices(
        free_kwh=np.array(free).reshape(shape),
        price=np.array(price).reshape(shape),
        period=np.array(period, dtype=np.int64).reshape(shape),
    )


class PowerMeter:
    """What a home buys, slot by slot, as its meter would tell: worked out from readings and the store.

    Args:
        site: the home.
        prices: of the slots of the span; None where power is not charged, then nothing is read.
    """

    def __init__(self, site: Site, prices: SlotPrices | None) -> None:
        self.battery, self.prices = site.battery, prices
        self.bought: Energy = np.zeros(0 if prices is None else prices.price.shape[1])
        self._soc_kwh: Energy | None = None

    def read(self, slot: int, soc_kwh: Energy, last_load: Energy | None, last_pv: Energy | None) -> None:
        """A slot begins, each `(1,)`: what is stored now, and what the house used and made in the slot before [kWh]."""
        if self.prices is None:
            return
        if slot > 0 and self._soc_kwh is not None and last_load is not None and last_pv is not None:
            moved = soc_kwh - self.battery.retention_per_slot * self._soc_kwh
            charge = self.battery.charge_storing(np.maximum(moved, 0.0))
            discharge = self.battery.discharge_drawing(np.maximum(-moved, 0.0))
            self.bought[slot - 1] = np.maximum(last_load - last_pv + charge - discharge, 0.0)[0]
        self._soc_kwh = soc_kwh
