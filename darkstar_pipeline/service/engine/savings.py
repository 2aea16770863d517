"""Savings by day and month: the actual cost against idle, self-consumption and the oracle from the same start.

Where power is charged, every cost is with what its day adds to the month's charge. Days are computed once and cached
until one of their files is replaced, months where one of their days is.
"""

import threading
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.evaluation.actual_bills import ChargedDay, charged_day, month_costs
from darkstar_pipeline.evaluation.actual_days import (
    ActualDay,
    actual_days,
    metered_cost,
    planned_schedule,
    reference_schedules,
)
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
from env.time_grid import days_between
from planner.demand_charges.bills import has_demand_charge
from planner.evaluation.daily_results import daily_results

MOST_DAYS = 400
REFERENCES = ("idle", "self_consumption", "oracle")
_RESTS_ON = (DATA_QUALITY_DAILY, METER_READINGS, SLOT_OBSERVATIONS, SPOT_PRICES, ANTARES_PLAN_HISTORY)
Day = dict[str, float | None]


class Savings:
    """Savings of a site, cached by day."""

    def __init__(self) -> None:
        self._days: dict[date, tuple[object, Day | None]] = {}
        self._charged: dict[date, ChargedDay] = {}
        self._months: dict[date, tuple[object, dict[date, Day]]] = {}
        self._lock = threading.Lock()

    def document(self, context: Context, days: Sequence[date], by: Literal["day", "month"]) -> SavingsDocument:
        """Return the savings of local days, by day or month; days without a quality grade do not count."""
        with self._lock:
            known = self._paid(context, list(days)[-MOST_DAYS:])
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

    def _paid(self, context: Context, days: Sequence[date]) -> dict[date, Day]:
        """Return the costs of each comparable day, with what it adds to its month's charge where power is charged."""
        if not days or not has_demand_charge(context.site):
            return self._costs(context, days)
        first = days[0].replace(day=1)  # the peaks of the month's days before the first one count
        known = self._costs(context, list(days_between(first, days[0] - timedelta(days=1))) + list(days))
        months: dict[date, list[date]] = {}
        for day in known:
            months.setdefault(day.replace(day=1), []).append(day)
        paid: dict[date, Day] = {}
        for month, of_month in months.items():
            key = tuple((day, self._days[day][0]) for day in of_month)
            if self._months.get(month, (None, None))[0] != key:
                costs = month_costs([self._charged[day] for day in of_month], "actual")
                self._months[month] = (key, {day: {**known[day], **own} for day, own in costs.items()})
            paid |= self._months[month][1]
        return {day: costs for day, costs in paid.items() if day >= days[0]}

    def _costs(self, context: Context, days: Sequence[date]) -> dict[date, Day]:
        """Return the costs of each comparable day."""
        lake, name = context.lake, context.site_name
        keys = {
            day: (context.site_settings, *(lake.identity(table, name, day, day) for table in _RESTS_ON)) for day in days
        }
        stale = [day for day in days if self._days.get(day, (None, None))[0] != keys[day]]
        fresh = {actual.day: _charged_day(lake, name, actual) for actual in actual_days(context, stale)}
        self._days |= {day: (keys[day], _day(fresh[day]) if day in fresh else None) for day in stale}
        if has_demand_charge(context.site):
            self._charged |= fresh
        cached = {day: self._days[day][1] for day in days}
        return {day: costs for day, costs in cached.items() if costs is not None}


def _charged_day(lake: Lake, site_name: str, actual: ActualDay) -> ChargedDay:
    """Return the actual cost of a day and its reference costs, with their peaks where power is charged."""
    cost, schedules = metered_cost(actual), {"actual": actual.readings}
    if cost is None:  # what the commands make of the readings is the next best, where the service steered
        plans = plans_between(lake, site_name, actual.day, actual.day)
        own = plans.filter(plans["system_id"] == system_id(site_name))
        schedules.pop("actual")
        if own.height:
            schedules["actual"] = planned_schedule(actual, own)
            cost = _settled(schedules["actual"], actual)["actual"]
    references = reference_schedules(actual, REFERENCES)
    costs = {"actual": cost, **_settled(references, actual)}
    if not has_demand_charge(actual.site):
        return ChargedDay(actual, costs, {})
    simple = {name: references.filter(pl.col("policy") == name) for name in REFERENCES if name != "oracle"}
    return charged_day(actual, costs, {**schedules, **simple})


def _settled(schedules: pl.DataFrame, actual: ActualDay) -> dict[str, float]:
    """Return the cost of each policy on a day, settled [money]."""
    results = daily_results(schedules, actual.protocol, actual.site)
    return dict(zip(results["policy"].to_list(), results["cost"].to_list(), strict=True))


def _day(charged: ChargedDay) -> Day:
    """Return the costs of a day, and its start where that was outside the usable range."""
    outside = charged.actual.start_soc_kwh if charged.actual.start_note else None
    return {**charged.costs, "start_outside": outside}


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
