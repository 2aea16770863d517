"""The oracle with a demand charge: the least that the days of a month could have cost, the month's charge included.

Daily episodes share nothing but the month's peaks. By the identity of `peak_threshold` a charge per kW of the mean is

    month = min over t of  [ rate * t + sum over days of g_d(t) ]

where `g_d(t)` is a day's optimum with `rate / N` charged for every kW above t. Every `g_d` is convex and its slope is
the program's dual, so cuts below it close in on the month's least cost from both sides (Kelley 1960, "The cutting-plane
method for solving convex programs"), with a threshold for each component. Cuts come from the linear programs, before
any binary for odd prices: the bound is then a little low, never high.

Steps and a least number of kW are no price per kW. For them the bound is the best lower bound that prices in their
place give (weak duality): `V(rate) - rate * end of the step + cost of the step`. That is a lower bound, and its
distance from the schedule returned with it is its `gap`. Of two such components only one is searched; the others count
with their least cost.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from scipy.optimize import linprog

from env.inverter import Energy
from env.power_tariff import TIER_SLACK_KW, PowerTariff
from env.site import Site
from planner.errors import SolverError
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.peak_calendar import HorizonDemandCharge, horizon_demand_charges
from planner.optimizer.peak_threshold import ThresholdShape
from planner.optimizer.solution import IMPORT, Solution
from planner.value.protocol import Protocol

MOST_ROUNDS = 100
CLOSE = 1e-7  # of the cost: nearer than this the bound and the cost are one
SEARCHES = 8  # rates that are tried for a step
FIRST_RATE = 10.0  # money/kW


@dataclass(frozen=True, kw_only=True)
class MonthOptimum:
    """The least cost of the days of a month with its demand charge.

    Attributes:
        flows: of each day `(n_slots, 6)`, as `Solution.flows`.
        thresholds_kw: above which a peak was charged, a number a component [kW].
        bound: lower bound of every policy's cost: cost of the days, settled, and the charge [money].
    """

    flows: tuple[Energy, ...]
    thresholds_kw: tuple[float, ...]
    bound: float


@dataclass(frozen=True)
class LowerBound:
    """A lower bound: cost of the days + sum of rate * mean is at least `value`, met at `thresholds`."""

    rates: Energy
    value: float
    thresholds: Energy
    means_kw: Energy


class DayProblem:
    """The program of one day whose power above a threshold has a price.

    Args:
        slots: of the day: `slot_start, import_price, export_price, load_kwh, pv_kwh`.
        site: the home.
        protocol: start and settlement.
        tariffs: the components of the charge.
    """

    def __init__(self, slots: pl.DataFrame, site: Site, protocol: Protocol, tariffs: Sequence[PowerTariff]) -> None:
        import_price, export_price, load, pv = (
            slots[name].cast(pl.Float64).to_numpy() for name in ("import_price", "export_price", "load_kwh", "pv_kwh")
        )
        self.tariffs = tuple(tariffs)
        self.demands: tuple[HorizonDemandCharge, ...] = horizon_demand_charges(
            slots["slot_start"], tariffs, site.timezone, ()
        )
        self.shapes = tuple(ThresholdShape.of(demand.calendar) for demand in self.demands)
        settlement = protocol.settlement(import_price, site.battery)
        self.program = HomeProgram(site.commanded, slots.height, thresholds=self.shapes)
        self.program.clear_basis()
        self.program.set_prices(import_price, export_price, settlement)
        self.program.set_house(load, pv, export_price)
        self.program.start_at(0, protocol.start_soc_kwh)
        self.start_value = settlement * protocol.start_soc_kwh

    @cached_property
    def free(self) -> tuple[float, Energy, Solution]:
        """The day without a demand charge, as `relaxed`."""
        nothing = np.zeros(len(self.tariffs))
        return self.relaxed(nothing, nothing)

    def relaxed(self, thresholds: Energy, rates: Energy) -> tuple[float, Energy, Solution]:
        """Return the least cost with power above thresholds charged, its slope in each of them, and the solution."""
        self._charge(thresholds, rates)
        solution = self.program.run()
        slopes = np.array([-float(prices.sum()) for prices in solution.power_prices])
        charge = sum(float(each.sum()) for each in self._charges(solution.flows[:, IMPORT], thresholds, rates))
        return self.cost(solution) + charge, slopes, solution

    def schedule(self, thresholds: Energy, rates: Energy, time_limit: float) -> Solution:
        """Solve with every rule kept: a schedule."""
        self._charge(thresholds, rates)
        return self.program.solve(time_limit=time_limit)

    def cost(self, solution: Solution) -> float:
        """Return the cost of the day without its demand charge, settled [money]."""
        return solution.objective + self.start_value

    def peaks(self, import_kwh: Energy) -> list[Energy]:
        """Return the peaks of the day, of each component [kW]."""
        return [shape.excess(import_kwh, np.zeros(shape.n_periods)) for shape in self.shapes]

    def _charge(self, thresholds: Energy, rates: Energy) -> None:
        for number, (shape, tariff) in enumerate(zip(self.shapes, self.tariffs, strict=True), start=1):
            free = np.full(shape.n_periods, thresholds[number - 1])
            self.program.charge_above(number, free, np.full(shape.n_peaks, rates[number - 1] / tariff.top))

    def _charges(self, import_kwh: Energy, thresholds: Energy, rates: Energy) -> list[Energy]:
        return [
            rate / tariff.top * shape.excess(import_kwh, np.full(shape.n_periods, level))
            for shape, tariff, level, rate in zip(self.shapes, self.tariffs, thresholds, rates, strict=True)
        ]


class MonthOracle:
    """The days of one month with the components of its charge.

    Args:
        days: slots of each day, or its problem, to use again.
        site: the home.
        protocol: start and settlement.
        tariffs: the components in force.
        weight: number of times each day is counted; 1 for a month as it was.
        past_peaks_kw: peaks of the month so far, of each component [kW].
    """

    def __init__(
        self,
        days: Sequence["pl.DataFrame | DayProblem"],
        site: Site,
        protocol: Protocol,
        tariffs: Sequence[PowerTariff],
        *,
        weight: float = 1.0,
        past_peaks_kw: Sequence[Sequence[float]] | None = None,
    ) -> None:
        self.tariffs = tuple(tariffs)
        self.days = [
            each if isinstance(each, DayProblem) else DayProblem(each, site, protocol, tariffs) for each in days
        ]
        self.weight = weight
        self.past_peaks_kw = (
            [np.array(peaks_kw) for peaks_kw in past_peaks_kw] if past_peaks_kw else [np.zeros(0) for _ in tariffs]
        )
        self.counts = [any(day.shapes[k].n_periods for day in self.days) for k in range(len(self.tariffs))]

    @cached_property
    def _free(self) -> list[tuple[float, Energy, Solution]]:
        """Each day without a demand charge."""
        return [day.free for day in self.days]

    @cached_property
    def _highest(self) -> Energy:
        """The highest peak of days without a demand charge, above which no threshold is needed [kW]."""
        peaks = [day.peaks(answer[2].flows[:, IMPORT]) for day, answer in zip(self.days, self._free, strict=True)]
        of_days = [max((float(p[k].max(initial=0.0)) for p in peaks), default=0.0) for k in range(len(self.tariffs))]
        of_past = [float(past.max(initial=0.0)) for past in self.past_peaks_kw]
        return np.maximum(of_days, of_past)

    def lower_bound(self, rates: Energy, *, close: float = CLOSE) -> LowerBound:
        """Minimise the days' cost and the means at these rates, by cuts below each day's convex cost (Kelley)."""
        master = _MasterProblem(rates, self._highest, len(self.days), self.weight)
        for day, (value, _, _) in enumerate(self._free):
            master.cut(day, value, np.zeros(len(rates)), self._highest)
        for k, peaks in enumerate(self.past_peaks_kw):
            master.charge_past_peaks(rates[k] / self.tariffs[k].top, k, peaks)
        best, lower, best_thresholds = math.inf, -math.inf, self._highest
        thresholds = self._highest / 2
        for _ in range(MOST_ROUNDS):
            cost = float(rates @ thresholds) + self._past_peak_charge(rates, thresholds)
            for day, problem in enumerate(self.days):
                value, slopes, _ = problem.relaxed(thresholds, rates)
                cost += self.weight * value
                master.cut(day, value, slopes, thresholds)
            if cost < best:
                best, best_thresholds = cost, thresholds
            lower, thresholds = master.solve()
            if best - lower <= close * max(1.0, abs(best)):
                break
        return LowerBound(rates, min(lower, best), best_thresholds, self._means(best_thresholds, rates))

    def _past_peak_charge(self, rates: Energy, thresholds: Energy) -> float:
        parts = zip(self.past_peaks_kw, self.tariffs, rates, thresholds, strict=True)
        return sum(float(rate / tariff.top * np.maximum(kw - t, 0.0).sum()) for kw, tariff, rate, t in parts)

    def _means(self, thresholds: Energy, rates: Energy) -> Energy:
        """Return the mean of the highest peaks of each component at these thresholds [kW]."""
        peaks = [day.peaks(day.relaxed(thresholds, rates)[2].flows[:, IMPORT]) for day in self.days]
        return np.array([self._mean_with_past(k, [p[k] for p in peaks]) for k in range(len(self.tariffs))])

    def optimum(self, time_limit: float) -> MonthOptimum:
        """Return the bound, and a schedule of every day that reaches it or comes near."""
        stepped = [k for k, t in enumerate(self.tariffs) if self.counts[k] and (t.tiers or t.minimum_kw > 0)]
        rates = np.array([0.0 if k in stepped else t.price_per_kw for k, t in enumerate(self.tariffs)])
        rates = np.where(self.counts, rates, 0.0)
        if not stepped:
            bound = self.lower_bound(rates)
            return self._scheduled(bound, bound.value, time_limit)
        others = sum(self.tariffs[k].cost(self._mean_with_past(k, [])) for k in stepped[1:])
        return self._stepped(stepped[0], rates, others, time_limit)

    def _stepped(self, k: int, rates: Energy, others: float, time_limit: float) -> MonthOptimum:
        """Return the best optimum that rates in place of the steps of component `k` give."""
        tariff, bounds = self.tariffs[k], list[LowerBound]()

        def try_rate(rate: float) -> LowerBound:
            bounds.append(self.lower_bound(np.where(np.arange(len(rates)) == k, rate, rates)))
            return bounds[-1]

        for rate in dict.fromkeys((0.0, tariff.price_per_kw)):
            try_rate(rate)
        for end in _breakpoints_kw(tariff):
            low, high = 0.0, math.inf
            for _ in range(SEARCHES):
                rate = (low + high) / 2 if math.isfinite(high) else max(2 * low, FIRST_RATE)
                if try_rate(rate).means_kw[k] > end:
                    low = rate
                else:
                    high = rate
        bound = _best_bound(tariff, k, bounds) + others
        optima = [self._scheduled(lower, bound, time_limit) for lower in bounds]
        return min(optima, key=self.cost_of)

    def _scheduled(self, lower: LowerBound, bound: float, time_limit: float) -> MonthOptimum:
        solutions = [day.schedule(lower.thresholds, lower.rates, time_limit) for day in self.days]
        return MonthOptimum(
            flows=tuple(solution.flows for solution in solutions),
            thresholds_kw=tuple(lower.thresholds.tolist()),
            bound=bound,
        )

    def cost_of(self, optimum: MonthOptimum) -> float:
        """Return the cost of the days' schedules with the month's bill [money]."""
        total, peaks = 0.0, list[list[Energy]]()
        for day, flows in zip(self.days, optimum.flows, strict=True):
            total += float((day.program.cost * flows).sum()) + day.start_value
            peaks.append(day.peaks(flows[:, IMPORT]))
        for k, tariff in enumerate(self.tariffs):
            if self.counts[k]:
                total += tariff.cost(self._mean_with_past(k, [p[k] for p in peaks]))
        return total

    def _mean_with_past(self, k: int, peaks_kw: Sequence[Energy]) -> float:
        """Return the mean of a component's highest peaks, those of the month so far among them [kW]."""
        return _mean_of_highest(np.concatenate([self.past_peaks_kw[k], *peaks_kw]), self.tariffs[k].top)


