"""Readings that belong to an energy counter, chosen by weighing what each explanation of a break would cost.

The readings are cut where they do not continue. Two explanations compete for every stretch between two cuts: it is the
counter (which was reset there, or was exchanged), or it is a glitch and the counter goes on behind it. A glitch is
short and holds no readings that rise like the counter, so dropping costs more with every rise, and a stretch of more
than an hour is never dropped: a day of plausible readings outweighs one old level.
"""

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from darkstar_pipeline.sources.home_assistant.energy_curve import Reals
from darkstar_pipeline.sources.plausibility import MAX_HOME_KW

RESET_SHARE = 0.9
"""A counter that falls below this share of its last value was reset (Home Assistant's own rule)."""
USUAL_STEPS = 3.0
"""A counter's own steps within which a fall is noise."""
RETURN_S = 4500.0
"""A fall that is back at its old level within this time, and a flicker of the last digit, was no reset [s]."""
TIMES_MOST = 2.0
"""A reset, and a step that needs no explanation, are within so many times the counter's own most."""
_MOST_SHARE = 0.99
_LEAST_MOST_KW = 3.0
_GLITCH_S = 3600.0
_MOST_DROPPED = 6
_SMALLEST_KWH = 1e-6
_SLACK_KWH = 0.05
_READINGS_AHEAD = 30
_NEVER = float("inf")
Links = NDArray[np.int8]


class Link(IntEnum):
    """The relation of a reading to the one before: it goes on, was reset, or is at an unrelated level."""

    NORMAL = 0
    RESET = 1
    SHIFT = 2


_LEAP_COST = 1.5
_COST = {Link.NORMAL: 0.0, Link.RESET: 2.0, Link.SHIFT: 4.0}


@dataclass(frozen=True)
class CleanCounter:
    """The readings that belong to a counter.

    Attributes:
        seconds: their instants, shape (n,) [s].
        level: their values, rising but at a reset or a shift, shape (n,) [kWh].
        links: how each follows the one before, shape (n - 1,).
        lifted: number of readings that fell by no more than noise and were held at the value before.
    """

    seconds: Reals
    level: Reals
    links: Links
    lifted: int


def usual_step(values: Reals) -> float:
    """Return the smallest step that is common: a counter's resolution [kWh]."""
    steps = np.diff(values)
    rises = steps[steps > _SMALLEST_KWH]
    return float(np.quantile(rises, 0.1)) if rises.size else 0.0


def own_most_kw(seconds: Reals, values: Reals) -> float:
    """Return the power that a counter exceeds in a hundredth of the time in which it rises, at least some kilowatts."""
    steps, hours = np.diff(values), np.diff(seconds) / 3600
    rising = (steps > _SMALLEST_KWH) & (hours > 0)
    if not rising.any():
        return _LEAST_MOST_KW
    rates = steps[rising] / hours[rising]
    order = np.argsort(rates)
    weights = np.cumsum(hours[rising][order])
    position = min(int(np.searchsorted(weights, _MOST_SHARE * float(weights[-1]))), len(order) - 1)
    return min(max(float(rates[order][position]), _LEAST_MOST_KW), MAX_HOME_KW / TIMES_MOST)


def without_glitches(seconds: Reals, values: Reals, usual: float, most_kw: float) -> CleanCounter:
    """Return the readings that belong to the counter.

    Args:
        seconds: instants of the readings, ascending, shape (n,), n >= 1 [s].
        values: readings, shape (n,) [kWh].
        usual: the counter's resolution [kWh].
        most_kw: `own_most_kw` [kW].
    """
    bounds = [0, *_cuts(seconds, values, usual, most_kw), len(values)]
    counter = _Counter(seconds, values, usual, most_kw)
    kept = counter.cheapest(bounds)
    chosen = np.concatenate([np.arange(start, end) for start, end in kept])
    level = np.concatenate([np.maximum.accumulate(values[start:end]) for start, end in kept])
    links = np.full(len(chosen) - 1, Link.NORMAL, dtype=np.int8)
    lengths = np.cumsum([end - start for start, end in kept])[:-1]
    links[lengths - 1] = [
        counter.link(float(level[length - 1]), after[0], float(seconds[after[0]] - seconds[before[1] - 1]))
        for length, (before, after) in zip(lengths, pairwise(kept), strict=True)
    ]
    lifted = int(np.count_nonzero(level - values[chosen] > _SMALLEST_KWH))
    return CleanCounter(seconds[chosen], level, links, lifted)


def possible_kwh(time_s: float, usual: float, most_kw: float = MAX_HOME_KW) -> float:
    """Return the most energy that may flow in a time [kWh]; a coarse counter may add a few of its steps at once."""
    return most_kw * time_s / 3600 + max(USUAL_STEPS * usual, _SLACK_KWH)


