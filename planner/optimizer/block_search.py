"""Run times of a load in spaced blocks, given the value of a kWh in each slot: exact, by dynamic programming.

A search over all binaries of such a load takes seconds, since moving a block by a slot changes next to nothing. Given
the value of a kWh in each slot the blocks are a shortest path instead, found in a millisecond or two. Its steps are
whole blocks: none that starts within the spacing can follow another, so as many starts are looked at together. What
does not belong here: where the values come from, and what else the home does (`block_scheduling`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from env.inverter import Energy
from planner.optimizer.deferrable_loads import FlexibleLoad
from planner.tolerances import BLOCK_ROUNDING_KWH


@dataclass(frozen=True)
class Blocks:
    """Run times of a spaced load.

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
    for window in search.windows:
        search.go_through(window)
    return search.way_back() if np.isfinite(search.done[-1].min()) else None


@dataclass(frozen=True)
class _Window:
    """A window's demand: `count` full slots, and a slot of `part_kwh`, in the slots from `first` up to `end`."""

    place: int
    first: int
    end: int
    count: int
    part_kwh: float

    @property
    def part(self) -> int:
        """1 where one slot is less than full, else 0."""
        return int(self.part_kwh > 0)

    @property
    def empty(self) -> bool:
        """Return whether no energy is demanded."""
        return self.count == 0 and self.part == 0


class _Under(NamedTuple):
    """A block that is under way where a window begins, from the slot `start` on; before the horizon: below 0."""

    start: int
    cost: float


class _Free(NamedTuple):
    """Free to start a block at a fence post, with so much of the window taken."""

    window: _Window
    post: int
    part: int
    full: int


class _Done(NamedTuple):
    """Through with the windows before `place`, and free to start a block at a fence post."""

    place: int
    post: int


class _Step(NamedTuple):
    """A way to a state: from where, at what cost in all, and which slots of a block run, the last with `part_kwh`."""

    cost: float
    before: _Free | _Done
    start: int = 0
    full_end: int = 0
    part_kwh: float = 0.0