class _MasterProblem:
    """The master problem of the cutting planes: the best thresholds by the cuts so far, and their lower bound."""

    def __init__(self, rates: Energy, highest: Energy, n_days: int, weight: float) -> None:
        self.rates, self.n_days = rates, n_days
        self.bounds: list[tuple[float | None, float | None]] = [(0.0, float(most)) for most in highest]
        self.bounds += [(None, None)] * n_days
        self.cost = np.concatenate([rates, np.full(n_days, weight)])
        self.rows: list[Energy] = []
        self.right: list[float] = []

    def cut(self, day: int, value: float, slopes: Energy, at: Energy) -> None:
        """Add a cut: the day's cost is at least `value + slopes @ (t - at)`."""
        row = np.zeros(len(self.cost))
        row[: len(self.rates)], row[len(self.rates) + day] = slopes, -1.0
        self.rows.append(row)
        self.right.append(float(slopes @ at) - value)

    def charge_past_peaks(self, price: float, k: int, peaks_kw: Energy) -> None:
        """Charge peaks of the month so far as far as they are above the threshold."""
        for kw in peaks_kw.tolist():
            self.rows = [np.append(row, 0.0) for row in self.rows]
            self.cost = np.append(self.cost, price)
            self.bounds.append((0.0, None))
            row = np.zeros(len(self.cost))
            row[k], row[-1] = -1.0, -1.0
            self.rows.append(row)
            self.right.append(-kw)

    def solve(self) -> tuple[float, Energy]:
        """Return the least cost by the cuts, and its thresholds."""
        optimum = linprog(self.cost, A_ub=np.array(self.rows), b_ub=np.array(self.right), bounds=self.bounds)
        if optimum.x is None:
            message = f"the thresholds of a month were not found: {optimum.message}"
            raise SolverError(message)
        return float(optimum.fun), np.array(optimum.x[: len(self.rates)])


