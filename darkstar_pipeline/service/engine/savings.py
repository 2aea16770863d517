"""Savings by day and month: the actual cost against idle, self-consumption and the oracle from the same start."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from darkstar_pipeline.context import Context
from darkstar_pipeline.evaluation.actual_costs import (
    NO_SUN,
    REFERENCES,
    START_OUTSIDE,
    ActualCosts,
    DayCosts,
    captured_share,
    total_cost,
)
from darkstar_pipeline.evaluation.actual_days import ACTUAL
from darkstar_pipeline.service.schemas.history import SavingsDocument, SavingsRow
from planner.wording.messages import joined, phrase

MOST_DAYS = 400


class Savings:
    """Savings of a site."""

    def __init__(self) -> None:
        self.costs = ActualCosts()

    def document(self, context: Context, days: Sequence[date], by: Literal["day", "month"]) -> SavingsDocument:
        """Return the savings of local days, by day or month; days without a quality grade do not count."""
        known = self.costs.of_days(context, list(days)[-MOST_DAYS:])
        groups: dict[str, list[DayCosts]] = {}
        for day, costs in known.items():
            groups.setdefault(day.isoformat() if by == "day" else f"{day:%Y-%m}", []).append(costs)
        rows = [_row(period, costs) for period, costs in groups.items()]
        metered = sum(costs[ACTUAL] is not None for costs in known.values())
        unread = len(known) - metered
        outside = sum(costs[START_OUTSIDE] is not None for costs in known.values())
        unmarked = len(days) - len(known)
        parts: list[str] = []
        if unread:
            parts.append(
                phrase(
                    "{n} of {days} days have no metered cost: grid meters and state of charge are needed",
                    n=unread,
                    days=len(known),
                )
            )
        if outside:
            parts.append(
                phrase(
                    "{n} days began outside the battery's usable range: they are compared from its edge on, and the "
                    "energy between counts nothing",
                    n=outside,
                )
            )
        if unmarked > 0:
            parts.append(phrase("{n} days are not graded, or refused", n=unmarked))
        note = joined("; ", parts)
        return SavingsDocument(
            site=context.site_name,
            currency=context.site.currency,
            by=by,
            rows=rows,
            total=_row("all", list(known.values())),
            note=note,
        )


def _row(period: str, days: Sequence[DayCosts]) -> SavingsRow:
    """Return the sum of days; actual costs count only on days with metered cost."""
    whole = [day for day in days if day[ACTUAL] is not None]
    shown = whole or days
    actual, idle, by_itself, oracle, no_sun = (total_cost(shown, way) for way in (ACTUAL, *REFERENCES, NO_SUN))
    return SavingsRow(
        period=period,
        days=len(whole),
        lived=actual,
        idle=idle,
        self_consumption=by_itself,
        oracle=oracle,
        no_sun=no_sun,
        saved_vs_idle=None if actual is None or idle is None else idle - actual,
        saved_vs_self_consumption=None if actual is None or by_itself is None else by_itself - actual,
        captured_share=captured_share(actual, idle, oracle),
    )
