"""The row of a home of the arena: the best schedule beside the published one, and beside that no known future."""

from benchmarks.arena.known_future import best_schedule
from benchmarks.arena.quarter_hour_homes import HomeCase, read_home_case
from benchmarks.arena.shapes import Part
from benchmarks.arena.unknown_future import followed_schedule
from benchmarks.harness.results import Detail, Row

A_CENT = 0.005
ROUNDING = 1e-4  # money: published costs and energies have five digits


def row(part: Part) -> Row:
    """Solve a case with its future known and without.

    Raises:
        DataRefusedError: the case is of another shape.
        NoFeasibleScheduleError: its limits contradict each other.
    """
    case = read_home_case(part)
    best, followed = best_schedule(case), followed_schedule(case)
    ours, published = case.net_cost(best.schedule), case.published_net_cost
    details: dict[str, Detail] = {
        "case": case.name,
        "shape": "quarter_hour_homes",
        "published": published,
        "ours": ours,
        "verified": best.verified,
        "difference": None if published is None else ours - published,
        "grid_only_cost": case.grid_only_cost,
        "published_grid_only_cost": case.published.grid_only_cost,
        "cost": case.cost(best.schedule),
        "published_cost": case.published.cost,
        "end_soc_kwh": float(best.schedule["soc_end_kwh"][-1]),
        "unknown_future": case.net_cost(followed.schedule),
        "unknown_future_verified": followed.verified,
        "faults": "; ".join((*best.faults, *followed.faults)[:3]),
    }
    target = "<= published" if published is not None else "verified"
    return Row(case.name, ours, "", target, _met(case, ours, verified=best.verified), details=details)


def _met(case: HomeCase, ours: float, *, verified: bool) -> bool:
    """Return whether the schedule holds, costs no more than the published one, and the home alone costs the same."""
    told, published = case.published.grid_only_cost, case.published_net_cost
    same_home = told is None or abs(case.grid_only_cost - told) <= A_CENT
    return verified and same_home and (published is None or ours <= published + ROUNDING)
