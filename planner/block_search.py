"""When a load in spaced blocks should run, given what a kWh is worth in each slot: exact, by dynamic programming.

A search over all binaries of such a load takes seconds, since moving a block by a slot changes next to nothing. Given
the value of a kWh in each slot the blocks are a shortest path instead, found in milliseconds. What does not belong
here: where the values come from, and what else the home does (`spaced_loads`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from env.inverter import Energy
from planner.planned_loads import FlexibleLoad

SMALL_KWH = 1e-9  # less than this is no part of a slot
State = tuple[int, int, int, int]


@dataclass(frozen=True)
class Blocks:
    """When a spaced load runs.

    Attributes:
        starts: 1 where a block starts, `(n_slots,)`.
        energy_kwh: what it takes `(n_slots,)` [kWh].
    """

    starts: Energy
    energy_kwh: Energy

    @property
    def on(self) -> Energy:
        """1 where the load runs, `(n_slots,)`."""
        return (self.energy_kwh > 0).astype(np.float64)


def cheapest_blocks(load: FlexibleLoad, value: Energy) -> Blocks | None:
    """The blocks that cost least; None where the spacing leaves no way to the energy of every window.

    A block takes full slots and then at most one that is less. Costs are linear, so in some optimum at most one slot of
    a window is neither full nor empty.

    Args:
        load: with a spacing of more than one slot.
        value: of a kWh in each slot `(n_slots,)` [money/kWh].
    """
    search = _Search(load, value)
    costs, through = [search.beginning()], list[Energy]()
    for slot in range(len(value)):
        through.append(search.through(slot, costs[-1]))
        costs.append(search.closed(slot, through[-1]))
    return search.way_to(costs, through) if np.isfinite(costs[-1].min()) else None


class _Search:
    """What each state has cost at least, slot by slot; states `(2, 2, spacing_slots, full slots)`.

    The axes: whether the block may go on; whether the window's part of a slot is done; slots since the latest start
    less one, the last entry for the spacing and more; full slots of the window so far.
    """

    def __init__(self, load: FlexibleLoad, value: Energy) -> None:
        self.load, self.value = load, value.tolist()
        self.full_kwh = full_kwh = load.shape.full_kwh
        self.count = np.floor(load.energy_kwh / max(full_kwh, SMALL_KWH) + SMALL_KWH).astype(np.int64).tolist()
        part = load.energy_kwh - np.array(self.count) * full_kwh
        self.part = np.where(part > SMALL_KWH, part, 0.0).tolist()
        inside = load.windows.max(axis=0) > 0
        self.window = np.where(inside, load.windows.argmax(axis=0), -1).tolist()
        self.may_run = (inside & (load.most_kwh >= full_kwh - SMALL_KWH)).tolist()
        self.may_start = (np.ones(len(inside)) if load.may_start is None else load.may_start).tolist()
        self.shape = (2, 2, load.spacing_slots, max(self.count, default=0) + 1)
        self.aged = np.full(self.shape, np.inf)  # states a slot older, anew for each slot

    def beginning(self) -> Energy:
        """Nothing done; a block under way may go on or end. When it started is in `may_start`."""
        cost = np.full(self.shape, np.inf)
        cost[: 1 + int(self.load.running), 0, -1, 0] = 0.0
        return cost

    def closed(self, slot: int, after: Energy) -> Energy:
        """Where a window ends only who has its energy goes on, and begins the next with none."""
        if not self._ends_window(slot):
            return after
        ended = np.full(self.shape, np.inf)
        ended[:, 0, :, 0] = after[:, self._has_part(slot), :, self.count[self.window[slot]]]
        return ended

    def through(self, slot: int, cost: Energy) -> Energy:
        """Costs after a slot: idle, go on at full power, end with a part, or start a block."""
        aged, after = self.aged, np.full(self.shape, np.inf)
        aged[:, :, 1:] = cost[:, :, :-1]
        np.minimum(aged[:, :, -1], cost[:, :, -1], out=aged[:, :, -1])
        np.minimum(aged[0], aged[1], out=after[0])
        if not self.may_run[slot]:
            return after
        full, part = self._prices(slot)
        np.add(aged[1, :, :, :-1], full, out=after[1, :, :, 1:])
        if self.may_start[slot]:
            after[1, :, 0, 1:] = cost[0, :, -1, :-1] + full
        if self._has_part(slot):
            done = after[0, 1]
            np.minimum(done, aged[1, 0] + part, out=done)
            if self.may_start[slot]:
                np.minimum(done[0], cost[0, 0, -1] + part, out=done[0])
        return after

    def _prices(self, slot: int) -> tuple[float, float]:
        """What a full slot and the window's part of one cost [money]."""
        return self.value[slot] * self.full_kwh, self.value[slot] * self.part[self.window[slot]]

    def _has_part(self, slot: int) -> int:
        return int(self.part[self.window[slot]] > 0)

    def _ends_window(self, slot: int) -> bool:
        window = self.window[slot]
        return window >= 0 and (slot + 1 == len(self.window) or self.window[slot + 1] != window)

    def way_to(self, costs: list[Energy], through: list[Energy]) -> Blocks:
        """The cheapest way, from its end to its beginning: each step the first that accounts for the cost."""
        n_slots = len(self.value)
        energy, starts = np.zeros(n_slots), np.zeros(n_slots)
        state: State = tuple(int(at) for at in np.unravel_index(int(np.argmin(costs[-1])), self.shape))  # pyright: ignore[reportAssignmentType] - four axes
        for slot in range(n_slots - 1, -1, -1):
            if self._ends_window(slot):
                state = (state[0], self._has_part(slot), state[2], self.count[self.window[slot]])
            cost, target = costs[slot], through[slot][state]
            for before, kwh, start in self._ways(slot, state):
                if cost[before] + self.value[slot] * kwh == target:
                    energy[slot], starts[slot], state = kwh, float(start), before
                    break
        return Blocks(starts, energy)

    def _ways(self, slot: int, state: State) -> Iterator[tuple[State, float, bool]]:
        """States that one slot may lead from to a state, with what was taken, and whether a block started."""
        goes_on, part, age, count = state
        last = self.shape[2] - 1
        ages = [*([age - 1] if age > 0 else []), *([last] if age == last else [])]
        if not goes_on:
            yield from (((going, part, each, count), 0.0, False) for going in (0, 1) for each in ages)
        if not self.may_run[slot]:
            return
        if goes_on and count > 0:
            yield from (((1, part, each, count - 1), self.full_kwh, False) for each in ages)
            if age == 0 and self.may_start[slot]:
                yield (0, part, last, count - 1), self.full_kwh, True
        elif not goes_on and part:
            kwh = self.part[self.window[slot]]
            yield from (((1, 0, each, count), kwh, False) for each in ages)
            if age == 0 and self.may_start[slot]:
                yield (0, 0, last, count), kwh, True
