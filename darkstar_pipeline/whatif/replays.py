"""A span replayed with changes beside the unchanged site, by the same evaluation as `darkstar evaluate`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.evaluation.policy_replays import range_protocol, stored_inputs
from darkstar_pipeline.evaluation.range_verdict import evaluate_range, replayed_schedule
from darkstar_pipeline.whatif.begun_month import begun_month
from darkstar_pipeline.whatif.changed_context import WhatIf, own_economics
from planner.evaluation.charged_results import charged_results
from planner.evaluation.verdict import paid
from planner.whatif.figures import IDLE, Figures, common, figures_of
from planner.whatif.repricing import repriced


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A policy on the site and on the changed one.

    Attributes:
        policy: its name.
        site: its figures as the site is.
        changed: its figures as the site would be.
        difference: of `changed` less `site`.
        own_cost: what the changed policy's flows cost at the home's own economics, where it decided by relaxed ones;
            None where its own are the home's [money].
    """

    policy: str
    site: Figures
    changed: Figures
    difference: Figures
    own_cost: float | None = None


@dataclass(frozen=True, kw_only=True)
class ReplayedWhatIf:
    """A what-if of a span.

    Attributes:
        case: the site and what it would be.
        days: that both were replayed on.
        left_out: `day, reasons` of the others.
        comparisons: a policy each.
        assumptions: what is taken of the month in which the span begins late, a sentence each.
    """

    case: WhatIf
    days: list[date]
    left_out: pl.DataFrame
    comparisons: list[Comparison]
    assumptions: list[str]


def replay_what_if(
    case: WhatIf, first: date, last: date, policies: Sequence[str], *, continuous: bool = False
) -> ReplayedWhatIf:
    """Replay policies on the usable days of a span, on the site as it is and as it would be.

    Args:
        case: the site and its changes.
        first: first local day.
        last: last local day, included.
        policies: whose figures are wanted.
        continuous: stored energy is carried through the span instead of starting every day alike.

    Raises:
        ConfigurationError: an unknown policy.
        DataMissingError: no day of the span is usable.
    """
    wanted = list(dict.fromkeys((IDLE, *policies)))

    def results(context: Context) -> tuple[pl.DataFrame, pl.DataFrame]:
        verdict = evaluate_range(context, first, last, wanted, continuous=continuous, references=())
        return verdict.evaluation.days, verdict.left_out

    (before, left_out), (after, also_left_out) = results(case.site), results(case.changed)
    days = common(before, after)
    if not days:
        raise DataMissingError("no day is usable both as it is and as it would be", "name other days")
    shared = pl.col("day").is_in(pl.Series(days, dtype=pl.Date).implode())
    site = figures_of(before.filter(shared), case.site.site.battery, policies)
    changed = figures_of(after.filter(shared), case.changed.site.battery, policies)
    own = {} if continuous else _own_costs(case, days, policies)
    comparisons = [
        Comparison(
            policy=policy,
            site=site[policy],
            changed=changed[policy],
            difference=changed[policy].less(site[policy]),
            own_cost=own.get(policy),
        )
        for policy in policies
    ]
    every = pl.concat([left_out, also_left_out]).unique("day", keep="first").sort("day")
    assumed = list(
        dict.fromkeys(each for context in (case.site, case.changed) for each in begun_month(context, days[0]))
    )
    return ReplayedWhatIf(case=case, days=days, left_out=every, comparisons=comparisons, assumptions=assumed)


def _own_costs(case: WhatIf, days: Sequence[date], policies: Sequence[str]) -> dict[str, float]:
    """Return what the flows of relaxed policies cost at the home's own economics; nothing where those decided."""
    if not case.relaxed:
        return {}
    own = own_economics(case)
    prices, protocol = stored_inputs(own, days).slots, range_protocol(own, days)
    costs: dict[str, float] = {}
    for policy in policies:
        flows = replayed_schedule(case.changed, policy, days, range_protocol(case.changed, days))
        results = charged_results(repriced(flows, prices, own.site.battery), protocol, own.site)
        costs[policy] = float(results.select(paid(results).sum()).item())
    return costs
