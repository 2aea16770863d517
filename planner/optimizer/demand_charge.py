"""The demand charge as a plan weighs it, stated in CVXPY: which slots form which peak, and what the peaks cost.

    period_kw @ import_kwh + under_way_kw <= peak_of @ peaks        a peak is no lower than any mean of its day
    mean[month] = sum of the `top` largest of (peaks, settled) / top
    cost = price_per_kw * max(mean, minimum_kw)                     linear
    cost = tier_costs @ chosen, mean <= tier_ends @ chosen          a binary for each tier and month

All of it is convex but for the tiers, so a plan with a price per kW stays a linear program. What does not belong here:
the bill of what happened (`env.power_tariff`), and how anything is solved.
"""

from dataclasses import dataclass, field
from datetime import date

import cvxpy as cp
import numpy as np

from env.power_tariff import MonthState, PowerTariff
from planner.errors import PlannerError
from planner.optimizer.peak_calendar import HorizonDemandCharge, PeakCalendar
from planner.optimizer.peak_threshold import ThresholdShape

NO_LIMIT_KW = 1e4
"""End of the last tier where no limit of the home is named [kW]: far above any house."""


@dataclass(kw_only=True)
class DemandChargeTerm:
    """The charge of one component over a horizon, ready to be added to a problem.

    Attributes:
        tariff: the component.
        calendar: what it is stated for.
        peaks_kw: one value a peak, `(n_peaks,)` [kW].
        settled_kw: the month's settled peaks, `(top,)` [kW]; changes as the month goes on.
        floor_kw: what each peak is already, `(n_peaks,)` [kW].
        under_way_kw: what each period already holds, `(n_periods,)` [kW].
        most_kw: a power that import never exceeds [kW].
        cost: what the months of the horizon cost, the first with what it holds already [money, tax included].
        constraints: what ties the peaks to the import and the cost to the peaks.
        mean_kw: the mean that each month is charged for [kW].
        tiers: the binaries of each month, one a tier; empty for a price per kW.
    """

    tariff: PowerTariff
    calendar: PeakCalendar
    peaks_kw: cp.Variable
    settled_kw: cp.Parameter
    floor_kw: cp.Parameter
    under_way_kw: cp.Parameter
    most_kw: float
    cost: cp.Expression = field(default_factory=lambda: cp.Constant(0.0))
    constraints: list[cp.Constraint] = field(default_factory=list[cp.Constraint])
    mean_kw: dict[date, cp.Expression] = field(default_factory=dict[date, cp.Expression])
    tiers: dict[date, cp.Variable] = field(default_factory=dict[date, cp.Variable])

    def begin(self, state: MonthState) -> None:
        """Take over the month so far (the same month): the problem stays as it is, only its numbers change."""
        now = HorizonDemandCharge(tariff=self.tariff, calendar=self.calendar, state=state)
        self.settled_kw.value, self.floor_kw.value = now.settled_kw, now.floor_kw
        self.under_way_kw.value = now.under_way_kw


def no_mean_above_its_peak(
    import_kwh: cp.Expression, peaks_kw: cp.Expression, under_way_kw: cp.Expression, calendar: PeakCalendar
) -> cp.Constraint:
    """Every mean, with what its period already holds, is at most the peak of its day.

    Dual: what a kW more in that period costs by the month's charge [money/kW].
    """
    return calendar.period_kw @ import_kwh + under_way_kw <= calendar.peak_of @ peaks_kw


def excess_above(
    import_kwh: cp.Expression, excess_kw: cp.Variable, free_kw: cp.Parameter, shape: ThresholdShape
) -> cp.Constraint:
    """A peak is above its threshold by as much as its highest mean is.

    Dual: what a kW more in that period costs, by the price of a kW above the threshold [money/kW].
    """
    return shape.period_kw @ import_kwh - free_kw <= shape.peak_of @ excess_kw


def no_peak_below_what_was(peaks_kw: cp.Expression, floor_kw: cp.Expression) -> cp.Constraint:
    """Today's peak is at least what it has been already. Dual: what a kW less of it would save [money/kW]."""
    return peaks_kw >= floor_kw


