"""The report of a month: the bill beside other ways of running the home, peaks, energy, and the quality of the data.

Every way is priced by `evaluation.actual_costs` on the same days: those whose actual cost is known, or, where it is
known of none, all that can be compared. Days that cannot be compared are named with their reasons; nothing is scaled up
to the whole month.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.analyst.energies import ForecastError, MeteredEnergy, forecast_errors, metered_energy
from darkstar_pipeline.analyst.peaks import MonthPeaks, month_peaks
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.evaluation.actual_costs import (
    NO_SUN,
    REFERENCES,
    ActualCosts,
    DayCosts,
    captured_share,
    total_cost,
)
from darkstar_pipeline.evaluation.actual_days import ACTUAL
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY, PRICE_REPAIRS
from env.time_grid import days_between
from planner.demand_charges.bills import month_days
from planner.wording.messages import phrase
from planner.wording.texts import Text

WAYS = (ACTUAL, NO_SUN, *REFERENCES)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Days of the month that are not in its costs, with the reason."""

    day: date
    reason: Text


@dataclass(frozen=True, kw_only=True)
class DayCost:
    """Costs of a compared day by way; None where not known [money]."""

    day: date
    costs: dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class MonthReport:
    """The report of a month.

    Attributes:
        site: name of the home.
        currency: of every cost.
        first_day: the first day of the month.
        last_day: the last day that has passed, or the month's last.
        days: the compared days, in order.
        costs: sum of the compared days by way: actual, no_sun (neither panels nor battery), idle, self_consumption,
            oracle; None where a way is not known [money].
        captured_share: share of what the oracle saves against idle, 0-1; None where it saves nothing.
        left_out: days that are not in the costs.
        peaks: the demand charge so far; its cost is in the costs of the days.
        energy: metered energy.
        forecasts: error of load and PV, by quantity.
        grades: number of days by grade.
        repaired_prices: slots whose price was repaired.
    """

    site: str
    currency: str
    timezone: str
    first_day: date
    last_day: date
    days: tuple[DayCost, ...]
    costs: dict[str, float | None]
    captured_share: float | None
    left_out: tuple[LeftOut, ...]
    peaks: MonthPeaks
    energy: MeteredEnergy
    forecasts: dict[str, ForecastError]
    grades: dict[str, int]
    repaired_prices: int

    def saved(self, way: str) -> float | None:
        """Return what the home saved against a way on the compared days [money]; None where either is not known."""
        cost, actual = self.costs[way], self.costs[ACTUAL]
        return None if cost is None or actual is None else cost - actual


def month_report(context: Context, costs: ActualCosts, month: date, today: date) -> MonthReport:
    """Return the report of a local month, up to the day before `today`.

    Args:
        context: the site.
        costs: the costs of its days.
        month: first day of the month.
        today: the present local day.

    Raises:
        DataMissingError: the month has not begun, or none of its days is graded.
        MissingTariffError: the month is over before the tariff's first version begins.
    """
    last = min(month.replace(day=month_days(month)), today - timedelta(days=1))
    if last < month:
        raise DataMissingError(
            phrase("{month} has no day that is over yet", month=f"{month:%Y-%m}"), phrase("give an earlier --month")
        )
    days = list(days_between(month, last))
    known = costs.of_days(context, days)
    if not known:
        remedy = phrase(
            "run `darkstar backfill --from {first} --to {last}`; `darkstar quality` says why days are refused",
            first=str(month),
            last=str(last),
        )
        said = {"month": f"{month:%Y-%m}", "site": context.site_name}
        raise DataMissingError(phrase("no day of {month} can be compared for site {site}", **said), remedy)
    compared = {day: own for day, own in known.items() if own[ACTUAL] is not None} or known
    grades = context.lake.read(DATA_QUALITY_DAILY, context.site_name, month, last)
    totals = {way: total_cost(list(compared.values()), way) for way in WAYS}
    return MonthReport(
        site=context.site_name,
        currency=context.site.currency,
        timezone=context.timezone,
        first_day=month,
        last_day=last,
        days=tuple(DayCost(day=day, costs={way: own[way] for way in WAYS}) for day, own in compared.items()),
        costs=totals,
        captured_share=captured_share(totals[ACTUAL], totals["idle"], totals["oracle"]),
        left_out=tuple(_left_out(days, known, compared, grades)),
        peaks=month_peaks(context, month),
        energy=metered_energy(context, month, last),
        forecasts=forecast_errors(context, month, last),
        grades=dict(grades.group_by("status").agg(pl.len()).sort("status").iter_rows()),
        repaired_prices=context.lake.read(PRICE_REPAIRS, context.site_name, month, last).height,
    )


def _left_out(
    days: list[date], known: dict[date, DayCosts], compared: dict[date, DayCosts], grades: pl.DataFrame
) -> list[LeftOut]:
    """Return the days that are not in the costs, with the reason of each."""
    refused = {row["day"]: row["reasons"] or row["status"] for row in grades.to_dicts()}
    rows: list[LeftOut] = []
    for day in days:
        if day in compared:
            continue
        if day in known:
            reason = phrase("no metered cost: grid meters and state of charge are needed")
        elif day in refused:
            reason = phrase("refused: {reasons}", reasons=refused[day])
        else:
            reason = phrase("not graded: run `darkstar backfill`")
        rows.append(LeftOut(day=day, reason=reason))
    return rows
