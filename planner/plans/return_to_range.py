"""The way back of a battery that is found outside its usable range.

The optimiser's program widens the range to the start, so that a way back exists. That also allows going out again,
which the inverter does not: below its range a battery is not discharged, above it not charged. So where the first
answer goes out again, the slot of the return is searched: up to it the battery only comes back, from it on it stays
inside. The linear program of every slot says what a return there would cost; it may also never come back.
"""

import numpy as np

from env.inverter import Energy
from planner.errors import NoFeasibleScheduleError
from planner.optimizer.home_program import HomeProgram
from planner.plans.task import PlanTask

_TINY_KWH = 1e-9


def is_outside_range(task: PlanTask) -> bool:
    """Return whether the plan starts with stored energy outside the usable range."""
    battery = task.site.battery
    return not battery.min_soc_kwh - _TINY_KWH <= task.start_soc_kwh <= battery.max_soc_kwh + _TINY_KWH


def goes_out_again(task: PlanTask, soc_end_kwh: Energy) -> bool:
    """Return whether stored energy that starts outside the range moves away from it, or leaves it again.

    Args:
        task: the planning task.
        soc_end_kwh: stored energy at the end of each slot `(n_slots,)` [kWh].
    """
    if not is_outside_range(task):
        return False
    battery = task.site.battery
    start = np.concatenate([[task.start_soc_kwh], soc_end_kwh[:-1]])
    kept = start * battery.retention_per_slot
    if task.start_soc_kwh < battery.min_soc_kwh:
        allowed = np.minimum(kept, battery.min_soc_kwh)
        return bool((soc_end_kwh < allowed - _TINY_KWH).any())
    allowed = np.maximum(kept, battery.max_soc_kwh)
    return bool((soc_end_kwh > allowed + _TINY_KWH).any())


def bind_to_return(task: PlanTask, program: HomeProgram) -> bool:
    """Bind a program to the cheapest return into the range; `HomeProgram.start_at` and `hold` free it again.

    Args:
        task: the planning task, whose start is outside the range.
        program: its program.

    Returns:
        False where no return and no waiting outside keeps the limits; then the program is bound to the last one tried.
    """
    costs: dict[int, float] = {}
    for slot in range(task.n_slots + 1):
        _bind(task, program, slot)
        try:
            program.run()
        except NoFeasibleScheduleError:  # so early it cannot be back
            program.clear_basis()
            continue
        costs[slot] = program.solver.getInfo().objective_function_value
    program.clear_basis()
    if not costs:
        return False
    _bind(task, program, min(costs, key=lambda slot: costs[slot]))
    return True


def _bind(task: PlanTask, program: HomeProgram, slot: int) -> None:
    """Let the battery be inside from the end of a slot on, the number of slots for never, and only come back before."""
    battery, n_slots = task.site.battery, task.n_slots
    below = task.start_soc_kwh < battery.min_soc_kwh
    kept = task.start_soc_kwh * battery.retention_per_slot ** np.arange(1, n_slots + 1)
    inside = np.arange(n_slots) >= slot
    least = np.where(inside, battery.min_soc_kwh, np.minimum(kept, battery.min_soc_kwh))
    most = np.where(inside, battery.max_soc_kwh, np.maximum(kept, battery.max_soc_kwh))
    program.bound_soc(least, most)
    program.hold("discharge" if below else "charge", slot + 1)
