"""The fallback chain of plans: the first source whose plan is verified and not dearer than doing nothing.

In order: the champion (the promoted policy), the value function, the optimiser (`mpc`), the last valid plan, and
self-consumption, which is the inverter's own default. If a source is missing, fails, is refused by the verifier, or
costs more than self-consumption, the next one is tried; the result records the reason. Where self-consumption itself
costs more than idle, the battery is left idle.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from planner.deadline import deadline, seconds_left
from planner.fault_isolation import MISTAKES
from planner.optimizer.solution import SolverRecord
from planner.plans.explanations import PolicyValuation, explain
from planner.plans.make_plan import Plan
from planner.plans.policy_plans import PolicySchedule
from planner.plans.release import (
    IDLE,
    PLAN,
    SELF_CONSUMPTION,
    Candidate,
    candidate,
    forecast_slack,
    release,
    release_simple,
    simple_candidates,
)
from planner.plans.task import PlanTask
from planner.wording.messages import joined

SourceName: TypeAlias = Literal["champion", "value", "mpc", "last_plan", "self_consumption"]
SOURCE_NAMES: tuple[SourceName, ...] = get_args(SourceName)
"""Names of the sources of the service's plans, the first one first."""
CHAMPION, VALUE, MPC, LAST_PLAN, _ = SOURCE_NAMES

Outcome: TypeAlias = Literal["released", "refused", "failed", "unavailable"]
RELEASED: Outcome = "released"
REFUSED: Outcome = "refused"
FAILED: Outcome = "failed"
UNAVAILABLE: Outcome = "unavailable"

SHARE_OF_SOURCE = 0.6
"""Share of the time left that one source may take, where the plan has a deadline: those behind it get the rest."""

_log = logging.getLogger(__name__)

PlanMaker: TypeAlias = Callable[[PlanTask], PolicySchedule | Plan]
"""Returns a policy's schedule, still to be verified and compared, or a plan that is verified already."""


@dataclass(frozen=True)
class PlanSource:
    """A source of plans.

    Attributes:
        name: one of `SOURCE_NAMES`, or the policy name of a shadow policy.
        make: function that makes the plan; None if the source is not available.
        missing_reason: reason why it is not available.
    """

    name: str
    make: PlanMaker | None
    missing_reason: str = ""


@dataclass(frozen=True)
class Attempt:
    """The outcome of one source.

    Attributes:
        source: name of the source.
        outcome: outcome of the attempt.
        reason: reason for the outcome, one sentence.
    """

    source: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class FallbackResult:
    """A released plan and the attempts that led to it.

    Attributes:
        plan: the released plan.
        source: name of the source that made it.
        attempts: every source that was tried, in order.
    """

    plan: Plan
    source: str
    attempts: tuple[Attempt, ...]

    @property
    def reason(self) -> str:
        """Return in one sentence why the plan is from this source."""
        passed_over = [attempt for attempt in self.attempts if attempt.outcome != RELEASED]
        failures = [joined(": ", [attempt.source, attempt.reason]) for attempt in passed_over]
        released = next(attempt.reason for attempt in self.attempts if attempt.outcome == RELEASED)
        return joined("; ", [*failures, released])


def first_usable_plan(
    task: PlanTask, sources: Sequence[PlanSource], *, refusals: tuple[type[Exception], ...] = ()
) -> FallbackResult:
    """Return the first plan that is verified and costs no more than doing nothing.

    Args:
        task: the planning task.
        sources: plan sources in order; self-consumption is appended and need not be named.
        refusals: errors that are raised to the caller, such as a load request that contradicts the home's limits; any
            other error of a source leads to the next source.

    Raises:
        LoadRequestError: a load request cannot be met.
        IncompleteDayError: a slot has no finite price, load or PV.
    """
    simple = simple_candidates(task)
    attempts: list[Attempt] = []
    for source in sources:
        left = seconds_left()
        with deadline(None if left is None else left * SHARE_OF_SOURCE):
            plan, attempt = _try(task, source, simple, refusals)
        attempts.append(attempt)
        if plan is not None:
            return FallbackResult(plan, source.name, tuple(attempts))
    last = release_simple(simple)
    attempts.append(Attempt(SELF_CONSUMPTION, RELEASED, last.reason))
    return FallbackResult(_plan(task, last.chosen, simple, last.reason), SELF_CONSUMPTION, tuple(attempts))


def _try(
    task: PlanTask, source: PlanSource, simple: Sequence[Candidate], refusals: tuple[type[Exception], ...]
) -> tuple[Plan | None, Attempt]:
    """Return the plan of a source (None if there is none), and the attempt to record."""
    if source.make is None:
        return None, Attempt(source.name, UNAVAILABLE, source.missing_reason)
    try:
        return _released(task, source.name, source.make(task), simple)
    except refusals:
        raise
    except MISTAKES as error:  # whatever a model, solver or library raises, the next source plans
        _log.warning("plan source %s failed", source.name, exc_info=True)
        return None, Attempt(source.name, FAILED, f"{type(error).__name__}: {error}")


def _released(
    task: PlanTask, name: str, made: PolicySchedule | Plan, simple: Sequence[Candidate]
) -> tuple[Plan | None, Attempt]:
    """Release a source's plan, or record why not."""
    if isinstance(made, Plan):
        if made.failure:
            return None, Attempt(name, FAILED, made.failure)
        return made, Attempt(name, RELEASED, made.reason)
    offered = candidate(task, PLAN, made.schedule)
    released = release(offered, simple, slack=forecast_slack(task, simple))
    if released.chosen is not offered:
        return None, Attempt(name, REFUSED, released.reason)
    valuation = PolicyValuation(made.stored_value(task), made.idle_costs(task))
    plan = replace(_plan(task, offered, simple, released.reason, valuation=valuation), remarks=made.remarks)
    return plan, Attempt(name, RELEASED, released.reason)


def _plan(
    task: PlanTask,
    chosen: Candidate,
    simple: Sequence[Candidate],
    reason: str,
    *,
    valuation: PolicyValuation | None = None,
) -> Plan:
    """Return a plan that was made without the optimiser."""
    costs = {option.name: option.cost for option in simple}
    return Plan(
        schedule=explain(task, chosen.schedule, None, valuation=valuation),
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
