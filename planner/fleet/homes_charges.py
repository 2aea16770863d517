"""The demand charges of homes that are planned together: prices of their slots, and what schedules add to their months.

A month's charge is the home's own, by its peaks so far; the prices are joined where the homes' slots are charged alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from env.inverter import Energy
from planner.optimizer.peak_calendar import HorizonDemandCharge
from planner.value.slot_prices import SlotPrices


@dataclass(frozen=True, kw_only=True)
class HomesCharges:
    """The demand charges of homes.

    Attributes:
        power: the charge as prices of the span's slots, of all the homes.
        demands: of each home, the components over the slots ahead with the month so far.
        metered_kwh: imports of the span's slots that are over, NaN where there is none `(n_homes, n)` [kWh].
    """

    power: SlotPrices
    demands: Sequence[tuple[HorizonDemandCharge, ...]]
    metered_kwh: Energy

    def added(self, import_kwh: Energy) -> Energy:
        """Return what imports `(n_homes, n_slots)` ahead add to the homes' charges `(n_homes,)` [money]."""
        return np.array(
            [
                sum((each.cost(own) - each.standing_cost for each in demands), start=0.0)
                for demands, own in zip(self.demands, import_kwh, strict=True)
            ]
        )
