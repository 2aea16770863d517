"""The times in which a movable load runs: slots in a row are one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from env.inverter import Energy
from env.time_grid import SLOT, SLOT_HOURS

_LEAST_KWH = 0.01
"""Less than this in a slot is no reason to run a load."""


@dataclass(frozen=True)
class RunningTime:
    """A time in which a load runs, with its energy [kWh] and mean power [kW]."""

    start: datetime
    end: datetime
    energy_kwh: float
    power_kw: float


def running_times(starts: Sequence[datetime], energy: Energy) -> list[RunningTime]:
    """Return the times in which a load runs.

    Args:
        starts: of the slots, in order.
        energy: of the load in each `(n_slots,)` [kWh].
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (energy > _LEAST_KWH).astype(int), [0]])))
    runs = [int(edge) for edge in edges]
    return [
        RunningTime(
            starts[first],
            starts[last - 1] + SLOT,
            float(energy[first:last].sum()),
            float(energy[first:last].mean()) / SLOT_HOURS,
        )
        for first, last in zip(runs[::2], runs[1::2], strict=True)
    ]


def whole_slots(energy: Energy, full_kwh: float, *, least: float) -> Energy:
    """Return energy as a load takes it that is only on or off: whole slots at full power, the rest carried on.

    Args:
        energy: planned in each slot `(n_slots,)` [kWh].
        full_kwh: of a slot at full power [kWh].
        least: share of a whole slot from which on it is on; what is too much is taken off the next.

    >>> whole_slots(np.array([0.5, 0.5, 0.0, 1.0]), 1.0, least=0.6).tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    taken, carried = np.zeros(len(energy)), 0.0
    for slot, wanted in enumerate(energy.tolist()):
        carried += wanted
        if wanted > 0 and carried >= least * full_kwh:
            taken[slot] = full_kwh
            carried -= full_kwh
    return taken
