"""Statistics of a day's published prices and forecasts, of the whole day and of the slots ahead.

All were known when the day began. Each row is computed from its own slots alone, so that it is the same to the bit in
any batch.
"""

from collections.abc import Callable, Sequence

import numpy as np

from env.gym.episodes import Episodes
from env.inverter import Energy

LEAST_SPREAD = 0.1  # share of the price level below which differences between slots count as none
LEAST_PRICE = 1e-3  # money/kWh: a day that costs nothing has no level


def by_day(episodes: Episodes, table: Energy, statistic: Callable[[Energy], Energy]) -> Energy:
    """Return a statistic of each row's own slots.

    Args:
        episodes: the rows.
        table: `(n_episodes, width)`.
        statistic: function from `(n, n_slots)` to `(n,)` or `(n, k)`, row by row.
    """
    found: Energy | None = None
    for length in np.unique(episodes.n_slots).tolist():
        rows = np.flatnonzero(episodes.n_slots == length)
        answer = statistic(np.ascontiguousarray(table[rows, :length]))
        if found is None:
            found = np.empty((len(episodes), *answer.shape[1:]))
        found[rows] = answer
    return np.empty(0) if found is None else found


def median(table: Energy) -> Energy:
    """Return the median of each row."""
    return np.median(table, axis=1)


def price_level(episodes: Episodes) -> tuple[Energy, Energy]:
    """Return each row's mean import price, and the spread of its slots' prices `(n_episodes,)` [money/kWh].

    The spread is a standard deviation, but never so small that a flat day's noise would look like a market.
    """
    mean = by_day(episodes, episodes.import_price, lambda prices: prices.mean(axis=1))
    size = by_day(episodes, np.abs(episodes.import_price), lambda prices: prices.mean(axis=1))
    spread = by_day(episodes, episodes.import_price, lambda prices: prices.std(axis=1))
    return mean, np.maximum(spread, np.maximum(LEAST_SPREAD * size, LEAST_PRICE))


def mean_ahead(episodes: Episodes, table: Energy, windows: Sequence[tuple[int, int]]) -> Energy:
    """Return means over windows ahead, 0 where a window lies behind the day's end `(n_episodes, width, n_windows)`.

    Args:
        episodes: the rows.
        table: `(n_episodes, width)`.
        windows: first and end of each, in slots ahead.
    """
    sums = np.concatenate([np.zeros((len(table), 1)), np.cumsum(table, axis=1)], axis=1)
    slots, ends = np.arange(episodes.width), episodes.n_slots[:, None]
    found = np.empty((*table.shape, len(windows)))
    for window, (first, end) in enumerate(windows):
        start, stop = np.minimum(slots + first, ends), np.minimum(slots + end, ends)
        total = np.take_along_axis(sums, stop, axis=1) - np.take_along_axis(sums, start, axis=1)
        found[:, :, window] = np.divide(total, stop - start, out=np.zeros_like(total), where=stop > start)
    return found


def max_ahead(episodes: Episodes, table: Energy, n_slots: int) -> Energy:
    """Return the maximum over `n_slots` slots from each on, or up to the day's end `(n_episodes, width)`."""
    known = np.where(episodes.inside, table, -np.inf)
    found = known.copy()
    for ahead in range(1, min(n_slots, episodes.width)):
        found[:, :-ahead] = np.maximum(found[:, :-ahead], known[:, ahead:])
    return np.where(episodes.inside, found, 0.0)


def lagged(table: Energy, n_slots: int) -> Energy:
    """Return the values of some slots before, 0 before the day `(n_episodes, width)`."""
    found = np.zeros_like(table)
    found[:, n_slots:] = table[:, : table.shape[1] - n_slots]
    return found
