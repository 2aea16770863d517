"""The cost of actual days and months, beside idle, self-consumption, the oracle, and a home without sun or battery.

Where power is charged, every cost is with what its day adds to the month's charge. Days are computed once and cached
until one of their files is replaced, months where one of their days is.
"""

import threading
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TypeAlias

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.evaluation.actual_bills import ChargedDay, charged_day, month_costs
from darkstar_pipeline.evaluation.actual_days import (
    ACTUAL,
    ActualDay,
    actual_days,
    metered_cost,
    planned_schedule,
    reference_schedules,
    without_sun,
)
from darkstar_pipeline.evaluation.plan_history import plans_between, system_id
from darkstar_pipeline.warehouse.schemas import (
    ANTARES_PLAN_HISTORY,
    DATA_QUALITY_DAILY,
    METER_READINGS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
)
from darkstar_pipeline.warehouse.tables import Tables
from env.time_grid import days_between
from planner.demand_charges.bills import has_demand_charge
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verdict import LEAST_POSSIBLE

REFERENCES = ("idle", "self_consumption", "oracle")
NO_SUN = "no_sun"
"""The way of a home that has neither panels nor a battery."""
START_OUTSIDE = "start_outside"
DayCosts: TypeAlias = dict[str, float | None]
"""Cost of a day by way [money], None where not known; under `START_OUTSIDE` a start outside the usable range [kWh]."""
_RESTS_ON = (DATA_QUALITY_DAILY, METER_READINGS, SLOT_OBSERVATIONS, SPOT_PRICES, ANTARES_PLAN_HISTORY)


class ActualCosts:
    """The costs of a site's actual days, cached by day; thread-safe."""

    def __init__(self) -> None:
        self._days: dict[date, tuple[object, DayCosts | None]] = {}
        self._charged: dict[date, ChargedDay] = {}
        self._months: dict[date, tuple[object, dict[date, DayCosts]]] = {}
        self._lock = threading.Lock()

    def of_days(self, context: Context, days: Sequence[date]) -> dict[date, DayCosts]:
        """Return the costs of local days, with what each adds to its month's charge where power is charged.

        Days that are not graded, or refused, are not there.
        """
        with self._lock:
            return self._paid(context, days)

    def _paid(self, context: Context, days: Sequence[date]) -> dict[date, DayCosts]:
        if not days or not has_demand_charge(context.site):
            return self._costs(context, days)
        first = days[0].replace(day=1)  # the peaks of the month's days before the first one count
        known = self._costs(context, list(days_between(first, days[0] - timedelta(days=1))) + list(days))
        months: dict[date, list[date]] = {}
        for day in known:
            months.setdefault(day.replace(day=1), []).append(day)
        paid: dict[date, DayCosts] = {}
        for month, of_month in months.items():
            key = tuple((day, self._days[day][0]) for day in of_month)
            if self._months.get(month, (None, None))[0] != key:
                costs = month_costs([self._charged[day] for day in of_month], ACTUAL)
                self._months[month] = (key, {day: {**known[day], **own} for day, own in costs.items()})
            paid |= self._months[month][1]
        return {day: costs for day, costs in paid.items() if day >= days[0]}

    def _costs(self, context: Context, days: Sequence[date]) -> dict[date, DayCosts]:
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


def _charged_day(lake: Tables, site_name: str, actual: ActualDay) -> ChargedDay:
    """Return the actual cost of a day and its reference costs, with their peaks where power is charged."""
    cost, schedules = metered_cost(actual), {ACTUAL: actual.readings}
    if cost is None:  # what the commands make of the readings is the next best, where the service steered
        plans = plans_between(lake, site_name, actual.day, actual.day)
        own = plans.filter(plans["system_id"] == system_id(site_name))
        schedules.pop(ACTUAL)
        if own.height:
            schedules[ACTUAL] = planned_schedule(actual, own)
            cost = _settled(schedules[ACTUAL], actual)[ACTUAL]
    references = pl.concat((reference_schedules(actual, REFERENCES), without_sun(actual, NO_SUN)))
    costs = {ACTUAL: cost, **_settled(references, actual)}
    if not has_demand_charge(actual.site):
        return ChargedDay(actual, costs, {})
    simple = {name: references.filter(pl.col("policy") == name) for name in (*REFERENCES, NO_SUN) if name != "oracle"}
    return charged_day(actual, costs, {**schedules, **simple})


def _settled(schedules: pl.DataFrame, actual: ActualDay) -> dict[str, float]:
    """Return the cost of each policy on a day, settled [money]."""
    results = daily_results(schedules, actual.protocol, actual.site)
    return dict(zip(results["policy"].to_list(), results["cost"].to_list(), strict=True))


def _day(charged: ChargedDay) -> DayCosts:
    """Return the costs of a day, and its start where that was outside the usable range."""
    outside = charged.actual.start_soc_kwh if charged.actual.start_note else None
    return {**charged.costs, START_OUTSIDE: outside}


def total_cost(days: Sequence[DayCosts], way: str) -> float | None:
    """Return the sum of a way's costs [money]; None where it is not known of every day, or there is none."""
    known = [cost for day in days if (cost := day[way]) is not None]
    return sum(known) if known and len(known) == len(days) else None


def captured_share(actual: float | None, idle: float | None, oracle: float | None) -> float | None:
    """Return the share captured of what the oracle saves against idle, 0-1; None where unknown, or nothing to save."""
    if actual is None or idle is None or oracle is None or idle - oracle <= LEAST_POSSIBLE:
        return None
    return (idle - actual) / (idle - oracle)
