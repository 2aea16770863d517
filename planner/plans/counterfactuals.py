"""What each slot's use of the battery is worth: the plan solved again with the battery idle in that slot.

Exact, not estimated: each figure is the difference of two optima. The solver stays hot, so that a slot costs a few
dual simplex steps. Movable loads that are on or off keep their hours; all else is planned anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import highspy
import numpy as np

from env.inverter import Energy, slot_limit
from planner.errors import NoFeasibleScheduleError, SolverError
from planner.optimizer.canonical_form import Indices
from planner.optimizer.exclusive_flows import broken
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.solution import CHARGE, DISCHARGE, IMPORT, Solution
from planner.plans.task import PlanTask

ACTIVE_KWH = 1e-6  # a battery that moves less is idle already


@dataclass(frozen=True)
class IdleSlot:
    """What would be without the battery in one slot.

    Attributes:
        extra_cost: cost of the best plan without it, less the cost of the plan [money]; None where there is none, since
            the end could not be met.
        over_fuse_kwh: energy that would be drawn above the fuse besides [kWh].
    """

    extra_cost: float | None
    over_fuse_kwh: float = 0.0


IDLE_ALREADY = IdleSlot(0.0)


def fixed_loads(task: PlanTask, solution: Solution) -> dict[str, Energy]:
    """The movable loads that are on or off, as the plan has them, by name; each `(n_slots,)` [kWh]."""
    spaced = [load.name for load in task.loads.flexible if load.spacing_slots > 1]
    return {name: solution.others[name] for name in (*spaced, *(run.name for run in task.loads.runs))}


def idle_slots(task: PlanTask, solution: Solution) -> list[IdleSlot | None]:
    """For each slot, what the battery's doing nothing there would change; None where the solver does not say."""
    program = task.program(fixed=fixed_loads(task, solution))
    try:
        base = program.solve()
    except SolverError:  # a plan is worth having without its figures
        return [None] * task.n_slots
    return list(_each(program, base, solution))


def _each(program: HomeProgram, base: Solution, planned: Solution) -> Iterator[IdleSlot | None]:
    solver, hot = program.solver, program.hot
    moved = planned.flows[:, CHARGE] + planned.flows[:, DISCHARGE]
    most = hot.form.bounds(hot.parameters)[1]
    over = hot.form.columns["over_fuse"] if program.fused else np.empty(0, dtype=np.int32)
    quick = hot.run()
    # Tiers of power are whole, which the solver alone does not know.
    plain = (
        not hot.form.integer.size
        and not broken(hot, program.rules, quick.columns)
        and float(quick.columns[over].sum()) < ACTIVE_KWH
    )
    least = solver.getInfo().objective_function_value if plain else None
    for slot in range(program.n_slots):
        if moved[slot] <= ACTIVE_KWH:
            yield IDLE_ALREADY
            continue
        battery = program.columns[slot, [CHARGE, DISCHARGE]]
        nothing = np.zeros(len(battery))
        # In the solver itself: through the parameters all bounds would be handed over anew, which takes as long as
        # the solving.
        solver.changeColsBounds(len(battery), battery, nothing, nothing)
        yield _quick(program, least, over) or _without(program, base)
        solver.changeColsBounds(len(battery), battery, nothing, most[battery])


def _quick(program: HomeProgram, least: float | None, over: Indices) -> IdleSlot | None:
    """The difference as the solver's own objectives have it, where neither rules nor fuse are touched; else None."""
    solver = program.solver
    if least is None:
        return None
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    columns = np.array(solver.getSolution().col_value)
    if columns[over].sum() > ACTIVE_KWH or broken(program.hot, program.rules, columns):
        return None
    return IdleSlot(solver.getInfo().objective_function_value - least)


def _without(program: HomeProgram, base: Solution) -> IdleSlot | None:
    """The best plan as the solver's bounds stand now, against the best, by the rules and with the fuse looked at."""
    try:
        other = program.solve()
    except NoFeasibleScheduleError:
        program.clear_basis()
        return IdleSlot(None)
    except SolverError:
        program.clear_basis()
        return None
    fuse = slot_limit(program.site.limits.import_kw)
    over = _over(other, fuse) - _over(base, fuse)
    return IdleSlot(other.objective - base.objective, max(over, 0.0))


def _over(solution: Solution, fuse_kwh: float) -> float:
    return float(np.maximum(solution.flows[:, IMPORT] - fuse_kwh, 0.0).sum())
