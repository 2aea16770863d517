"""The full charges of a replayed window: when the battery was full last, and where the next one is placed."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from env.inverter import Energy
from env.simulator import World
from env.time_grid import SLOT
from planner.care.soc_targets import SocTargets, is_full
from planner.policies.window import Window
from planner.value.full_charge import PAST_DAYS, Span, placed_full_charge
from planner.value.slot_prices import SlotPrices

ONE_DAY = timedelta(days=1)
SLOTS_OF_A_DAY = ONE_DAY // SLOT
SLOTS_OF_AN_HOUR = 4


def latest_slot(starts: Sequence[datetime], deadline: datetime) -> int | None:
    """Return the last slot that ends by a deadline; None where the deadline lies beyond the slots.

    One that has passed is made up for within the slots' first day, where it costs least.
    """
    if deadline > starts[-1]:
        return None
    in_time = bisect_left(starts, deadline) - 1
    return in_time if in_time >= 0 else min(SLOTS_OF_A_DAY, len(starts)) - 1


class FullCharges:
    """The full charges of a window; its start counts as one.

    Args:
        window: the days, of a site that wants its battery full from time to time.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        days = window.site.care.full_charge_days
        self.within = timedelta(days=0 if days is None else days)
        self.starts = window.slots["slot_start"].to_list()
        self.full_at = self.starts[0]
        self.soc_kwh = 0.0
        self.placed_until: int = 0

    def read(self, slot: int, soc_kwh: float) -> bool:
        """Take note of the stored energy at a slot's start; return whether a full charge came long before its slot."""
        self.soc_kwh = soc_kwh
        if not is_full(self.window.site.battery, soc_kwh):
            return False
        self.full_at = self.starts[slot]
        early, self.placed_until = slot + SLOTS_OF_AN_HOUR < self.placed_until, 0
        return early

    def placed(
        self, first: int, targets: SocTargets, expected: World, end_value: Energy, power: SlotPrices | None
    ) -> SocTargets:
        """Return the targets of a span from slot `first` on, with a full charge where one is placed in it."""
        n_slots = targets.wanted_kwh.shape[1]
        starts = self.starts[first : first + n_slots]
        deadline = self.full_at + self.within
        if starts[-1] < deadline - self.within / 2:  # so early a full charge may still come by itself
            return targets
        latest = latest_slot(starts, deadline)
        day = int(np.searchsorted(self.window.starts, first, side="right")) - 1
        span = Span(
            world=expected,
            end_value=end_value[None],
            soc_kwh=np.array([self.soc_kwh]),
            targets=targets,
            power=power,
        )
        placed = placed_full_charge(
            self.window.site,
            span,
            latest=latest,
            days_left=(deadline - starts[-1]) // ONE_DAY,
            past_prices=self.window.past_full_charges[max(day - PAST_DAYS, 0) : day],
        )
        if placed is None:
            return targets
        self.placed_until = first + placed.slot + 1
        return targets.full_at(placed.slot, self.window.site.battery.max_soc_kwh)
