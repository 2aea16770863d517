"""The row of a request with several batteries: our objective beside the published one, and what it misses."""

from collections import Counter

from benchmarks.arena.many_batteries import read_joint_case
from benchmarks.arena.shapes import Part
from benchmarks.harness.results import Detail, Row
from planner.joint_dispatch.checks import faults
from planner.joint_dispatch.statement import dispatch

SINCE = {"start": -1, "first step": 0}
"""What the value of stored energy is counted since: the peer's versions differ, and do not say which they are."""
ROUNDING = 1e-6  # share of the published value, and money: published with seven or eight digits, below a gap of 1e-6


def row(part: Part) -> Row:
    """Solve a case.

    Raises:
        DataRefusedError: the case is of another shape, or says what the model cannot state.
        NoFeasibleScheduleError: its hard limits contradict each other.
    """
    case = read_joint_case(part)
    schedule = dispatch(case.task)
    wrong = faults(schedule)
    published = case.published
    objectives = {since: schedule.value_gained(since_step=step) - schedule.cost for since, step in SINCE.items()}
    since = "start" if published is None else min(SINCE, key=lambda name: abs(objectives[name] - published))
    objective = objectives[since]
    missed = Counter(miss.kind for miss in schedule.misses)
    details: dict[str, Detail] = {
        "case": case.name,
        "shape": "many_batteries",
        "published": published,
        "ours": objective,
        "verified": not wrong,
        "difference": None if published is None else objective - published,
        "cost": schedule.cost,
        "value_counted_since": since,
        "missed": "; ".join(f"{kind} in {steps} steps" for kind, steps in sorted(missed.items())),
        "missed_first": schedule.misses[0].sentence if schedule.misses else "",
        "solver": schedule.record.status,
        "faults": "; ".join(wrong[:3]),
    }
    met = not wrong and (published is None or objective >= published - ROUNDING * (1 + abs(published)))
    return Row(case.name, objective, "", "verified" if published is None else ">= published", met, details=details)
