"""A what-if of a block by hand: the plan with it beside the plan without, on the same inputs, by the same sources."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from darkstar_pipeline.context import Context
from darkstar_pipeline.planning.around_blocks import RefusedAround, SourcesOf, planned_around
from darkstar_pipeline.planning.battery_care import TimedReserve
from darkstar_pipeline.planning.plan_inputs import PlanInputs, StartSoc, inputs_at
from darkstar_pipeline.planning.plan_sources import active_policy_or_reason, scenario_days, site_sources
from darkstar_pipeline.whatif.plans import PlannedCase, planned_case
from planner.byhand.commands import HandBlock
from planner.deadline import deadline
from planner.errors import LoadRequestError, NoFeasibleScheduleError
from planner.policies.plan_before import PlanBefore
from planner.summaries.hand_notes import block_notes
from planner.whatif.figures import Figures


@dataclass(frozen=True, kw_only=True)
class PlannedBlock:
    """A block by hand beside the plan without it.

    Attributes:
        site: the plan as it is, with the blocks that hold already.
        changed: the plan with the block.
        difference: of their figures.
        notes: what of the block is clamped, a sentence each.
    """

    site: PlannedCase
    changed: PlannedCase
    difference: Figures
    notes: list[str]


def plan_block(
    inputs: PlanInputs,
    block: HandBlock,
    sources: SourcesOf,
    *,
    standing: Sequence[HandBlock] = (),
    kept: Sequence[HandBlock] = (),
    refusals: tuple[type[Exception], ...] = (),
) -> PlannedBlock:
    """Plan with a block and without it.

    Args:
        inputs: the inputs of the plan.
        block: the block that is asked for.
        sources: sources of the plan.
        standing: blocks that hold already.
        kept: those of them that hold beside the block too.
        refusals: as for `planner.plans.fallback_chain.first_usable_plan`.
    """
    site = planned_case(*planned_around(inputs, standing, sources, refusals=refusals))
    changed = planned_case(*planned_around(inputs, [*kept, block], sources, refusals=refusals))
    notes = block_notes(changed.inputs.task, changed.result.plan.schedule, block)
    refused = next((each.reason for each in changed.result.attempts if isinstance(each, RefusedAround)), None)
    return PlannedBlock(
        site=site,
        changed=changed,
        difference=changed.figures.less(site.figures),
        notes=notes if refused is None else [refused, *notes],
    )


def site_block(  # noqa: PLR0913 - keyword-only, all that may be said of a plan
    context: Context,
    at: datetime,
    block: HandBlock,
    *,
    soc: StartSoc | None = None,
    reserves: Sequence[TimedReserve] = (),
    before: PlanBefore | None = None,
    standing: Sequence[HandBlock] = (),
    kept: Sequence[HandBlock] = (),
) -> PlannedBlock:
    """Plan a site with a block and without it, from a moment on, as `darkstar plan` does.

    Args:
        context: the site.
        at: the moment.
        block: the block that is asked for.
        soc: as for `inputs_at`.
        reserves: as for `inputs_at`.
        before: the plan before; None for none.
        standing: blocks that hold already.
        kept: those of them that hold beside the block too.

    Raises:
        DataMissingError: there is no price, or nothing to forecast from.
        NoFeasibleScheduleError: the demands contradict the home's limits.
    """
    active = active_policy_or_reason(context)
    with deadline(context.site_settings.service.plan_seconds):
        inputs = inputs_at(context, at, soc=soc, reserves=reserves, lookback_days=scenario_days(active))
        inputs = inputs if before is None else replace(inputs, before=before)
        return plan_block(
            inputs,
            block,
            partial(site_sources, context, active=active),
            standing=standing,
            kept=kept,
            refusals=(LoadRequestError, NoFeasibleScheduleError),
        )
