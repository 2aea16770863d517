"""The row of a home with two prices: our cost a day beside the best published controller."""

from benchmarks.arena.shapes import Part
from benchmarks.arena.solar_home import SolarCase, read_solar_case
from benchmarks.arena.solar_planner import controlled
from benchmarks.harness.results import Detail, Row
from planner.verification.verifier import verify_schedule


def row(part: Part) -> Row:
    """Run the planner over the judged days.

    The published controllers know load and sun of the slot being decided; ours reads slots that have ended, and its
    commands follow the house, so that both kinds of information give the same figure.

    Raises:
        DataRefusedError: the case is of another shape, or its readings do not hold its days.
    """
    case = read_solar_case(part)
    schedule = controlled(case)
    start, ours = case.protocol.start_soc_kwh, float(schedule["cost"].sum()) / case.days
    found = [each.message for each in verify_schedule(schedule, case.site, start_soc_kwh=start).violations]
    best = case.best_published
    end = float(schedule["soc_end_kwh"][-1])
    details: dict[str, Detail] = {
        "case": case.name,
        "shape": "solar_home_two_price",
        "published": None if best is None else best[1],
        "published_by": "" if best is None else best[0],
        "ours": ours,
        "verified": not found,
        "difference": None if best is None else ours - best[1],
        "unknown_future": ours,
        "end_soc_kwh": end,
        "ours_with_the_published_end": ours + _missing_at_end(case, end),
        "published_knowing_the_future": case.published.get("anticipative"),
        "faults": "; ".join(found[:3]),
    }
    met = not found and (best is None or ours < best[1])
    return Row(case.name, ours, "money a day", "verified" if best is None else "< published", met, details=details)


def _missing_at_end(case: SolarCase, end_kwh: float) -> float:
    """Return the cost a day of ending with as much as the best published controller, at the dearest price [money]."""
    best = case.best_published
    theirs = end_kwh if best is None else case.published_end_kwh.get(best[0], end_kwh)
    dearest = float(case.slots.select("import_price").max().item())
    return max(theirs - end_kwh, 0.0) * dearest / case.days
