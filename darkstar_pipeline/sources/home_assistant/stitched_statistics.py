"""The older part of a history download, which is no history: Home Assistant fills it with long-term statistics.

The recorder keeps states for some days; before them the download has a row an hour, stamped with the start of the hour.
Of a counter the row has the value at the hour's end, of a power and a level the hour's mean. A state that was recorded
has its moment to the millisecond, so a series that begins with rows on the full hour, hour by hour, begins with
statistics.
"""

import numpy as np

from darkstar_pipeline.sources.home_assistant.energy_curve import SLOT_SECONDS, Reals

HOUR_S = 3600.0
_FEWEST = 6


def statistics_before(seconds: Reals) -> int:
    """Return how many rows at the beginning of a series are statistics.

    Args:
        seconds: instants of the rows, ascending, shape (n,) [s].
    """
    off_hour = np.flatnonzero(seconds % HOUR_S != 0)
    count = int(off_hour[0]) if off_hour.size else len(seconds)
    steps = np.diff(seconds[:count])
    hourly = count >= _FEWEST and bool(np.all(steps > 0)) and float(np.median(steps)) == HOUR_S
    return count if hourly else 0


def ends_of_hours(seconds: Reals, values: Reals, count: int) -> tuple[Reals, Reals]:
    """Return a counter whose first rows are statistics with each of them at the end of its hour.

    An hour that states were recorded in is told by those.
    """
    at = seconds.copy()
    at[:count] += HOUR_S
    keep = np.ones(len(at), dtype=np.bool_)
    if count < len(at):
        keep[:count] = at[:count] < at[count]
    return at[keep], values[keep]


def held_for_the_hour(seconds: Reals, values: Reals, count: int) -> tuple[Reals, Reals]:
    """Return a power or level whose first rows are means, each repeated in every quarter of its hour."""
    quarters = np.arange(0.0, HOUR_S, SLOT_SECONDS)
    at: Reals = (seconds[:count, None] + quarters).ravel()
    means: Reals = np.repeat(values[:count], len(quarters))
    keep = at < (seconds[count] if count < len(seconds) else np.inf)
    return np.concatenate((at[keep], seconds[count:])), np.concatenate((means[keep], values[count:]))
