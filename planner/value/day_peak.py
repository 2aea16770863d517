"""The running peak of a day: the component of a demand charge whose day is charged once, by its highest period.

A day's charge is the rate times what its highest period lies above the level, however many periods lie there: once the
morning had 5 kW, 5 kW in the evening add nothing. So planners carry the day's peak so far as a second state
(`planner.value.peak_value`). The power of a period that is under way is projected: what it imported so far, and for the
rest of it what the slot imports, moved by how the house differs.

It does not say: several components at once (the others are charged above their level in every slot, as in
`planner.value.slot_prices`), several peaks a day (that form is exact for them), and steps but as a price.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from env.inverter import Energy
from env.site import Site
from env.time_grid import SLOT_HOURS
from env.types import Integers


@dataclass(frozen=True, kw_only=True)
class DayPeak:
    """A component of a demand charge over the slots of a span.

    Attributes:
        level_kw: weighted power that is free, of each home, or one number for all `(n_homes or 1,)` [kW].
        rate: of a kW of a day's peak above it [money/kW].
        kw_per_kwh: weighted power that a kWh of a period's import is `(n_slots,)`; 0 where nothing counts [kW/kWh].
        period: number of the period of each slot `(n_slots,)`.
        day: number of the local day of each slot `(n_slots,)`.
        so_far_kw: weighted peak of the first day before the span, as the level `(n_homes or 1,)` [kW].
    """

    level_kw: Energy
    rate: float
    kw_per_kwh: Energy
    period: Integers
    day: Integers
    so_far_kw: Energy = field(default_factory=lambda: np.zeros(1))

    @property
    def members(self) -> Integers:
        """Number of slots of the span in each slot's period `(n_slots,)`."""
        _, place, count = np.unique(self.period, return_inverse=True, return_counts=True)
        return np.asarray(count[place], dtype=np.int64)

    @property
    def form(self) -> tuple[bytes, bytes, bytes, float]:
        """All but the level and the peak so far: homes that agree in it can be joined."""
        tables = (self.kw_per_kwh, self.period, self.day)
        counted, period, day = (table.tobytes() for table in tables)
        return counted, period, day, self.rate

    def joined(self, others: Sequence["DayPeak"]) -> "DayPeak":
        """Return the component of these homes together, which agree in `form`, each with its own level and peak."""
        every = (self, *others)
        return replace(
            self,
            level_kw=np.concatenate([each.level_kw for each in every]),
            so_far_kw=np.concatenate([each.so_far_kw for each in every]),
        )

    def begun(self, peak_kw: float) -> "DayPeak":
        """Return the component of one home with a peak of the first day before the span [kW]."""
        return replace(self, so_far_kw=np.array([peak_kw]))

    def rest(self, slot: int) -> slice:
        """Return the slots after a slot that belong to its period."""
        end = slot + 1
        while end < len(self.period) and self.period[end] == self.period[slot]:
            end += 1
        return slice(slot + 1, end)

    def period_means(self, net_kwh: Energy) -> Energy:
        """Return the mean over each slot's period of courses `(..., n_slots)`."""
        _, first, place, count = np.unique(self.period, return_index=True, return_inverse=True, return_counts=True)
        sums = np.add.reduceat(net_kwh, np.sort(first), axis=-1)
        rank = np.argsort(np.argsort(first))  # periods are numbered in any order
        return sums[..., rank[place]] / count[place]

    def projected_kw(self, slot: int, import_kwh: Energy, open_kwh: Energy, net_kwh: Energy) -> Energy:
        """Return the weighted power of a slot's period, were its rest like the slot but for the house.

        Args:
            slot: index in the span.
            import_kwh: import of the slot `(n_homes, n_scenarios, n_choices)` [kWh].
            open_kwh: import of the period before the slot `(n_homes,)` [kWh].
            net_kwh: load less PV of the span's slots `(n_homes, n_scenarios, n_slots)` [kWh].
        """
        rest = self.rest(slot)
        moved = (net_kwh[:, :, rest] - net_kwh[:, :, slot, None]).sum(axis=2)[:, :, None]
        n_rest = rest.stop - rest.start
        later_kwh = np.maximum(n_rest * import_kwh + moved, 0.0) if n_rest else 0.0
        return self.kw_per_kwh[slot] * (open_kwh[:, None, None] + import_kwh + later_kwh)

    def room_kw(self, slot: int, peak_kw: Energy, open_kwh: Energy) -> Energy:
        """Return the import of a slot that keeps its period at the level, or the day's peak so far if that is higher.

        No more than the period's even share, also where it imported less so far: an inverter's limit stays the same
        from slot to slot, and what the period saved goes to what is above the limit.

        Args:
            slot: index in the span.
            peak_kw: weighted peak of the day before the period, of each home `(n_homes,)` [kW].
            open_kwh: import of the period before the slot `(n_homes,)` [kWh].

        Returns:
            Not weighted; infinity where nothing counts `(n_homes,)` [kW].
        """
        if self.kw_per_kwh[slot] == 0:
            return np.full(peak_kw.shape, np.inf)
        rest = self.rest(slot)
        whole_kwh = np.maximum(self.level_kw, peak_kw) / self.kw_per_kwh[slot]
        left_kwh = np.maximum(whole_kwh - open_kwh, 0.0) / (1 + rest.stop - rest.start)
        return np.minimum(left_kwh, whole_kwh / self.members[slot]) / SLOT_HOURS


class PeakMeter:
    """The day's peak so far and the import of the period under way, slot by slot, from readings and stored energy.

    Args:
        site: the home.
        peak: the component over the span.
        n_homes: number of homes.
    """

    def __init__(self, site: Site, peak: DayPeak, n_homes: int) -> None:
        self.battery, self.peak = site.battery, peak
        self.peak_kw: Energy = np.zeros(n_homes) + peak.so_far_kw
        self.open_kwh: Energy = np.zeros(n_homes)
        self._soc_kwh: Energy | None = None

    def begin(self, import_kwh: Energy) -> None:
        """Take over the metered imports of the span's first slots, NaN where there is none `(n_homes, n)` [kWh]."""
        nothing = np.zeros(len(self.peak_kw))
        self.peak_kw, self.open_kwh, self._soc_kwh = nothing + self.peak.so_far_kw, nothing, None
        for slot, metered in enumerate(np.nan_to_num(import_kwh).T, start=1):
            self._count(slot, metered)

    def read(self, slot: int, soc_kwh: Energy, last_load: Energy | None, last_pv: Energy | None) -> None:
        """Begin a slot, each `(n_homes,)`: stored energy now, and load and PV of the slot before [kWh]."""
        if slot > 0 and self._soc_kwh is not None and last_load is not None and last_pv is not None:
            moved = soc_kwh - self.battery.retention_per_slot * self._soc_kwh
            charge = self.battery.charge_storing(np.maximum(moved, 0.0))
            discharge = self.battery.discharge_drawing(np.maximum(-moved, 0.0))
            self._count(slot, np.maximum(last_load - last_pv + charge - discharge, 0.0))
        self._soc_kwh = soc_kwh

    def _count(self, slot: int, import_kwh: Energy) -> None:
        """Count the import of the slot before."""
        peak = self.peak
        self.open_kwh = self.open_kwh + import_kwh
        if peak.period[slot] == peak.period[slot - 1]:
            return
        self.peak_kw = np.maximum(self.peak_kw, peak.kw_per_kwh[slot - 1] * self.open_kwh)
        self.open_kwh = np.zeros_like(self.open_kwh)
        if peak.day[slot] != peak.day[slot - 1]:
            self.peak_kw = np.zeros_like(self.peak_kw)