def _cuts(seconds: Reals, values: Reals, usual: float, most_kw: float) -> list[int]:
    """Positions of readings that do not continue the one before as this counter does, and of those that undo a fall."""
    steps, time = np.diff(values), np.diff(seconds)
    noise = max(USUAL_STEPS * usual, _SMALLEST_KWH)
    deep = steps < -noise * (1 + 1e-9)
    shallow = ~deep & (values[:-1] > 0) & (values[1:] < RESET_SHARE * values[:-1] - _SMALLEST_KWH)
    leaps = steps > TIMES_MOST * most_kw * time / 3600 + max(USUAL_STEPS * usual, _SLACK_KWH)
    cuts = set((np.flatnonzero(deep | leaps) + 1).tolist())
    for position in (np.flatnonzero(deep | shallow) + 1).tolist():
        back = _back(seconds, values, position, noise)
        if back is None:
            cuts.add(position)
        elif values[back] - values[back - 1] > noise:
            cuts.add(back)
    return sorted(cuts)


def _back(seconds: Reals, values: Reals, fell: int, noise: float) -> int | None:
    """The position at which a fall is undone within the time of a dip, having risen no more than it did before."""
    old, since = values[fell - 1], seconds[fell - 1]
    last = min(fell + _READINGS_AHEAD, len(values))
    soon = (seconds[fell:last] - since <= RETURN_S) & (values[fell:last] >= old - _SMALLEST_KWH)
    if not soon.any():
        return None
    back = fell + int(np.argmax(soon))
    first = int(np.searchsorted(seconds, float(since) - RETURN_S))
    span = float(since - seconds[first])
    rate = max(float(old - values[first]), 0.0) / span if span > 0 else 0.0
    return back if values[back] - old <= noise + USUAL_STEPS * rate * float(seconds[back] - since) else None


@dataclass(frozen=True)
class _Counter:
    """The readings of a counter, and what is usual for it."""

    seconds: Reals
    values: Reals
    usual: float
    most_kw: float

    def link(self, before: float, position: int, time_s: float) -> Link:
        """Classify the step from a level to a reading."""
        level = float(self.values[position])
        step = level - before
        if -USUAL_STEPS * self.usual <= step <= possible_kwh(time_s, self.usual):
            small = step < 0 and level < RESET_SHARE * before - _SMALLEST_KWH
            return Link.RESET if small else Link.NORMAL
        own = possible_kwh(time_s, self.usual, TIMES_MOST * self.most_kw)
        return Link.RESET if step < 0 and -_SLACK_KWH <= level <= own else Link.SHIFT

    def leaps(self, end: int, start: int) -> bool:
        """Return whether a reading is further above an earlier one than this counter gets in the time.

        A car that begins to charge just after midnight leaps from nothing: it shows no glitch.
        """
        time_s = float(self.seconds[start] - self.seconds[end])
        own = possible_kwh(time_s, self.usual, TIMES_MOST * self.most_kw)
        return float(self.values[end]) > _SLACK_KWH and float(self.values[start] - self.values[end]) > own

    def cheapest(self, bounds: list[int]) -> list[tuple[int, int]]:
        """The stretches of the cheapest explanation that begins with the first and ends with the last."""
        count = len(bounds) - 1
        drop = [_drop_cost(self.seconds[start:end], self.values[start:end]) for start, end in pairwise(bounds)]
        cost = [0.0] + [_NEVER] * (count - 1)
        come_from = [0] * count
        for now in range(1, count):
            start, dropped = bounds[now], 0.0
            for before in range(now - 1, max(now - 2 - _MOST_DROPPED, -1), -1):
                end = bounds[before + 1] - 1
                link = self.link(float(self.values[end]), start, float(self.seconds[start] - self.seconds[end]))
                # Only a counter that goes on as if nothing had happened shows that what lies between is a glitch.
                through = _COST[link] if dropped == 0 or link is not Link.SHIFT else _NEVER
                if link is Link.NORMAL and self.leaps(end, start):
                    through += _LEAP_COST
                if cost[before] + dropped + through < cost[now]:
                    cost[now], come_from[now] = cost[before] + dropped + through, before
                dropped += drop[before]
        path = [count - 1]
        while path[-1] > 0:
            path.append(come_from[path[-1]])
        return [(bounds[segment], bounds[segment + 1]) for segment in reversed(path)]


def _drop_cost(seconds: Reals, values: Reals) -> float:
    """The cost of calling a stretch a glitch."""
    if seconds[-1] - seconds[0] > _GLITCH_S:
        return _NEVER
    return 1.0 + int(np.count_nonzero(np.diff(values) > _SMALLEST_KWH))
