"""Make a plan: solve, verify, compare with simple schedules, explain. No solver's answer is used unverified.

HiGHS solves first. If it gives no usable answer, or one that the verifier refuses, Clarabel and then SCS solve the same
problem. The result is compared with self-consumption and idle (`release`); if no solver succeeds, self-consumption is
released, and the record says why.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
import polars as pl

from env.inverter import Command
from planner.errors import NoFeasibleScheduleError, SolverError
from planner.optimizer.fallback_solvers import FALLBACKS, solve_by
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.solution import SOC, Solution, SolverRecord
from planner.optimizer.warm_solver import MIP_SECONDS
from planner.plans.explanations import explain
from planner.plans.relaxation import check_end, contradiction
from planner.plans.release import (
    IDLE,
    PLAN,
    SELF_CONSUMPTION,
    Candidate,
    candidate,
    release,
    simple_candidates,
    simulated,
)
from planner.plans.return_to_range import bind_to_return, goes_out_again
from planner.plans.schedule import optimized_schedule
from planner.plans.task import PlanTask
from planner.tolerances import PLAN_ZERO_KWH
from planner.verification.verifier import Verification

Solve: TypeAlias = Callable[[HomeProgram, float], Solution]
"""(program, time limit [s]) -> answer, or `SolverError`."""


def solve_by_highs(program: HomeProgram, time_limit: float) -> Solution:
    """Solve with HiGHS, the first solver."""
    return program.solve(time_limit=time_limit)


def _by(name: str, program: HomeProgram, time_limit: float) -> Solution:
    return solve_by(name, program, time_limit=time_limit)


SOLVERS: Sequence[tuple[str, Solve]] = (
    ("highs", solve_by_highs),
    *((name, partial(_by, name)) for name in FALLBACKS),
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A released schedule and the record of its making.

    Attributes:
        schedule: columns of `policy_schedules` from `slot_start` to `cost`, those of movable loads, and
            `reason, sentence, idle_costs` (`explanations`) if explanations were requested.
        released: `plan`, `self_consumption` or `idle`.
        reason: reason for the release.
        cost: modelled cost of the released schedule, less the value of the end [money].
        idle_cost: modelled cost of idle, less the value of the end [money].
        self_consumption_cost: modelled cost of self-consumption, less the value of the end [money].
        solver: record of the solver that found the optimiser's schedule, or of the last one that failed.
        attempts: records of the solvers before it.
        verification: the verifier's result for the released schedule.
        solution: the optimiser's solution if the plan was released; None otherwise.
        failure: reason why the optimiser gave no usable plan; empty if it did.
        remarks: what was done to a policy for this plan, a sentence each.
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
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class SolverAttempt:
    """The result of one solver: a candidate with its solution, or only the record of its failure."""

    record: SolverRecord
    candidate: Candidate | None = None
    solution: Solution | None = None

    @property
    def usable(self) -> bool:
        """Return whether the verifier passes the candidate."""
        return self.candidate is not None and self.candidate.verification.valid


def make_plan(
    task: PlanTask,
    *,
    time_limit: float = MIP_SECONDS,
    solvers: Sequence[tuple[str, Solve]] = SOLVERS,
    explained: bool = True,
) -> Plan:
    """Return the plan of a task.

    Args:
        task: the planning task.
        time_limit: time limit of each solver [s].
        solvers: solvers in the order in which they are tried.
        explained: whether every slot is explained, which takes as long as the rest.

    Raises:
        ContradictionError: the task's demands contradict the home's limits; it names them and offers a relaxation.
        NoFeasibleScheduleError: the task is infeasible and the contradiction could not be identified.
        LoadRequestError: a load request cannot be met.
        IncompleteDayError: a slot has no finite price, load or PV.
    """
    check_end(task)
    attempts = list(_attempts(task, time_limit, solvers))
    last = attempts[-1]
    simple = simple_candidates(task)
    released = release(last.candidate, simple, failure=f"{last.record.solver}: {last.record.status}")
    chosen = released.chosen
    solution = last.solution if chosen.name == PLAN else None
    costs = {option.name: option.cost for option in simple}
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
    """Try one solver after the other, up to the first whose schedule the verifier passes."""
    program = task.program()
    for name, solve in solvers:
        attempt = _attempt(task, program, name, partial(solve, program, time_limit))
        yield attempt
        if attempt.usable:
            return


def _coming_back(task: PlanTask, program: HomeProgram, solve: Callable[[], Solution]) -> Solution:
    """Solve; where a battery that is found outside its range comes back and goes out again, solve once more."""
    solution = solve()
    if not goes_out_again(task, solution.flows[:, SOC]):
        return solution
    try:
        return solve() if bind_to_return(task, program) else solution
    except NoFeasibleScheduleError:  # binaries forbid it; the verifier refuses the first answer
        return solution
    finally:
        program.start_at(0, task.start_soc_kwh)
        for way in ("charge", "discharge"):
            program.hold(way, 0)


def _with_hand(task: PlanTask, schedule: pl.DataFrame, solution: Solution) -> pl.DataFrame:
    """Return a schedule with the commands that people have set, as the inverter carries them out."""
    if task.by_hand is None:
        return schedule
    others = {name: np.where(values < PLAN_ZERO_KWH, 0.0, values) for name, values in solution.others.items()}
    return simulated(task, others, Command(*(schedule[name].to_numpy() for name in Command._fields)))


def _attempt(task: PlanTask, program: HomeProgram, name: str, solve: Callable[[], Solution]) -> SolverAttempt:
    try:
        solution = _coming_back(task, program, solve)
    except NoFeasibleScheduleError as error:
        raise (contradiction(task) or error) from error
    except SolverError as error:
        return SolverAttempt(SolverRecord(name, f"failed: {error}", gap=float("inf")))
    finally:
        program.clear_basis()
    solved = candidate(task, PLAN, _with_hand(task, optimized_schedule(task, solution), solution))
    record = replace(solution.record, solver=name)
    if not solved.verification.valid:
        first = solved.verification.violations[0]
        # The fuse is soft in the optimiser; a fuse broken to meet a demand means that the demand contradicts it.
        broken = any(violation.rule == "fuse" for violation in solved.verification.violations)
        if broken and (error := contradiction(task)) is not None:
            raise error
        record = replace(record, status=f"{record.status}, but refused by the verifier: {first.rule}")
    return SolverAttempt(record, solved, solution)
