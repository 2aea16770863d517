"""Export scenarios: ever more sold in the dearest slots, as far as battery, fuse and stored energy go, and its cost.

Every scenario is the cheapest schedule of the whole horizon that sells so much; what the energy costs later, on the
way and in wear, is in it. The baseline is the same without a target, so that no scenario earns more than it under
one's own economics.

Where export is paid more than import costs, to buy and sell in turns pays by itself, and every slot needs a binary:
the cheapest schedule is then searched for a limited time, and a scenario says if that did not suffice to prove it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from env.types import Index
from planner.optimizer.exclusive_flows import LEAST_SECONDS
from planner.optimizer.solution import PROVEN
from planner.plans.release import IDLE, PLAN, Candidate, candidate, simple_candidates
from planner.plans.schedule import optimized_schedule
from planner.plans.task import PlanTask
from planner.whatif.export_target import ExportTarget
from planner.whatif.figures import Figures
from planner.whatif.plan_figures import plan_figures

SEARCH_SECONDS = 12.0
"""Time for the searches of all scenarios together: a person waits for them."""


@dataclass(frozen=True)
class _Found:
    """A schedule, and whether no other is cheaper."""

    candidate: Candidate
    proven: bool


@dataclass(frozen=True, kw_only=True)
class ExportScenario:
    """A schedule that sells so much.

    Attributes:
        target_kwh: what was to be exported in the slots [kWh].
        realised_kwh: what is exported in them [kWh].
        income: for it, at those slots' prices [money].
        net: baseline's cost less this one's over the whole horizon: what the target earns, negative where it costs
            [money].
        figures: of the whole horizon.
        difference: of the figures to the baseline's.
        verified: whether the verifier found no violation.
        proven: whether it is the cheapest; otherwise the best that was found in time.
        schedule: the slots.
    """

    target_kwh: float
    realised_kwh: float
    income: float
    net: float
    figures: Figures
    difference: Figures
    verified: bool
    proven: bool
    schedule: pl.DataFrame


@dataclass(frozen=True, kw_only=True)
class ExportScenarios:
    """The scenarios of a horizon.

    Attributes:
        slots: indices of the slots that are sold in, in order of time.
        baseline: the cheapest schedule without a target.
        baseline_kwh: what it exports in these slots [kWh].
        proven: whether that is the cheapest; otherwise the best that was found in time.
        turned: number of slots in which export is paid more than import costs.
        scenarios: one a target.
    """

    slots: Index
    baseline: Figures
    baseline_kwh: float
    proven: bool
    turned: int
    scenarios: list[ExportScenario]


def dearest_slots(task: PlanTask, n_slots: int) -> Index:
    """Return the slots with the highest export prices, of equal ones the first, in order of time `(n_slots,)`."""
    order = np.argsort(-task.arrays[1], kind="stable")
    return np.sort(order[:n_slots])


def export_scenarios(task: PlanTask, n_slots: int, targets_kwh: Sequence[float]) -> ExportScenarios:
    """Return the cheapest schedules that sell ever more in the dearest slots.

    Args:
        task: the planning task.
        n_slots: number of slots that are sold in.
        targets_kwh: energy to be exported in them together [kWh].

    Raises:
        NoFeasibleScheduleError: the demands contradict the home's limits.
    """
    chosen = dearest_slots(task, n_slots)
    program = task.program()
    idle = next(option.cost for option in simple_candidates(task) if option.name == IDLE)
    ends, left = time.monotonic() + SEARCH_SECONDS, len(targets_kwh) + 1

    def solved() -> _Found:
        nonlocal left
        share, left = (ends - time.monotonic()) / left, left - 1
        solution = program.solve(time_limit=max(share, LEAST_SECONDS))
        schedule = optimized_schedule(task, solution)
        return _Found(candidate(task, PLAN, schedule), proven=solution.record.status == PROVEN)

    def figures(found: Candidate) -> Figures:
        return plan_figures(task, found.schedule, cost=found.cost, idle_cost=idle)

    without = solved()
    target = ExportTarget(program, chosen)
    found: list[_Found] = []
    for kwh in targets_kwh:
        target.want(kwh)
        found.append(solved())
    # Where export is paid more than import, a search with binaries may end within its gap: the cheapest schedule that
    # any search found is the baseline.
    cheapest = min((without, *found), key=lambda each: each.candidate.cost).candidate
    baseline = figures(cheapest)
    scenarios = [
        _scenario(task, chosen, kwh, each, figures(each.candidate), baseline)
        for kwh, each in zip(targets_kwh, found, strict=True)
    ]
    import_price, export_price, _, _ = task.arrays
    return ExportScenarios(
        slots=chosen,
        baseline=baseline,
        baseline_kwh=_sold(cheapest, chosen),
        proven=without.proven,
        turned=int((export_price > import_price).sum()),
        scenarios=scenarios,
    )


def _scenario(
    task: PlanTask, chosen: Index, target_kwh: float, found: _Found, own: Figures, baseline: Figures
) -> ExportScenario:
    schedule = found.candidate.schedule
    return ExportScenario(
        target_kwh=target_kwh,
        realised_kwh=_sold(found.candidate, chosen),
        income=float((schedule["export_kwh"].to_numpy() * task.arrays[1])[chosen].sum()),
        net=baseline.cost - own.cost,
        figures=own,
        difference=own.less(baseline),
        verified=found.candidate.verification.valid,
        proven=found.proven,
        schedule=schedule,
    )


def growing_targets(task: PlanTask, n_slots: int, steps: int) -> list[float]:
    """Return evenly growing targets up to what the battery's power could feed in the slots [kWh]."""
    most = n_slots * task.site.battery.discharge_kw / 4
    return [most * step / steps for step in range(1, steps + 1)]


def _sold(found: Candidate, slots: Index) -> float:
    return float(found.schedule["export_kwh"].to_numpy()[slots].sum())
