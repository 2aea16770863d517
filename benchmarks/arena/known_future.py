"""A home's best schedule with the future known: the plan that the planner makes, verified afresh."""

from dataclasses import dataclass

import polars as pl

from benchmarks.arena.quarter_hour_homes import HomeCase
from planner.plans.make_plan import make_plan
from planner.plans.release import PLAN
from planner.plans.task import End, PlanTask
from planner.verification.verifier import verify_schedule


@dataclass(frozen=True)
class Checked:
    """A schedule and what the verifier says of it.

    Attributes:
        schedule: one row a slot.
        faults: what is wrong, in words; empty where nothing is.
    """

    schedule: pl.DataFrame
    faults: tuple[str, ...]

    @property
    def verified(self) -> bool:
        """Return whether the verifier found nothing."""
        return not self.faults


def best_schedule(case: HomeCase) -> Checked:
    """Return the cheapest schedule of a case, net of what is stored at its end.

    Raises:
        NoFeasibleScheduleError: the case's limits contradict each other.
    """
    task = PlanTask(slots=case.slots, site=case.site, start_soc_kwh=case.start_kwh, end=End(value=case.settled_value))
    plan = make_plan(task, explained=False)
    checked = verify(case, plan.schedule)
    return checked if plan.released == PLAN else Checked(checked.schedule, (plan.reason, *checked.faults))


def verify(case: HomeCase, schedule: pl.DataFrame) -> Checked:
    """Return a schedule of a case with the verifier's findings."""
    slots = schedule.drop("local_day", strict=False)  # a case begins and ends inside a day
    found = verify_schedule(slots, case.site, start_soc_kwh=case.start_kwh)
    return Checked(schedule, tuple(each.message for each in found.violations))
