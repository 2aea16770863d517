"""A plan around the blocks that people have set by hand: the same in the service and on the command line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from darkstar_pipeline.planning.plan_inputs import PlanInputs
from env.inverter import Command
from planner.byhand.commands import HandBlock, hand_commands
from planner.plans.fallback_chain import REFUSED, Attempt, FallbackResult, PlanSource, first_usable_plan
from planner.plans.make_plan import Plan
from planner.plans.policy_plans import PolicySchedule
from planner.plans.release import IDLE, SELF_CONSUMPTION, default_loads, simple_candidates, simulated
from planner.plans.task import PlanTask
from planner.wording.messages import phrase

SourcesOf = Callable[[PlanInputs], Sequence[PlanSource]]
"""Return the sources of a plan that rest on inputs, the best first."""
_REASON = phrase("the rest is planned around what is set by hand")


@dataclass(frozen=True)
class RefusedAround(Attempt):
    """The attempt at a plan around blocks that breaks a limit; the plan without them is released."""


def planned_around(
    inputs: PlanInputs,
    blocks: Sequence[HandBlock],
    sources: SourcesOf,
    *,
    refusals: tuple[type[Exception], ...] = (),
) -> tuple[PlanInputs, FallbackResult]:
    """Return the plan around blocks, and its inputs with their commands; without blocks the plan itself.

    Where the home cannot do what is asked without breaking a limit, the plan is the one without, and says so.

    Args:
        inputs: the inputs of the plan.
        blocks: the first that holds in a slot wins.
        sources: sources of the plan.
        refusals: as for `first_usable_plan`.
    """
    plain = first_usable_plan(inputs.task, sources(inputs), refusals=refusals)
    around = with_blocks(inputs, blocks, plain.plan)
    by_hand = around.task.by_hand
    if by_hand is None:
        return inputs, plain
    own = [_commanded_source()] if by_hand.fixed.all() else sources(around)
    released = first_usable_plan(around.task, own, refusals=refusals)
    if released.plan.verification.valid:
        return around, _beside_plain(inputs.task, released)
    wrong = released.plan.verification.violations[0].message
    reason = phrase("what was asked for by hand is refused: {problem}", problem=wrong)
    refused = RefusedAround(plain.source, REFUSED, reason)
    return inputs, FallbackResult(plain.plan, plain.source, (refused, *plain.attempts))


def with_blocks(inputs: PlanInputs, blocks: Sequence[HandBlock], plain: Plan) -> PlanInputs:
    """Return inputs with the commands that blocks set in their slots, by the plan without them."""
    task, rolling = inputs.task, inputs.rolling
    tariffs = [demand.tariff for demand in task.peak_demands]
    by_hand = hand_commands(task.site, task.slots, blocks, tariffs)
    if by_hand is None:
        return inputs
    by_hand = by_hand.within(plain.schedule["soc_start_kwh"].to_numpy(), task.site)
    window = replace(rolling.window, by_hand=by_hand.behind(rolling.current_slot))
    return replace(inputs, task=replace(task, by_hand=by_hand), rolling=replace(rolling, window=window))


def _beside_plain(task: PlanTask, released: FallbackResult) -> FallbackResult:
    """Return a plan around blocks with the costs of the simple schedules that know of none."""
    simple = {each.name: each.cost for each in simple_candidates(task)}
    plan = replace(
        released.plan, reason=_REASON, idle_cost=simple[IDLE], self_consumption_cost=simple[SELF_CONSUMPTION]
    )
    return replace(released, plan=plan)


def _commanded_source() -> PlanSource:
    """Return the source of a plan whose every slot a person has set."""

    def commanded(task: PlanTask) -> PolicySchedule:
        nothing = np.zeros(task.n_slots)
        schedule = simulated(task, default_loads(task), Command(nothing, nothing, nothing))
        return PolicySchedule(schedule, np.full((task.n_slots, 2), np.nan))

    return PlanSource(SELF_CONSUMPTION, commanded)
