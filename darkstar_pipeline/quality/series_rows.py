"""Readings of one quantity as arrays, of one home or of several one after another: where homes, days and runs begin.

Whatever is said of a home is worked out from its own rows, in the same order of arithmetic: a neighbour in the arrays
changes no bit of it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from env.types import Mask

Reals = NDArray[np.float64]
Numbers = NDArray[np.int64]
_MIDDLE = 0.5


@dataclass(frozen=True)
class Rows:
    """Readings of one quantity, one after another: mean power [kW], length [h], and the number of the local day.

    Attributes:
        kw: mean power [kW].
        hours: length [h].
        day: number of the local day; no two homes share one.
        whole: whether the day was read whole.
        home: number of the home, ascending; None where all rows are of one.
    """

    kw: Reals
    hours: Reals
    day: Numbers
    whole: Mask
    home: Numbers | None = None

    @cached_property
    def homes(self) -> "Groups":
        """The rows of each home."""
        return Groups(np.zeros(len(self.kw), dtype=np.int64) if self.home is None else self.home)

    @cached_property
    def days(self) -> "Groups":
        """The rows of each day."""
        return Groups(self.day)


class Groups:
    """Rows that lie together: homes, or days.

    Args:
        label: a number a row; rows of one group are neighbours.

    Attributes:
        begins: whether a row is the first of its group.
        first: position of the first row of each group.
        count: number of rows of each group.
        of_row: number of the group of each row, from 0.
    """

    def __init__(self, label: Numbers) -> None:
        begins = _begins(label)
        self.begins = begins
        self.first = np.flatnonzero(begins)
        self.count = np.diff(np.append(self.first, len(label)))
        self.of_row = np.cumsum(begins) - 1

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.first)

    def number(self, mask: Mask) -> Numbers:
        """Return how many rows of each group are true."""
        return np.bincount(self.of_row[mask], minlength=len(self))

    def most(self, values: Reals) -> Reals:
        """Return the largest value of each group."""
        return np.maximum.reduceat(values, self.first) if len(self) else values

    def least(self, values: Reals) -> Reals:
        """Return the smallest value of each group."""
        return np.minimum.reduceat(values, self.first) if len(self) else values

    def span(self, position: int) -> tuple[int, int]:
        """Return the first row of the group that a row is in, and the one past its last."""
        group = self.of_row[position]
        return int(self.first[group]), int(self.first[group] + self.count[group])


def _begins(label: Numbers) -> Mask:
    return np.append(np.ones(min(len(label), 1), dtype=np.bool_), label[1:] != label[:-1])


def runs(values: NDArray[np.generic], homes: Groups) -> tuple[Numbers, Numbers]:
    """Return the first and one past the last position of every run of equal values of a home."""
    begins = homes.begins.copy()
    begins[1:] |= values[1:] != values[:-1]
    starts = np.flatnonzero(begins)
    return starts, np.append(starts[1:], len(values))


def true_runs(mask: Mask, homes: Groups) -> list[tuple[int, int]]:
    """Return the first and one past the last position of every run of true of a home."""
    starts, ends = runs(mask, homes)
    return list(zip(starts[mask[starts]].tolist(), ends[mask[starts]].tolist(), strict=True))


def quantiles(values: Reals, groups: Groups, shares: tuple[float, ...]) -> Reals:
    """Return quantiles of each group, linear between its values: `(groups, shares)`.

    >>> quantiles(np.array([3.0, 1.0, 2.0, 9.0]), Groups(np.array([0, 0, 0, 7])), (0.25, 0.5)).tolist()
    [[1.5, 2.0], [9.0, 9.0]]
    """
    ordered = values.copy()
    for first, count in zip(groups.first.tolist(), groups.count.tolist(), strict=True):
        ordered[first : first + count].sort()  # a day at a time is ten times as fast as one sort by day and value
    place = (groups.count - 1)[:, None] * np.array(shares)
    low = np.floor(place).astype(np.int64)
    beside = groups.first[:, None] + np.minimum(low + 1, (groups.count - 1)[:, None])
    below, above = ordered[groups.first[:, None] + low], ordered[beside]
    part = place - low
    # From the nearer end, as NumPy's own quantile goes.
    return np.where(part < _MIDDLE, below + (above - below) * part, above - (above - below) * (1 - part))