def _breakpoints_kw(tariff: PowerTariff) -> list[float]:
    """Return the means at which the charge has a breakpoint [kW]."""
    if not tariff.tiers:
        return [tariff.minimum_kw]
    return [tier.up_to_kw for tier in tariff.tiers[:-1] if tier.up_to_kw >= tariff.minimum_kw]


def _best_bound(tariff: PowerTariff, k: int, lower: Sequence[LowerBound]) -> float:
    """Return the highest lower bound of days and a stepped charge that some rates give [money]."""
    if not tariff.tiers:
        within = [bound for bound in lower if bound.rates[k] <= tariff.price_per_kw]
        return max(bound.value + (tariff.price_per_kw - bound.rates[k]) * tariff.minimum_kw for bound in within)
    free = max(bound.value for bound in lower if bound.rates[k] == 0)
    bounds = [free + tariff.tiers[-1].cost]
    for tier in tariff.tiers[:-1]:
        if tier.up_to_kw + TIER_SLACK_KW >= tariff.minimum_kw:
            end = tier.up_to_kw + TIER_SLACK_KW
            bounds.append(tier.cost + max(bound.value - bound.rates[k] * end for bound in lower))
    return min(bounds)


def _mean_of_highest(peaks_kw: Energy, top: int) -> float:
    return float(np.sort(peaks_kw)[::-1][:top].sum()) / top
