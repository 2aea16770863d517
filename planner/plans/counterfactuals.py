"""Value of each slot's battery use: the plan solved again with the battery idle in that slot.

Exact, not estimated: each value is the difference of two optima. The solver keeps its basis (warm start), so that a
slot costs a few dual simplex steps. Movable loads that are on or off, or have wishes, keep their hours; all else is
planned anew.
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
    """Effect of leaving the battery idle in one slot.

    Attributes:
        extra_cost: cost of the best plan without the battery, less the cost of the plan [money]; None if there is no
            such plan, since the end could not be met.
        over_fuse_kwh: additional energy drawn above the fuse [kWh].
        risks_fuse: whether a policy counts on more energy above the fuse, now or later; then the cost is not known.
    """

    extra_cost: float | None
    over_fuse_kwh: float = 0.0
    risks_fuse: bool = False


IDLE_ALREADY = IdleSlot(0.0)
RISKS_FUSE = IdleSlot(None, risks_fuse=True)


def fixed_loads(task: PlanTask, solution: Solution) -> dict[str, Energy]:
    """Return the planned movable loads that are on or off, have wishes or a run, by name; each `(n_slots,)` [kWh]."""
    kept = [load.name for load in task.loads.flexible if load.spacing_slots > 1 or load.wishes or load.run_slots]
    return {name: solution.others[name] for name in (*kept, *(run.name for run in task.loads.runs))}


def idle_slots(task: PlanTask, solution: Solution) -> list[IdleSlot | None]:
    """Return the effect of idling for each slot; None where the solver gives no answer."""
    program = task.program(fixed=fixed_loads(task, solution))
    try:
        base = program.solve()
    except SolverError:  # a plan is useful without its counterfactuals
        return [None] * task.n_slots
    return list(_idle_slots(program, base, solution))


def _idle_slots(program: HomeProgram, base: Solution, planned: Solution) -> Iterator[IdleSlot | None]:
    solver, hot = program.solver, program.hot
    moved = planned.flows[:, CHARGE] + planned.flows[:, DISCHARGE]
    most = hot.form.bounds(hot.parameters)[1]
    over = hot.form.columns["over_fuse"] if program.fused else np.empty(0, dtype=np.int32)
    answer = hot.run()
    # Tiers of demand charges are integer, which the solver alone does not know.
    plain = (
        not hot.form.integer.size
        and not broken(hot, program.rules, answer.columns)
        and float(answer.columns[over].sum()) < ACTIVE_KWH
    )
    least = solver.getInfo().objective_function_value if plain else None
    for slot in range(program.n_slots):
        if moved[slot] <= ACTIVE_KWH:
            yield IDLE_ALREADY
            continue
        battery = program.columns[slot, [CHARGE, DISCHARGE]]
        nothing = np.zeros(len(battery))
        # Bounds are changed in the solver itself: the parameters would pass all bounds again, which takes as long as
        # solving.
        solver.changeColsBounds(len(battery), battery, nothing, nothing)
        yield _from_objectives(program, least, over) or _from_solve(program, base)
        solver.changeColsBounds(len(battery), battery, nothing, most[battery])


def _from_objectives(program: HomeProgram, least: float | None, over: Indices) -> IdleSlot | None:
    """Return the difference of the solver's objectives; None if it would break exclusive flows or the fuse."""
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


def _from_solve(program: HomeProgram, base: Solution) -> IdleSlot | None:
    """Compare the best plan under the solver's present bounds with the base, exclusive flows and fuse included."""
    try:
        other = program.solve()
    except NoFeasibleScheduleError:
        program.clear_basis()
        return IdleSlot(None)
    except SolverError:
        program.clear_basis()
        return None
    fuse = slot_limit(program.site.limits.import_kw)
    over = _over_fuse(other, fuse) - _over_fuse(base, fuse)
    return IdleSlot(other.objective - base.objective, max(over, 0.0))


def _over_fuse(solution: Solution, fuse_kwh: float) -> float:
    return float(np.maximum(solution.flows[:, IMPORT] - fuse_kwh, 0.0).sum())
