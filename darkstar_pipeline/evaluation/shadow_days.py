"""Days of shadow policies beside what the home really paid, each from the stored energy that it had at midnight.

Where power is charged, every cost is with what its day adds to the charge of its month. A range that begins inside a
month goes on from the peaks of the days before it, as the home had them; from then on each way has its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.month_before import month_before
from darkstar_pipeline.evaluation.actual_bills import ChargedDay, charged_day, month_costs
from darkstar_pipeline.evaluation.actual_days import ActualDay, metered_cost, planned_schedule, reference_schedules
from darkstar_pipeline.evaluation.plan_history import system_id
from darkstar_pipeline.evaluation.range_verdict import ORACLE, replayed_schedule
from env.power_tariff import EarlierDays
from planner.demand_charges.bills import has_demand_charge
from planner.evaluation.daily_results import daily_results

IDLE, OWN, METERED, PLANNED, REFERENCE = "idle", "policy", "metered", "planned", "reference"


@dataclass(frozen=True)
class ShadowDay:
    """A day of one shadow policy.

    Attributes:
        charged: the day with its costs by way and their peaks.
        source: whether the plans were `recorded`, or the policy was `replayed`.
        end_soc_kwh: stored energy of the policy at the day's end [kWh].
    """

    charged: ChargedDay
    source: str
    end_soc_kwh: float


def shadow_rows(
    context: Context, days: Sequence[ActualDay], plans: pl.DataFrame, policies: Sequence[str]
) -> list[dict[str, Any]]:
    """Return a row per day and policy; `lived_cost` and `lived_plan_cost` are the keys of 0.1, for one release.

    Args:
        context: the site.
        days: the days, in order.
        plans: recorded plans of all systems on those days.
        policies: the shadow policies.
    """
    by_policy: list[list[dict[str, Any]]] = []
    before = month_before(context.lake, context.site, days[0].day) if days else ()
    for policy in policies:
        found: list[ShadowDay] = []
        for day in days:
            own = tuple((each.charged.actual.day, each.charged.peaks[OWN]) for each in found if each.charged.peaks)
            so_far = replace(day, protocol=replace(day.protocol, month_before=(*before, *own)))
            found.append(_shadow_day(context, so_far, plans.filter(pl.col("plan_date") == day.day), policy))
        paid = _paid([each.charged for each in found], before, charged=has_demand_charge(context.site))
        by_policy.append([_row(context, each, policy, paid[each.charged.actual.day]) for each in found])
    return [row for of_day in zip(*by_policy, strict=True) for row in of_day]


def _shadow_day(context: Context, actual: ActualDay, plans: pl.DataFrame, policy: str) -> ShadowDay:
    own = plans.filter(pl.col("system_id") == system_id(context.site_name, policy))
    service_plans = plans.filter(pl.col("system_id") == system_id(context.site_name))
    references = reference_schedules(actual, (IDLE, ORACLE))
    schedules = {
        OWN: planned_schedule(actual, own, policy)
        if own.height
        else replayed_schedule(context, policy, [actual.day], actual.protocol),
        IDLE: references.filter(pl.col("policy") == IDLE),
        ORACLE: references.filter(pl.col("policy") == ORACLE),
        **({PLANNED: planned_schedule(actual, service_plans)} if service_plans.height else {}),
    }
    results = {way: daily_results(each, actual.protocol, actual.site) for way, each in schedules.items()}
    costs: dict[str, float | None] = {way: float(result["cost"][0]) for way, result in results.items()}
    costs = {PLANNED: None, **costs, METERED: metered_cost(actual)}
    metered = costs[METERED] is not None
    costs[REFERENCE] = costs[METERED] if metered else costs[PLANNED]
    source, end = "recorded" if own.height else "replayed", float(results[OWN]["end_soc_kwh"][0])
    if not has_demand_charge(actual.site):
        return ShadowDay(ChargedDay(actual, costs, {}), source, end)
    del schedules[ORACLE]  # days on their own do not see the charge; that of the month does
    if metered:
        schedules[METERED] = actual.readings
    if costs[REFERENCE] is not None:
        schedules[REFERENCE] = schedules[METERED if metered else PLANNED]
    return ShadowDay(charged_day(actual, costs, schedules), source, end)


def _paid(days: Sequence[ChargedDay], before: EarlierDays, *, charged: bool) -> dict[date, dict[str, float | None]]:
    """Return the costs of each day, with what it adds to its month's charge where power is charged."""
    if not charged:
        return {day.actual.day: dict(day.costs) for day in days}
    months: dict[date, list[ChargedDay]] = {}
    for day in days:
        months.setdefault(day.actual.day.replace(day=1), []).append(day)
    return {day: costs for month in months.values() for day, costs in month_costs(month, REFERENCE, before).items()}


def _row(context: Context, found: ShadowDay, policy: str, paid: dict[str, float | None]) -> dict[str, Any]:
    actual, cost, reference = found.charged.actual, paid[OWN], paid[REFERENCE]
    return {
        "day": actual.day,
        "policy": policy,
        "system_id": system_id(context.site_name, policy),
        "source": found.source,
        "cost": cost,
        "actual_cost": paid[METERED],
        "planned_cost": paid[PLANNED],
        "lived_cost": paid[METERED],
        "lived_plan_cost": paid[PLANNED],
        "difference": None if reference is None or cost is None else cost - reference,
        "idle_cost": paid[IDLE],
        "oracle_cost": paid[ORACLE],
        "start_soc_kwh": actual.start_soc_kwh,
        "start_soc_source": "observed" if actual.start_read else "protocol",
        "start_soc_note": actual.start_note,
        "end_soc_kwh": found.end_soc_kwh,
    }
