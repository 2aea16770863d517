"""Demand charges of actual days: what each adds to its month's charge as metered, and run in other ways.

A month is billed on the same days in every way. The oracle is that of the month's days together, each from the stored
energy that the home really had at its midnight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from darkstar_pipeline.evaluation.actual_days import ActualDay
from env.power_tariff import DayPeaks, EarlierDays
from planner.demand_charges.day_charges import added_charges, earlier_peaks, peaks_of_days
from planner.demand_charges.month_bound import DayProblem, MonthOracle
from planner.optimizer.solution import IMPORT
from planner.replay.schedules import ORACLE_SECONDS

ORACLE = "oracle"


@dataclass(frozen=True)
class ChargedDay:
    """A day with its peaks.

    Attributes:
        actual: the day.
        costs: cost without the demand charge, by way of running the battery; None where it is not known [money].
        peaks: its peaks by way, the oracle's left out.
    """

    actual: ActualDay
    costs: Mapping[str, float | None]
    peaks: Mapping[str, DayPeaks]


def charged_day(
    actual: ActualDay, costs: Mapping[str, float | None], schedules: Mapping[str, pl.DataFrame]
) -> ChargedDay:
    """Return a day with the peaks of some schedules, by way: `slot_start, import_kwh`."""
    day = pl.lit(actual.day).alias("local_day")
    peaks = {
        way: peaks_of_days(schedule.select("slot_start", "import_kwh", day), actual.site)[actual.day]
        for way, schedule in schedules.items()
    }
    return ChargedDay(actual, costs, peaks)


def month_costs(
    days: Sequence[ChargedDay], first: str, before: EarlierDays = ()
) -> dict[date, dict[str, float | None]]:
    """Return the costs of a month's days with what each adds to its charge, by day and way.

    Args:
        days: of one month, in order.
        first: the way whose cost decides which days are billed: those where it is known, or all where it never is.
        before: peaks of the month's days before, which stand in every way.
    """
    billed = [day for day in days if day.costs[first] is not None] or list(days)
    site = billed[0].actual.site
    paid = {day.actual.day: dict(day.costs) for day in days}
    for way in billed[0].costs:
        own = month_oracle([day.actual for day in billed], before) if way == ORACLE else _own(billed, way)
        added = added_charges({day: peaks for day, (_, peaks) in own.items()}, site, before)
        for day, (cost, _) in own.items():
            paid[day][way] = cost + added[day]
    return paid


def _own(days: Sequence[ChargedDay], way: str) -> dict[date, tuple[float, DayPeaks]]:
    """Return cost without the charge and peaks of the days on which both are known."""
    costs = ((day, day.costs[way]) for day in days if way in day.peaks)
    return {day.actual.day: (cost, day.peaks[way]) for day, cost in costs if cost is not None}


def month_oracle(days: Sequence[ActualDay], before: EarlierDays = ()) -> dict[date, tuple[float, DayPeaks]]:
    """Return cost without the charge [money] and peaks of each day of a month, run best together with its charge.

    Peaks of the month's days before stand.
    """
    site, month = days[0].site, days[0].day.replace(day=1)
    tariffs = site.tariff.charges_of_month(month)
    earlier = earlier_peaks(before, month, len(tariffs))
    problems = [DayProblem(each.slots, site, each.protocol, tariffs) for each in days]
    optimum = MonthOracle(problems, site, days[0].protocol, tariffs, past_peaks_kw=earlier).optimum(ORACLE_SECONDS)
    return {
        each.day: (
            float((problem.program.cost * flows).sum()) + problem.start_value,
            tuple(tuple(kw.tolist()) for kw in problem.peaks(flows[:, IMPORT])),
        )
        for each, problem, flows in zip(days, problems, optimum.flows, strict=True)
    }
