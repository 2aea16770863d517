"""Savings by day and month: the actual cost against idle, self-consumption and the oracle from the same start.

Days are computed once and cached until one of their files is replaced.
"""

import threading
from collections.abc import Sequence
from datetime import date
from typing import Literal

from darkstar_pipeline.context import Context
from darkstar_pipeline.evaluation.actual_days import ActualDay, actual_days, metered_cost, planned_cost, reference_costs
from darkstar_pipeline.evaluation.plan_history import plans_between, system_id
from darkstar_pipeline.service.schemas.history import SavingsDocument, SavingsRow
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import (
    ANTARES_PLAN_HISTORY,
    DATA_QUALITY_DAILY,
    METER_READINGS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
)

MOST_DAYS = 400
REFERENCES = ("idle", "self_consumption", "oracle")
_RESTS_ON = (DATA_QUALITY_DAILY, METER_READINGS, SLOT_OBSERVATIONS, SPOT_PRICES, ANTARES_PLAN_HISTORY)
Day = dict[str, float | None]


class Savings:
    """Savings of a site, cached by day."""

    def __init__(self) -> None:
        self._days: dict[date, tuple[object, Day | None]] = {}
        self._lock = threading.Lock()

    def document(self, context: Context, days: Sequence[date], by: Literal["day", "month"]) -> SavingsDocument:
        """Return the savings of local days, by day or month; days without a quality grade do not count."""
        with self._lock:
            known = self._costs(context, list(days)[-MOST_DAYS:])
        groups: dict[str, list[Day]] = {}
        for day, costs in known.items():
            groups.setdefault(day.isoformat() if by == "day" else f"{day:%Y-%m}", []).append(costs)
        rows = [_row(period, costs) for period, costs in groups.items()]
        metered = sum(costs["actual"] is not None for costs in known.values())
        unread = len(known) - metered
        outside = sum(costs["start_outside"] is not None for costs in known.values())
        needed = "grid meters and state of charge are needed"
        edge = "they are compared from its edge on, and the energy between counts nothing"
        parts = (
            f"{unread} of {len(known)} days have no metered cost: {needed}" if unread else "",
            f"{outside} days began outside the battery's usable range: {edge}" if outside else "",
            f"{len(days) - len(known)} days are not graded, or refused" if len(days) > len(known) else "",
        )
        note = "; ".join(part for part in parts if part)
        return SavingsDocument(
            site=context.site_name,
            currency=context.site.currency,
            by=by,
            rows=rows,
            total=_row("all", list(known.values())),
            note=note,
        )

    def _costs(self, context: Context, days: Sequence[date]) -> dict[date, Day]:
        """Return the costs of each comparable day."""
        lake, name = context.lake, context.site_name
        keys = {
            day: (context.site_settings, *(lake.identity(table, name, day, day) for table in _RESTS_ON)) for day in days
        }
        stale = [day for day in days if self._days.get(day, (None, None))[0] != keys[day]]
        fresh = {actual.day: _day(lake, name, actual) for actual in actual_days(context, stale)}
        self._days |= {day: (keys[day], fresh.get(day)) for day in stale}
        cached = {day: self._days[day][1] for day in days}
        return {day: costs for day, costs in cached.items() if costs is not None}


def _day(lake: Lake, site_name: str, actual: ActualDay) -> Day:
    """Return the actual cost of a day and its reference costs."""
    cost = metered_cost(actual)
    if cost is None:  # what the commands make of the readings is the next best, where the service steered
        plans = plans_between(lake, site_name, actual.day, actual.day)
        own = plans.filter(plans["system_id"] == system_id(site_name))
        cost = float(planned_cost(actual, own)["cost"][0]) if own.height else None
    outside = actual.start_soc_kwh if actual.start_note else None
    return {"actual": cost, "start_outside": outside, **reference_costs(actual, REFERENCES)}


def _row(period: str, days: Sequence[Day]) -> SavingsRow:
    """Return the sum of days; actual costs count only on days with metered cost."""
    whole = [day for day in days if day["actual"] is not None]
    shown = whole or days

    def total(name: str) -> float | None:
        values = [day[name] for day in shown]
        known = [value for value in values if value is not None]
        return sum(known) if known and len(known) == len(values) else None

    actual, idle, by_itself, oracle = (total(name) for name in ("actual", *REFERENCES))
    saved = None if actual is None or idle is None else idle - actual
    most = None if idle is None or oracle is None else idle - oracle
    return SavingsRow(
        period=period,
        days=len(whole),
        lived=actual,
        idle=idle,
        self_consumption=by_itself,
        oracle=oracle,
        saved_vs_idle=saved,
        saved_vs_self_consumption=None if actual is None or by_itself is None else by_itself - actual,
        captured_share=None if saved is None or not most or most <= 0 else saved / most,
    )
