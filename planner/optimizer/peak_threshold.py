"""Power above a threshold at a price: the part of a month's charge that falls on one day, or one hour.

    mean of the N highest peaks = min over t of  t + (1 / N) * sum over peaks of max(peak - t, 0)

(Rockafellar & Uryasev 2000, "Optimization of conditional value-at-risk", with peaks for losses.) So at a threshold t a
month falls apart into days, each charged `price_per_kw / N` for every kW that its peak is above t. Thresholds and
prices are parameters: a program is compiled once for all days whose hours count alike.

What does not belong here: its statement (`demand_charge`), and which threshold is right (`month_bound` for hindsight,
`peak_tracker` for planners).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from env.inverter import Energy
from planner.optimizer.peak_calendar import PeakCalendar


@dataclass(frozen=True, eq=False)
class ThresholdShape:
    """Map of slots to means and of means to peaks, of one component; equal for days that count alike.

    Attributes:
        period_kw: weighted power of a counted period per kWh imported in a slot, `(n_periods, n_slots)` [kW/kWh].
        peak_of: 1 where a period belongs to a peak, `(n_periods, n_peaks)`.
    """

    period_kw: sparse.csr_array
    peak_of: sparse.csr_array

    @classmethod
    def of(cls, calendar: PeakCalendar) -> "ThresholdShape":
        """The shape of a calendar: its hours without their dates."""
        return cls(calendar.period_kw, calendar.peak_of)

    @cached_property
    def key(self) -> tuple[object, ...]:
        """The same for equal shapes."""
        parts = (self.period_kw, self.peak_of)
        return tuple((each.shape, each.indices.tobytes(), each.indptr.tobytes(), each.data.tobytes()) for each in parts)

    def __eq__(self, other: object) -> bool:
        """Return whether the hours count alike."""
        return isinstance(other, ThresholdShape) and self.key == other.key

    def __hash__(self) -> int:
        """Hash of what counts."""
        return hash(self.key)

    @property
    def n_periods(self) -> int:
        """Periods that count."""
        return int(self.period_kw.shape[0])

    @property
    def n_peaks(self) -> int:
        """Peaks that may be above the threshold."""
        return int(self.peak_of.shape[1])

    def of_slots(self, prices: Energy) -> Energy:
        """Prices of power in each period `(n_periods,)` [money/kW] as prices of energy `(n_slots,)` [money/kWh]."""
        return np.asarray(self.period_kw.T @ prices, dtype=np.float64)

    def excess(self, import_kwh: Energy, free_kw: Energy) -> Energy:
        """Return the excess of each peak over what is free `(n_peaks,)` [kW].

        Args:
            import_kwh: import of each slot `(n_slots,)` [kWh].
            free_kw: what each period may have without a charge `(n_periods,)` [kW].
        """
        above = np.zeros(self.n_peaks)
        owners = np.asarray(self.peak_of.tocsr().indices, dtype=np.int64)
        np.maximum.at(above, owners, self.period_kw @ import_kwh - free_kw)
        return above


def counted(shapes: Sequence[ThresholdShape]) -> tuple[tuple[int, ThresholdShape], ...]:
    """The shapes in which something counts, with their number from 1 on."""
    return tuple((number, shape) for number, shape in enumerate(shapes, start=1) if shape.n_periods)
