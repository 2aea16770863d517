"""Other solvers on the same statement: the chain behind HiGHS, and an independent check of its answers.

Clarabel (interior point) and SCS (first order) get the problem as CVXPY states it (`formulation`), with the parameter
values of the hot program. They know no binaries: what needs some, they cannot answer.
"""

import time
import warnings
from typing import TYPE_CHECKING

import numpy as np

from planner.deadline import within_deadline
from planner.errors import NoFeasibleScheduleError, SolverError, SolverTimeoutError
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.solution import IMPORT, NAMES, Solution, SolverRecord
from planner.optimizer.warm_solver import MIP_SECONDS

if TYPE_CHECKING:
    from planner.optimizer.formulation import HomeProblem

CLARABEL, SCS = "clarabel", "scs"
FALLBACKS = (CLARABEL, SCS)
BOTH_WAYS_KWH = (
    1e-3  # what the verifier overlooks; more of two opposite flows in a slot is an answer to another problem
)
_INFEASIBLE = ("infeasible", "infeasible_inaccurate")


def stated(program: HomeProgram) -> "HomeProblem":
    """The CVXPY statement of a program, with the program's own numbers."""
    from planner.optimizer.formulation import home_problem

    site = program.site
    home = home_problem(
        battery=site.battery,
        extra_batteries=site.extra_batteries,
        limits=site.limits,
        n_slots=program.n_slots,
        end_steps=program.end_steps,
        loads=program.loads.shapes,
        power=program.power or program.thresholds,
        targets=program.targets is not None,
        by_hand=program.by_hand is not None,
    )
    program.apply_house()
    for name, parameter in home.parameters.items():
        parameter.value = np.array(program.hot.get(name)).reshape(parameter.shape)
    return home


def solve_by(solver: str, program: HomeProgram, *, time_limit: float = MIP_SECONDS) -> Solution:
    """Solve a program's problem by another solver.

    Args:
        solver: one of `FALLBACKS`.
        program: with everything set.
        time_limit: of the solver [s].

    Raises:
        NoFeasibleScheduleError: the limits contradict each other.
        SolverTimeoutError: nothing was found in time.
        SolverError: binaries are needed, or the solver stopped without an answer.
    """
    import cvxpy as cp

    if program.hot.form.integer.size:
        message = f"{solver} knows no binaries, which appliances, spaced heating and tiers of power need"
        raise SolverError(message)
    time_limit = within_deadline(time_limit)
    home = stated(program)
    problem = home.problem()
    options: dict[str, float] = {
        CLARABEL: {"time_limit": time_limit},
        SCS: {"time_limit_secs": time_limit, "eps_abs": 1e-7, "eps_rel": 1e-7, "max_iters": 200_000},
    }[solver]
    started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # inaccurate answers are recognised by their status
            problem.solve(solver.upper(), **options)
    except cp.SolverError as error:
        raise SolverError(f"{solver} stopped: {error}") from error
    seconds = time.perf_counter() - started
    _check(solver, problem.status, seconds, time_limit)
    solution = _solution(program, home, SolverRecord(solver, problem.status, seconds=seconds))
    _check_opposites(solver, solution, home)
    return solution


def _check(solver: str, status: str, seconds: float, time_limit: float) -> None:
    """Raise for an answer that is none."""
    if status in _INFEASIBLE:
        message = "no schedule satisfies the limits"
        raise NoFeasibleScheduleError(message)
    if status not in ("optimal", "optimal_inaccurate"):
        kind = SolverTimeoutError if seconds >= time_limit else SolverError
        message = f"{solver} stopped with {status}"
        raise kind(message)


def _solution(program: HomeProgram, home: "HomeProblem", record: SolverRecord) -> Solution:
    """The variables' values in the words of a schedule."""
    values = {name: np.asarray(variable.value, dtype=np.float64) for name, variable in home.variables.items()}
    flows = np.stack([values[name] for name in NAMES], axis=1)
    if "over_fuse" in values:
        flows[:, IMPORT] += values["over_fuse"]
    objective = float((program.cost * flows).sum())
    if program.end_steps:
        objective -= float(program.hot.get("end_slopes") @ values["end_steps"])
    wanted = [load.name for load in program.loads.flexible]
    for number in range(2, 2 + len(program.site.extra_batteries)):
        wanted += [f"battery_{number}_{flow}" for flow in ("charge", "discharge", "soc")]
    flows[:, :-1] = np.maximum(flows[:, :-1], 0.0)
    others = {name: np.maximum(values[name], 0.0) for name in wanted}
    power = program.power_cost(flows[:, IMPORT])
    objective += program.cost_of_extras(others) + power
    stored_value = np.asarray(home.constraints["storage"].dual_value, dtype=np.float64)
    return Solution(flows, stored_value, objective, record, others, power)


def _check_opposites(solver: str, solution: Solution, home: "HomeProblem") -> None:
    """Refuse flows both ways in a slot, which only binaries keep apart."""
    columns = {name: solution.flows[:, i] for i, name in enumerate(NAMES)} | dict(solution.others)
    for one, other in home.opposites:
        both = np.minimum(columns[one], columns[other])
        if both.max() > BOTH_WAYS_KWH:
            message = f"{solver}: {one} and {other} at once in slot {int(both.argmax())}, and it knows no binaries"
            raise SolverError(message)
