"""The ladder: the best plan that can be had now, each rung verified and found to do no harm before it is released.

From the top: what the champion says, what the value function says, what the optimiser says (`mpc`), what the last valid
plan said, and self-consumption, which is what the inverter does by itself. A rung that is missing, fails, is refused by
the verifier or costs more than leaving the battery to itself gives way to the next; the record says why.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from planner.optimizer.solution import SolverRecord
from planner.plans.explanations import Views, explain
from planner.plans.make_plan import Plan
from planner.plans.policy_plans import PolicySchedule
from planner.plans.release import IDLE, PLAN, SELF_CONSUMPTION, Candidate, candidate, release, simple_candidates
from planner.plans.task import PlanTask

CHAMPION, VALUE, MPC, LAST_PLAN, BY_ITSELF = "champion", "value", "mpc", "last_plan", "self_consumption"
RELEASED, REFUSED, FAILED, UNAVAILABLE = "released", "refused", "failed", "unavailable"

_log = logging.getLogger(__name__)

Make: TypeAlias = Callable[[PlanTask], PolicySchedule | Plan]
"""What makes a rung's plan: a policy's schedule, still to be judged, or the optimiser's plan, judged already."""


@dataclass(frozen=True)
class Rung:
    """One way to come to a plan.

    Attributes:
        name: of the ladder.
        make: what makes it; None where there is nothing to make it with.
        missing: why there is nothing.
    """

    name: str
    make: Make | None
    missing: str = ""


@dataclass(frozen=True)
class Try:
    """How a rung fared.

    Attributes:
        rung: which.
        outcome: `released`, `refused`, `failed` or `unavailable`.
        why: one sentence.
    """

    rung: str
    outcome: str
    why: str


@dataclass(frozen=True)
class Climb:
    """What came out.

    Attributes:
        plan: the released plan.
        rung: what made it.
        tries: every rung that was tried, the highest first.
    """

    plan: Plan
    rung: str
    tries: tuple[Try, ...]

    @property
    def why(self) -> str:
        """Why this rung, in a sentence."""
        above = [each for each in self.tries if each.outcome != RELEASED]
        own = next(each.why for each in self.tries if each.outcome == RELEASED)
        return "; ".join([*(f"{each.rung}: {each.why}" for each in above), own])


def climb(task: PlanTask, rungs: Sequence[Rung], *, told: tuple[type[Exception], ...] = ()) -> Climb:
    """Take the highest rung that holds.

    Args:
        task: what is planned.
        rungs: from the top; self-consumption is below them all and need not be named.
        told: errors that are the caller's to hear, such as a wish that contradicts the home's limits; all others make
            way for the next rung.

    Raises:
        LoadRequestError: a wish that no plan can mean.
        IncompleteDayError: a slot has no finite price, load or PV.
    """
    simple = simple_candidates(task)
    tries: list[Try] = []
    for rung in rungs:
        plan, tried = _try(task, rung, simple, told)
        tries.append(tried)
        if plan is not None:
            return Climb(plan, rung.name, tuple(tries))
    own = next(each for each in simple if each.name == SELF_CONSUMPTION)
    why = "the inverter is left by itself"
    tries.append(Try(BY_ITSELF, RELEASED, why))
    return Climb(_plan(task, own, simple, why), BY_ITSELF, tuple(tries))


def _try(
    task: PlanTask, rung: Rung, simple: Sequence[Candidate], told: tuple[type[Exception], ...]
) -> tuple[Plan | None, Try]:
    """A rung's plan, or why there is none."""
    if rung.make is None:
        return None, Try(rung.name, UNAVAILABLE, rung.missing)
    try:
        made = rung.make(task)
        return _judged(task, rung.name, made, simple)
    except told:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a model, solver or library does wrong, the next rung plans
        _log.warning("rung %s failed", rung.name, exc_info=True)
        return None, Try(rung.name, FAILED, f"{type(error).__name__}: {error}")


def _judged(
    task: PlanTask, name: str, made: PolicySchedule | Plan, simple: Sequence[Candidate]
) -> tuple[Plan | None, Try]:
    """Release a plan, or say why not."""
    if isinstance(made, Plan):
        if made.trouble:
            return None, Try(name, FAILED, made.trouble)
        return made, Try(name, RELEASED, made.reason)
    found = candidate(task, PLAN, made.schedule)
    released = release(found, simple)
    if released.chosen is not found:
        return None, Try(name, REFUSED, released.reason)
    plan = _plan(task, found, simple, released.reason, policy=made)
    return plan, Try(name, RELEASED, released.reason)


def _plan(
    task: PlanTask,
    chosen: Candidate,
    simple: Sequence[Candidate],
    reason: str,
    *,
    policy: PolicySchedule | None = None,
) -> Plan:
    """A plan that no optimiser made."""
    costs = {each.name: each.cost for each in simple}
    views = None if policy is None else Views(policy.stored_value(task), policy.idle_costs(task))
    return Plan(
        schedule=explain(task, chosen.schedule, None, views=views),
        released=chosen.name,
        reason=reason,
        cost=chosen.cost,
        idle_cost=costs[IDLE],
        self_consumption_cost=costs[SELF_CONSUMPTION],
        solver=SolverRecord("none", "not asked"),
        attempts=(),
        verification=chosen.verification,
        solution=None,
    )
