"""The way back of a battery that is found outside its usable range.

The optimiser's program widens the range to the start, so that a way back exists. That also allows going out again,
which the inverter does not: below its range a battery is not discharged, above it not charged. So where the first
answer goes out again, the slots up to its return are bound to a path that only comes back, and the program is solved
once more.
"""

import numpy as np

from env.inverter import Energy
from planner.plans.task import PlanTask

_TINY_KWH = 1e-9


def is_outside_range(task: PlanTask) -> bool:
    """Return whether the plan starts with stored energy outside the usable range."""
    battery = task.site.battery
    return not battery.min_soc_kwh - _TINY_KWH <= task.start_soc_kwh <= battery.max_soc_kwh + _TINY_KWH


def return_bounds(task: PlanTask, soc_end_kwh: Energy) -> tuple[Energy, Energy] | None:
    """Return bounds of stored energy at each slot's end that only let it come back `(n_slots,)` each [kWh].

    Args:
        task: the planning task.
        soc_end_kwh: stored energy at the end of each slot of an answer that may go out again `(n_slots,)` [kWh].

    Returns:
        None where the start is inside the range, or the answer only comes back as it is.
    """
    if not is_outside_range(task):
        return None
    battery, soc, path = task.site.battery, task.start_soc_kwh, list[float]()
    below = soc < battery.min_soc_kwh
    for end in soc_end_kwh:
        kept = soc * battery.retention_per_slot
        soc = max(kept, float(end)) if below else min(kept, float(end))
        if battery.min_soc_kwh <= soc <= battery.max_soc_kwh:
            break
        path.append(soc)
    back = len(path)
    least, most = (np.full(task.n_slots, bound) for bound in (battery.min_soc_kwh, battery.max_soc_kwh))
    least[:back] = most[:back] = path
    within = (soc_end_kwh >= least - _TINY_KWH) & (soc_end_kwh <= most + _TINY_KWH)
    return None if bool(within.all()) else (least, most)
