"""Taper: the power that a battery takes near full, or gives near empty, by its state of charge at a slot's start.

Real batteries charge at constant power up to some level and more slowly from there on, the more so the fuller they are.
The power is therefore concave in the state of charge, so that its pieces are lines above it, and an optimiser states it
exactly as one linear limit a piece.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from env.errors import BatteryError
from env.types import Energy

Taper: TypeAlias = tuple[tuple[float, float], ...]
"""Points `(state of charge [%], most power [kW])`, ascending; linear between them, level beyond the flat end."""

FULL, EMPTY = 100.0, 0.0
_ROUNDING = 1e-9


def tapered_kw(taper: Taper, soc_percent: Energy, most_kw: float) -> Energy:
    """Return the most power from states of charge on: the taper's, at most the battery's own [kW]."""
    return np.minimum(np.interp(soc_percent, [level for level, _ in taper], [power for _, power in taper]), most_kw)


def taper_lines(taper: Taper) -> Iterator[tuple[float, float]]:
    """Yield the lines whose least is the taper: power at 0 % [kW], and what each percent adds to it [kW/%]."""
    for (level, power), slope in zip(taper, _slopes(taper), strict=False):
        yield power - slope * level, slope
    yield max(power for _, power in taper), 0.0


def check_taper(name: str, taper: Taper, *, ends_at: float) -> None:
    """Refuse a taper that is none, or that no linear program states exactly.

    Args:
        name: of the field.
        taper: its points; none at all is allowed.
        ends_at: state of charge at which the power is least, 100 % of charging and 0 % of discharging.

    Raises:
        BatteryError: says which point is wrong.
    """
    if not taper:
        return
    levels, powers = [level for level, _ in taper], [power for _, power in taper]
    if not all(later > earlier for earlier, later in pairwise(levels)) or not all(0 <= x <= FULL for x in levels):
        raise BatteryError(f"{name}: states of charge must ascend between 0 and 100 %, got {levels}")
    if not all(0 < power < np.inf for power in powers):
        raise BatteryError(f"{name}: every power must be above 0 kW, or the battery would never get there: {powers}")
    if ends_at not in (levels[0], levels[-1]):
        raise BatteryError(f"{name}: a point at {ends_at:g} % is missing, got {levels}")
    slopes = _slopes(taper)
    if ends_at == FULL:
        towards, wrong = "fall as it gets fuller, ever more steeply", any(slope > 0 for slope in slopes)
    else:
        towards, wrong = "fall as it gets emptier, ever more steeply", any(slope < 0 for slope in slopes)
    if wrong or any(later > earlier + _ROUNDING for earlier, later in pairwise(slopes)):
        raise BatteryError(f"{name}: power must {towards}; leave out the points that bend the other way, got {powers}")


def _slopes(taper: Taper) -> list[float]:
    """Return what each percent adds to the power between a taper's points [kW/%]."""
    return [(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(taper)]