def mean_of_largest(peaks_kw: cp.Expression, settled_kw: cp.Expression | None, top: int) -> cp.Expression:
    """Mean of the `top` largest of the planned and the settled peaks; days that are not there count as 0. Convex."""
    known = [peaks_kw] if settled_kw is None else [peaks_kw, settled_kw]
    candidates = cp.hstack(known)
    return cp.multiply(1 / top, cp.sum_largest(candidates, min(top, candidates.size)))


def within_tier(
    mean_kw: cp.Expression, chosen: cp.Variable, tariff: PowerTariff, most_kw: float
) -> list[cp.Constraint]:
    """One tier is chosen, and the mean is at most its end; the last tier ends where import does."""
    ends = np.array([tier.up_to_kw for tier in tariff.tiers])
    ends[-1] = max(ends[-1] if np.isfinite(ends[-1]) else 0.0, most_kw)
    return [cp.Zero(cp.sum(chosen) - 1), mean_kw <= ends @ chosen]


def cost_of_tier(chosen: cp.Variable, tariff: PowerTariff) -> cp.Expression:
    """Return the cost of the chosen tier [money]."""
    return np.array([tier.cost for tier in tariff.tiers]) @ chosen


def demand_charge_term(
    import_kwh: cp.Expression,
    calendar: PeakCalendar,
    state: MonthState,
    tariff: PowerTariff,
    *,
    most_kw: float = NO_LIMIT_KW,
    name: str = "power",
) -> DemandChargeTerm:
    """Add the demand charge of the horizon's import to a problem, with the month so far.

    Args:
        import_kwh: import of each slot `(n_slots,)` [kWh].
        calendar: of that horizon and component.
        state: the peaks so far of the month that the horizon begins in.
        tariff: the component.
        most_kw: a power that import never exceeds (the fuse); tightens the last tier [kW].
        name: what the names of its variables and parameters begin with; another for each component of a problem.

    Raises:
        PlannerError: the import has not the calendar's length.
    """
    if import_kwh.size != calendar.n_slots:
        message = f"import has {import_kwh.size} slots, the calendar {calendar.n_slots}"
        raise PlannerError(message)
    # CVXPY has no empty variables: where nothing counts they are one unused number long.
    peaks = cp.Variable(max(len(calendar.days), 1), nonneg=True, name=f"{name}_peaks_kw")
    settled = cp.Parameter(tariff.top, nonneg=True, name=f"{name}_settled_kw")
    floor = cp.Parameter(max(len(calendar.days), 1), nonneg=True, name=f"{name}_floor_kw")
    under_way = cp.Parameter(max(len(calendar.period_start), 1), nonneg=True, name=f"{name}_under_way_kw")
    charge = DemandChargeTerm(
        tariff=tariff,
        calendar=calendar,
        peaks_kw=peaks,
        settled_kw=settled,
        floor_kw=floor,
        under_way_kw=under_way,
        most_kw=most_kw,
    )
    charge.begin(state)
    if calendar.days:
        charge.constraints.append(no_mean_above_its_peak(import_kwh, peaks, under_way, calendar))
        charge.constraints.append(no_peak_below_what_was(peaks, floor))
    for month in HorizonDemandCharge(tariff=tariff, calendar=calendar, state=state).months:
        _charge_month(charge, month, settled if month == state.month else None, name)
    return charge


def _charge_month(charge: DemandChargeTerm, month: date, settled: cp.Parameter | None, name: str) -> None:
    """Add one month's cost, and its tiers where it has some."""
    tariff = charge.tariff
    inside = np.array([i for i, each in enumerate(charge.calendar.months) if each == month], dtype=np.int64)
    planned = charge.peaks_kw[inside] if len(inside) else cp.Constant(np.zeros(1))
    mean = mean_of_largest(planned, settled, tariff.top)
    charge.mean_kw[month] = mean
    charged = cp.maximum(mean, tariff.minimum_kw) if tariff.minimum_kw > 0 else mean
    if tariff.tiers:
        chosen = cp.Variable(len(tariff.tiers), boolean=True, name=f"{name}_tier_{month:%Y_%m}")
        charge.tiers[month] = chosen
        charge.constraints.extend(within_tier(charged, chosen, tariff, charge.most_kw))
        charge.cost += cost_of_tier(chosen, tariff)
    else:
        charge.cost += tariff.price_per_kw * charged