class _Search:
    """The least cost of each state.

    `free` is `(fence posts, 2, full slots)`: free to start a block there, by whether the window's part of a slot is
    taken and by its full slots so far. `done[w]` is `(fence posts,)`: the same with all windows before `w` complete.
    Both reach beyond the horizon, as far as a spacing or a block may.
    """

    def __init__(self, load: FlexibleLoad, value: Energy) -> None:
        self.load, self.value, self.n_slots = load, value, len(value)
        self.full_kwh = full_kwh = load.shape.full_kwh
        self.windows = _windows(load, full_kwh)
        self.most = max((window.count for window in self.windows), default=0)
        self.spacing = load.spacing_slots
        posts = self.n_slots + max(self.spacing, self.most) + 2
        self.free = np.full((posts, 2, self.most + 1), np.inf)
        self.done = np.full((len(self.windows) + 1, posts), np.inf)
        self.done[0, 0] = 0.0
        self.under: list[list[_Under]] = [[] for _ in range(len(self.windows) + 1)]
        if load.running and self.windows and self.windows[0].first == 0:
            self.under[0].append(_Under(-posts, 0.0))
        self.may_start = np.ones(self.n_slots) if load.may_start is None else load.may_start
        self.run, self.end_part = self._prices()
        lengths, counts = np.arange(self.most + 1)[:, None], np.arange(self.most + 1)
        self.came_from = counts - lengths + self.most  # of the full slots so far, padded with `most` that cannot be

    def _prices(self) -> tuple[Energy, Energy]:
        """Return the cost of a block by its start and its full slots, and of a part after them `(n_slots, most+1)`.

        Infinite beyond the window, and where the load may not run.
        """
        n_slots, lengths = self.n_slots, np.arange(self.most + 1)
        may_run = self.load.most_kwh >= self.full_kwh - BLOCK_ROUNDING_KWH
        stop, part = np.arange(n_slots), np.zeros(n_slots)  # first slot from each on in which it may not run
        for window in self.windows:
            inside = np.arange(window.first, window.end)
            barred = np.where(may_run[inside], window.end, inside)
            stop[inside] = np.minimum.accumulate(barred[::-1])[::-1]
            part[inside] = window.part_kwh
        ends = np.arange(n_slots)[:, None] + lengths
        total = np.concatenate([[0.0], np.cumsum(self.value)]) * self.full_kwh
        run = total[np.minimum(ends, n_slots)] - total[:n_slots, None]
        run[ends > stop[:, None]] = np.inf
        end_part = part[:, None] * self.value[np.minimum(ends, n_slots - 1)]
        end_part[(ends >= stop[:, None]) | (part[:, None] == 0)] = np.inf
        return run, end_part

    def go_through(self, window: _Window) -> None:
        """Costs of all states of a window, and of being through with it."""
        before, first, end = self.done[window.place], window.first, window.end
        self.free[first, 0, 0] = before[: first + 1].min()
        self.free[first + 1 : end, 0, 0] = before[first + 1 : end]
        if window.empty:
            self.done[window.place + 1, end:] = before[end:]
        for under in self.under[window.place]:
            self._go_on(window, under)
        for start in range(first, end, self.spacing):
            self._start(window, start, min(start + self.spacing, end))
        idle = self.free[end - 1, window.part, window.count]
        self.done[window.place + 1, end] = min(self.done[window.place + 1, end], idle)

    def _start(self, window: _Window, start: int, end: int) -> None:
        """Blocks that start in the slots from `start` up to `end`, no more than the spacing."""
        free, spacing, most = self.free[start:end], self.spacing, self.most
        if start > window.first:
            np.minimum(free[0], self.free[start - 1], out=free[0])
        np.minimum.accumulate(free, axis=0, out=free)
        padded = np.full((end - start, 2, 2 * most + 1), np.inf)
        padded[:, :, most:] = np.where(self.may_start[start:end, None, None] > 0, free, np.inf)
        full = padded[:, :, self.came_from] + self.run[start:end, None, :, None]
        parted = full[:, 0] + self.end_part[start:end, :, None]
        full[:, :, 0] = np.inf  # nothing taken is no block
        np.minimum(full[:, 1], parted, out=full[:, 1])
        self._arrive(window, start + spacing, full[:, :, :spacing].min(axis=2))
        for length in range(spacing, most + 1):
            self._arrive(window, start + length + 1, full[:, :, length])
        if self._goes_over(window):
            for slot in range(max(start, window.end - window.count), end):
                length = window.end - slot
                cost = padded[slot - start, window.part, most + window.count - length] + self.run[slot, length]
                self._go_over(window, _Under(slot, float(cost)))

    def _goes_over(self, window: _Window) -> bool:
        """Return whether a block may go on into the next window."""
        later = window.place + 1
        return later < len(self.windows) and self.windows[later].first == window.end

    def _go_on(self, window: _Window, under: _Under) -> None:
        """A block under way takes more slots, or ends where the window begins."""
        for length in range(window.count + 1):
            cost = under.cost + self.run[window.first, length]
            costs = np.full((1, 2, self.most + 1), np.inf)
            costs[0, :, length] = cost, cost + self.end_part[window.first, length]
            self._arrive(window, max(under.start + self.spacing, window.first + length + 1), costs)
        length = window.end - window.first
        if length == window.count and not window.part and self._goes_over(window):
            self._go_over(window, under._replace(cost=under.cost + float(self.run[window.first, length])))

    def _go_over(self, window: _Window, under: _Under) -> None:
        """Keep a block that goes on beyond a window, unless one that started before it costs no more."""
        others = self.under[window.place + 1]
        if under.cost < min((other.cost for other in others), default=np.inf):
            others.append(under)

    def _arrive(self, window: _Window, post: int, costs: Energy) -> None:
        """States at fence posts from `post` on, `(posts, 2, full slots)`; beyond the window only complete ones."""
        inside = min(max(window.end - post, 0), len(costs))
        np.minimum(self.free[post : post + inside], costs[:inside], out=self.free[post : post + inside])
        beyond = self.done[window.place + 1, post + inside : post + len(costs)]
        np.minimum(beyond, costs[inside:, window.part, window.count], out=beyond)

    def way_back(self) -> Blocks:
        """The cheapest way, from its end to its beginning: each step the one that accounts for the cost."""
        energy, starts = np.zeros(self.n_slots), np.zeros(self.n_slots)
        state: _Free | _Done = _Done(len(self.windows), int(np.argmin(self.done[-1])))
        while state != _Done(0, 0):
            ways = self._to_done(state) if isinstance(state, _Done) else self._to_free(state)
            step = min(ways, key=lambda each: each.cost)
            energy[max(step.start, 0) : step.full_end] = self.full_kwh
            if step.part_kwh > 0:
                energy[step.full_end] = step.part_kwh
            if step.start >= 0 and (step.full_end > step.start or step.part_kwh > 0):
                starts[step.start] = 1.0
            state = step.before
        return Blocks(starts, energy)

    def _to_done(self, state: _Done) -> Iterator[_Step]:
        """Ways to be through with a window."""
        window = self.windows[state.place - 1]
        if window.empty:
            yield _Step(float(self.done[window.place, state.post]), _Done(window.place, state.post))
        if state.post == window.end:
            before = _Free(window, window.end - 1, window.part, window.count)
            yield _Step(float(self.free[before[1:]]), before)
        yield from self._blocks_to(_Free(window, state.post, window.part, window.count))

    def _to_free(self, state: _Free) -> Iterator[_Step]:
        """Ways to be free inside a window; idle for as long as that accounts for the cost."""
        window, post, part, full = state
        costs = self.free[:, part, full]
        if post > window.first and costs[post - 1] == costs[post]:
            changed = np.flatnonzero(costs[window.first : post] != costs[post])
            since = window.first + (int(changed[-1]) + 1 if len(changed) else 0)
            yield _Step(float(costs[post]), state._replace(post=since))
            return
        if part == full == 0:
            before = self.done[window.place]
            came = post if post > window.first else int(np.argmin(before[: post + 1]))
            yield _Step(float(before[came]), _Done(window.place, came))
        yield from self._blocks_to(state)

    def _blocks_to(self, state: _Free) -> Iterator[_Step]:
        """Blocks after which a state is reached."""
        window, post, part, full = state
        short = [(post - self.spacing, length) for length in range(min(self.spacing, full + 1))]
        long = [(post - length - 1, length) for length in range(self.spacing, full + 1)]
        for start, length in short + long:
            if window.first <= start < window.end and self.may_start[start] > 0:
                for parted in range(int(length == 0), part + 1):
                    before = _Free(window, start, part - parted, full - length)
                    cost = float(self.free[before[1:]]) + self._of_block(start, length, parted)
                    yield _Step(cost, before, start, start + length, window.part_kwh * parted)
        for under in self.under[window.place]:
            if max(under.start + self.spacing, window.first + full + 1) == post:
                cost = under.cost + self._of_block(window.first, full, part)
                yield self._before(under)._replace(
                    cost=cost, full_end=window.first + full, part_kwh=window.part_kwh * part
                )

    def _of_block(self, start: int, length: int, parted: int) -> float:
        """Return the cost of full slots and a part after them [money]."""
        return float(self.run[start, length] + (self.end_part[start, length] if parted else 0.0))

    def _before(self, under: _Under) -> _Step:
        """Return the step at which a block started that is under way where a window begins."""
        if under.start < 0:
            return _Step(0.0, _Done(0, 0), under.start)
        of = next(each for each in self.windows if each.first <= under.start < each.end)
        before = _Free(of, under.start, of.part, of.count - (of.end - under.start))
        return _Step(0.0, before, under.start)


def _windows(load: FlexibleLoad, full_kwh: float) -> list[_Window]:
    """The load's windows in order."""
    found: list[_Window] = []
    for place, (inside, wanted) in enumerate(zip(load.windows, load.energy_kwh.tolist(), strict=True)):
        slots = np.flatnonzero(inside)
        count = int(wanted / max(full_kwh, BLOCK_ROUNDING_KWH) + BLOCK_ROUNDING_KWH)
        part = wanted - count * full_kwh
        found.append(
            _Window(place, int(slots[0]), int(slots[-1]) + 1, count, part if part > BLOCK_ROUNDING_KWH else 0.0)
        )
    return found
