"""Makes a plan: solve, verify, do no harm, explain; and never believe a solver, nor answer with zeros.

HiGHS is asked first. Where it gives no usable answer, or one that the verifier refuses, Clarabel and then SCS get the
same statement. What comes out stands against self-consumption and idle (`release`); where no solver helps,
self-consumption is released, and the record says why.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import polars as pl

from planner.errors import NoFeasibleScheduleError, SolverError
from planner.optimizer.fallback_solvers import FALLBACKS, solve_by
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.solution import Solution, SolverRecord
from planner.optimizer.warm_solver import MIP_SECONDS
from planner.plans.explanations import explain
from planner.plans.relaxation import check_end, contradiction
from planner.plans.release import IDLE, PLAN, SELF_CONSUMPTION, Candidate, candidate, release, simple_candidates
from planner.plans.schedule import optimized_schedule
from planner.plans.task import PlanTask
from planner.verification.verifier import Verification

Solve: TypeAlias = Callable[[HomeProgram, float], Solution]
"""(program, time limit [s]) -> answer, or `SolverError`."""


def solve_by_highs(program: HomeProgram, time_limit: float) -> Solution:
    """The solver that is asked first."""
    return program.solve(time_limit=time_limit)


def _by(name: str, program: HomeProgram, time_limit: float) -> Solution:
    return solve_by(name, program, time_limit=time_limit)


SOLVERS: Sequence[tuple[str, Solve]] = (
    ("highs", solve_by_highs),
    *((name, partial(_by, name)) for name in FALLBACKS),
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A released schedule, and how it came about.

    Attributes:
        schedule: columns of `policy_schedules` from `slot_start` to `cost`, those of movable loads, and
            `reason, sentence, idle_costs` (`explanations`) where asked for.
        released: `plan`, `self_consumption` or `idle`.
        reason: why that was released.
        cost: of the released schedule as the model has it, the worth of the end included [money].
        idle_cost: of idle, the same way [money].
        self_consumption_cost: of self-consumption, the same way [money].
        solver: how the optimiser's schedule was found, or the last attempt to find one.
        attempts: what earlier solvers said.
        verification: of the released schedule.
        solution: the optimiser's answer where the plan was released; None otherwise.
        failure: why the optimiser gave nothing usable; empty where it did.
    """

    schedule: pl.DataFrame
    released: str
    reason: str
    cost: float
    idle_cost: float
    self_consumption_cost: float
    solver: SolverRecord
    attempts: tuple[SolverRecord, ...]
    verification: Verification
    solution: Solution | None
    failure: str = ""


@dataclass(frozen=True)
class SolverAttempt:
    """What one solver gave: a candidate with its solution, or only a record of its failure."""

    record: SolverRecord
    candidate: Candidate | None = None
    solution: Solution | None = None

    @property
    def usable(self) -> bool:
        """Whether the verifier found nothing wrong."""
        return self.candidate is not None and self.candidate.verification.valid


def make_plan(
    task: PlanTask,
    *,
    time_limit: float = MIP_SECONDS,
    solvers: Sequence[tuple[str, Solve]] = SOLVERS,
    explained: bool = True,
) -> Plan:
    """The plan of a task.

    Args:
        task: what is asked for.
        time_limit: of each solver [s].
        solvers: who is asked, in order.
        explained: whether each slot says why, which takes as long as the rest.

    Raises:
        ContradictionError: what is asked for contradicts the home's limits; it names them and offers a relaxation.
        NoFeasibleScheduleError: the same, where nobody can tell what.
        LoadRequestError: a wish that no plan can mean.
        IncompleteDayError: a slot has no finite price, load or PV.
    """
    check_end(task)
    attempts = list(_attempts(task, time_limit, solvers))
    last = attempts[-1]
    simple = simple_candidates(task)
    released = release(last.candidate, simple, failure=f"{last.record.solver}: {last.record.status}")
    chosen = released.chosen
    solution = last.solution if chosen.name == PLAN else None
    costs = {each.name: each.cost for each in simple}
    return Plan(
        schedule=explain(task, chosen.schedule, solution) if explained else chosen.schedule,
        released=chosen.name,
        reason=released.reason,
        cost=chosen.cost,
        idle_cost=costs[IDLE],
        self_consumption_cost=costs[SELF_CONSUMPTION],
        solver=last.record,
        attempts=tuple(attempt.record for attempt in attempts[:-1]),
        verification=chosen.verification,
        solution=solution,
        failure="" if last.usable else f"{last.record.solver}: {last.record.status}",
    )


def _attempts(task: PlanTask, time_limit: float, solvers: Sequence[tuple[str, Solve]]) -> Iterator[SolverAttempt]:
    """One solver after the other, up to the first whose schedule the verifier passes."""
    program = task.program()
    for name, solve in solvers:
        attempt = _attempt(task, program, name, partial(solve, program, time_limit))
        yield attempt
        if attempt.usable:
            return


def _attempt(task: PlanTask, program: HomeProgram, name: str, solve: Callable[[], Solution]) -> SolverAttempt:
    try:
        solution = solve()
    except NoFeasibleScheduleError as error:
        raise (contradiction(task) or error) from error
    except SolverError as error:
        return SolverAttempt(SolverRecord(name, f"failed: {error}", gap=float("inf")))
    finally:
        program.clear_basis()
    found = candidate(task, PLAN, optimized_schedule(task, solution))
    record = replace(solution.record, solver=name)
    if not found.verification.valid:
        first = found.verification.violations[0]
        # The optimiser breaks a fuse rather than have no answer; for a demand's sake that is no answer either.
        broken = any(violation.rule == "fuse" for violation in found.verification.violations)
        if broken and (error := contradiction(task)) is not None:
            raise error
        record = replace(record, status=f"{record.status}, but refused by the verifier: {first.rule}")
    return SolverAttempt(record, found, solution)
