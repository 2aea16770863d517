"""The home's program for re-use: prices, house and starting point change between solves, in place.

The statement is `formulation`'s; here are its parameters in the words of a day, and the answer in the words of a
schedule. Where an answer charges and discharges, or imports and exports, in one slot (odd prices only), those slots get
a binary and are solved again (`exclusive_flows`).

A fuse can be exceeded by a house that draws too much. The program then exceeds it by the least there is, and only among
such schedules looks for the cheapest: a policy that breaks the fuse where it could be kept may pay less than that.
"""

from collections.abc import Sequence

import numpy as np

from env.battery import Battery
from env.inverter import Energy, slot_limit
from env.site import Site
from planner.byhand.commands import HandCommands
from planner.care.soc_targets import SocTargets
from planner.errors import PlannerError
from planner.optimizer.block_scheduling import solve_spaced
from planner.optimizer.compiled_form import Wishes, compiled_form, shared_form
from planner.optimizer.deferrable_loads import PlannedLoads
from planner.optimizer.exclusive_flows import solve_exclusive
from planner.optimizer.peak_calendar import HorizonDemandCharge
from planner.optimizer.peak_threshold import ThresholdShape, counted
from planner.optimizer.solution import CHARGE, DISCHARGE, EXPORT, IMPORT, KINDS, NAMES, SOC, Solution, SolverRecord
from planner.optimizer.warm_solver import LARGE_COLUMNS, MIP_SECONDS, Answer, WarmStartedProgram

OVER_FUSE = 1e4  # times the dearest price there is, and at least 1, per kWh above the fuse: the last way out
AT_ANY_PRICE = 1e3  # times that dearest price, for a wish without a limit: above any demand charge, below the fuse
_BEFORE = ("charge", "discharge", "import", "export", "curtail")  # flows that are none before the horizon begins


class HomeProgram:
    """The program of one home for a number of slots.

    Args:
        site: batteries and limits.
        n_slots: slots of the horizon.
        end_steps: steps of the value curve of what is stored at the end (`set_end_curve`); 0 for a value per kWh.
        loads: planned loads, if any.
        power: components of the demand charge over the horizon, if any; compiling them takes 0.1 s.
        thresholds: power above which there is a price (`charge_above`), if any; without a price there is none.
        targets: reserve and care (`set_targets`), if any.
        by_hand: commands that people have set, if any.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, the parts of a plan
        self,
        site: Site,
        n_slots: int,
        *,
        end_steps: int = 0,
        loads: PlannedLoads | None = None,
        power: Sequence[HorizonDemandCharge] = (),
        thresholds: Sequence[ThresholdShape] = (),
        targets: SocTargets | None = None,
        by_hand: HandCommands | None = None,
    ) -> None:
        self.site, self.n_slots, self.by_hand = site, n_slots, by_hand
        self.first: int = 0  # slot that the horizon begins at
        self.end_soc_kwh: float | None = None
        self.end_steps = end_steps
        self.loads = loads if loads is not None else PlannedLoads()
        self.fused = site.limits.import_kw is not None
        self.power = tuple(power)
        self.thresholds = tuple(thresholds)
        parts = (site.battery, site.extra_batteries, site.limits, n_slots, end_steps, self.loads.shapes)
        if self.power and self.thresholds:
            message = "a program takes a whole demand charge or thresholds of it, not both"
            raise PlannerError(message)
        wishes = Wishes(targets=targets is not None, by_hand=by_hand is not None)
        if self.power:
            form, self.rules = compiled_form(*parts, self.power, wishes)
        else:
            form, self.rules = shared_form(*parts, self.thresholds, wishes)
        self.hot = WarmStartedProgram(form)
        self.solver = self.hot.solver
        self._storage = form.rows["storage"]
        self._storage_sign = form.sign("storage", "soc")
        self.columns = np.stack([form.columns[name] for name in NAMES], axis=1)
        self.cost: Energy = np.zeros((n_slots, KINDS))
        self._most = {name: np.zeros(n_slots) for name in _BEFORE}
        self._net, self._pv = np.zeros(n_slots), np.zeros(n_slots)
        self._most["charge"][:] = slot_limit(site.battery.charge_kw)
        self._most["discharge"][:] = slot_limit(site.battery.discharge_kw)
        self._every_slot = np.arange(n_slots)
        self._house_is_new = True
        self._start_soc_kwh = site.battery.min_soc_kwh
        self._set_extras()
        self.targets = targets
        if targets is not None:
            self.set_targets(targets)
        # A made-up day is no good start for planned loads and blocks by hand, whose windows it does not know.
        if self.hot.form.n_columns <= LARGE_COLUMNS and not self.loads.names and by_hand is None:
            self._set_template()

    def _set_extras(self) -> None:
        """Parameters that stay: the month so far, planned loads; extra batteries end as they start, half full."""
        for number, demand in enumerate(self.power, start=1):
            for name in ("settled_kw", "floor_kw", "under_way_kw"):
                if f"power_{number}_{name}" in self.hot.form.slices:
                    self.hot.set(f"power_{number}_{name}", getattr(demand, name))
        for load in self.loads.flexible:
            for name, values in load.parameters.items():
                self.hot.set(f"{load.name}_{name}", values)
        for run in self.loads.runs:
            self.hot.set(f"{run.name}_may_start", run.may_start)
        for number, battery in enumerate(self.site.extra_batteries, start=2):
            self.start_extra(number, (battery.min_soc_kwh + battery.max_soc_kwh) / 2)

    def _set_template(self) -> None:
        """Solve a made-up day once, whose basis every first solve starts from: a third of the time of a cold start."""
        hour = np.arange(self.n_slots) / 4
        price = 1.5 + 0.5 * np.sin((hour - 12) / 6 * np.pi) + 1e-3 * hour
        self.set_prices(price, 0.6 * price, 1.0)
        pv = 0.8 * np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0)
        self.set_house(0.4 + 0.2 * np.sin(hour / 12 * np.pi), pv, 0.6 * price)
        battery = self.site.battery
        self.start_at(0, (battery.min_soc_kwh + battery.max_soc_kwh) / 2)
        self.apply_house()
        self.hot.push()
        self.solver.run()
        self.hot.save_basis()
        self.clear_basis()

    def start_extra(self, number: int, soc_kwh: float, *, end_value: float | None = None) -> None:
        """Let `battery_<number>` begin with that much stored energy.

        Without a value of its end it keeps it: it ends with no less than it would have had at rest.
        """
        battery, prefix = self.site.extra_batteries[number - 2], f"battery_{number}_"
        at_rest = soc_kwh * battery.retention_per_slot**self.n_slots
        least = np.full(self.n_slots, min(at_rest, battery.min_soc_kwh), dtype=np.float64)
        if end_value is None:
            least[-1] = at_rest
        self.hot.set(f"{prefix}start_soc", soc_kwh)
        self.hot.set(f"{prefix}soc_least", least)
        self.hot.set(f"{prefix}soc_most", max(soc_kwh, battery.max_soc_kwh))
        self.hot.set(f"{prefix}end_value", 0.0 if end_value is None else end_value)

    def set_prices(self, import_price: Energy, export_price: Energy, end_value: float) -> None:
        """Set what the objective counts; each price `(n_slots,)` [money/kWh]."""
        battery, cost = self.site.battery, self.cost
        cost[:, CHARGE], cost[:, DISCHARGE] = battery.charge_wear, battery.discharge_wear
        cost[:, IMPORT] = import_price
        cost[:, EXPORT] = -export_price
        cost[-1, SOC] = -end_value
        self.hot.set("import_price", import_price)
        self.hot.set("export_price", export_price)
        self.hot.set("end_value", end_value)
        dearest = max(1.0, float(np.abs(cost).max()))
        if self.fused:
            self.hot.set("over_fuse_price", import_price + OVER_FUSE * dearest)
        for load in self.loads.flexible:
            if load.wishes:
                self.hot.set(f"{load.name}_worth", np.minimum(load.worths, AT_ANY_PRICE * dearest))

    def set_end_curve(self, floor_kwh: float, widths_kwh: Energy, slopes: Energy) -> None:
        """Value what is stored at the end by a concave curve above a floor.

        Args:
            floor_kwh: stored energy that the first step begins at [kWh]; less is not allowed then.
            widths_kwh: of the steps `(end_steps,)` [kWh].
            slopes: value of a kWh in each step, descending `(end_steps,)` [money/kWh].
        """
        self.hot.set("end_floor", floor_kwh)
        self.hot.set("end_widths", widths_kwh)
        self.hot.set("end_slopes", slopes)

    def set_house(self, load_kwh: Energy, pv_kwh: Energy, export_price: Energy, *, first: int = 0) -> None:
        """Set load and PV from slot `first` on; each `(n_slots - first,)` [kWh]."""
        net = load_kwh - pv_kwh
        curtailable_kwh = curtailment_limit(self.site, load_kwh, pv_kwh, export_price)
        self._net[first:], self._pv[first:] = net, pv_kwh
        battery, limits = self.site.battery, self.site.limits
        # What the house and the batteries together can draw or give, and the limits. Without them a price that pays
        # more for export than import costs would have no optimum.
        batteries = (battery, *self.site.extra_batteries)
        loads = sum((load.most_kwh[first:] for load in self.loads.flexible), start=np.zeros(len(net)))
        runs = sum(float(run.energy_kwh.max()) for run in self.loads.runs)
        draw = (
            np.maximum(net + curtailable_kwh, 0.0)
            + sum(slot_limit(each.charge_kw) for each in batteries)
            + loads
            + runs
        )
        give = np.maximum(-net, 0.0) + sum(slot_limit(each.discharge_kw) for each in batteries)
        self._most["import"][first:] = np.minimum(draw, slot_limit(limits.import_kw))
        self._most["export"][first:] = np.minimum(give, slot_limit(limits.export_kw))
        self._most["curtail"][first:] = curtailable_kwh
        self._house_is_new = True
        if self.by_hand is not None:
            self._most |= self.by_hand.bounded(self._most, self._net, self.site)
            for name in ("charge", "discharge", *(load.name for load in self.loads.flexible)):
                self.hot.set(f"{name}_ahead", self.by_hand.price_of(name))

    def set_targets(self, targets: SocTargets) -> None:
        """Set what stored energy should be at the slots' ends, of one home and all slots.

        Raises:
            PlannerError: the program was made without targets.
        """
        if self.targets is None:
            message = "this program has no targets of stored energy; make a new one with them"
            raise PlannerError(message)
        self.targets = targets
        every = np.ones(self.n_slots)
        ahead = self._every_slot >= self.first
        self.hot.set("missing_level", np.where(ahead, targets.wanted_kwh[0], 0.0))
        self.hot.set("missing_price", every * targets.shortfall_price[0])
        self.hot.set("resting_level", every * min(targets.ceiling_kwh, 2 * self.site.battery.capacity_kwh))
        self.hot.set("resting_price", every * targets.resting_price[0])

    def charge_above(self, number: int, free_kw: Energy, price_per_kw: Energy) -> None:
        """Charge for power above a threshold.

        Args:
            number: which of the thresholds, from 1 on; one in which nothing counts is let be.
            free_kw: what each period may have without a charge `(n_periods,)` [kW].
            price_per_kw: of what each peak is above it `(n_peaks,)` [money/kW].
        """
        if self.thresholds[number - 1].n_periods:
            self.hot.set(f"above_{number}_free", free_kw)
            self.hot.set(f"above_{number}_price", price_per_kw)

    def apply_house(self) -> None:
        """Hand the house over, with nothing happening before the horizon's first slot."""
        if not self._house_is_new:
            return
        self._house_is_new = False
        first, hot = self.first, self.hot
        ahead = (self._every_slot >= first).astype(np.float64)
        for name, most in self._most.items():
            hot.set(f"{name}_most", most * ahead)
        hot.set("net_load", self._net * ahead)
        if self.site.limits.inverter_kw is not None:
            hot.set("pv", self._pv * ahead)
        if any(not load.from_battery for load in self.loads.flexible):
            hot.set("surplus", np.maximum(-self._net, 0.0) * ahead)
        for number, extra in enumerate(self.site.extra_batteries, start=2):
            self._set_tapers(f"battery_{number}_", extra, float(hot.get(f"battery_{number}_start_soc")[0]))
            hot.set(f"battery_{number}_charge_most", slot_limit(extra.charge_kw) * ahead)
            hot.set(f"battery_{number}_discharge_most", slot_limit(extra.discharge_kw) * ahead)

    def _set_tapers(self, prefix: str, battery: Battery, start_soc: float) -> None:
        """Set the power that a battery's tapers leave; before the horizon nothing flows, and they bind nothing."""
        ahead = self._every_slot >= self.first
        for way, lines in battery.power_lines.items():
            for number, (level, slope) in enumerate(lines):
                self.hot.set(f"{prefix}{way}_taper_{number}", np.where(ahead, level, abs(slope) * start_soc))

    def start_at(self, slot: int, soc_kwh: float) -> None:
        """Let the horizon begin at `slot` with that much stored energy; earlier slots no longer matter.

        Outside the usable range, where a battery may be found, its way back is allowed too: the range is widened to the
        start. That also allows what the inverter does not, to go out again, so the bound is a little low then; a plan
        forbids it by `bound_soc`.

        Raises:
            PlannerError: there are planned loads, whose windows begin with the first slot, or a demand charge, with
                the month up to it; they need a new program.
        """
        if slot > 0 and self.power:
            message = f"the month so far ends with the first slot; make a new program for slot {slot}"
            raise PlannerError(message)
        if slot > 0 and self.loads.names:
            message = (
                f"planned loads {list(self.loads.names)} begin with the horizon; make a new program for slot {slot}"
            )
            raise PlannerError(message)
        if slot != self.first:
            self.first, self._house_is_new = slot, True
            if self.targets is not None:
                self.set_targets(self.targets)
        self._start_soc_kwh = soc_kwh
        battery = self.site.battery
        before = soc_kwh / battery.retention_per_slot**slot  # what is left of it when the horizon begins
        kept = soc_kwh * battery.retention_per_slot ** (self.n_slots - slot)
        least = np.full(self.n_slots, min(kept, battery.min_soc_kwh), dtype=np.float64)
        most = np.full(self.n_slots, max(before, battery.max_soc_kwh), dtype=np.float64)
        if self.by_hand is not None:
            least, most = self.by_hand.narrowed(least, most)
        if self.end_soc_kwh is not None:
            least[-1] = most[-1] = self.end_soc_kwh
        self.hot.set("start_soc", before)
        self._set_tapers("", battery, before)
        self.hot.set("soc_least", least)
        self.hot.set("soc_most", most)

    def bound_soc(self, least: Energy, most: Energy) -> None:
        """Bound stored energy at each slot's end, until the next `start_at`; each `(n_slots,)` [kWh]."""
        least, most = least.copy(), most.copy()
        if self.end_soc_kwh is not None:
            least[-1] = most[-1] = self.end_soc_kwh
        self.hot.set("soc_least", least)
        self.hot.set("soc_most", most)

    def hold(self, way: str, n_slots: int) -> None:
        """Let the battery not `charge`, or not `discharge`, in the horizon's first slots; 0 frees it."""
        self.apply_house()
        held = (self._every_slot < n_slots) | (self._every_slot < self.first)
        self.hot.set(f"{way}_most", np.where(held, 0.0, self._most[way]))

    def end_at(self, soc_kwh: float) -> None:
        """Demand that stored energy at the end of the last slot."""
        self.end_soc_kwh = soc_kwh
        self.start_at(self.first, self._start_soc_kwh)

    def clear_basis(self) -> None:
        """Drop the solver's memory, so that an answer depends on its input alone and not on what was solved before."""
        self.hot.clear_basis()

    def solve(self, *, time_limit: float = MIP_SECONDS, exact: bool = False) -> Solution:
        """Solve; where the linear answer breaks a rule, decide with binaries and solve again.

        Args:
            time_limit: for a search with binaries [s].
            exact: whether loads in spaced blocks are searched to the optimum too, which takes seconds; otherwise their
                plan comes within the gap in its record.

        Raises:
            NoFeasibleScheduleError: the limits contradict each other.
            SolverTimeoutError: nothing feasible was found in time.
            SolverError: the solver stopped without an answer.
        """
        self.apply_house()
        spaced = [load for load in self.loads.flexible if load.spacing_slots > 1]
        exact = exact or any(load.run_slots for load in spaced)  # the search by blocks knows no runs
        answer = solve_spaced(self.hot, self.rules, spaced, time_limit=time_limit) if spaced and not exact else None
        if answer is None:
            answer = solve_exclusive(self.hot, self.rules, time_limit=time_limit)
        return self._solution(answer)

    def run(self) -> Solution:
        """Solve the linear program as it stands, rules or no rules."""
        self.apply_house()
        return self._solution(self.hot.run())

    def _solution(self, answer: Answer) -> Solution:
        """The answer in the words of a schedule."""
        form = self.hot.form
        flows = answer.columns[self.columns]
        if self.fused:  # what exceeds the fuse is imported too
            flows[:, IMPORT] += answer.columns[form.columns["over_fuse"]]
        flows[: self.first] = 0.0
        others = {name: answer.columns[columns] for name, columns in self._other_columns().items()}
        for run in self.loads.runs:
            starts = answer.columns[form.columns[f"{run.name}_starts"]]
            others[run.name] = np.convolve(np.round(starts), run.energy_kwh)[: self.n_slots]
        objective = float((self.cost * flows).sum())
        if self.end_steps:
            objective -= float(self.hot.get("end_slopes") @ answer.columns[form.columns["end_steps"]])
        power = self.power_cost(flows[:, IMPORT])
        objective += self.cost_of_extras(others) + power
        record = SolverRecord(status=answer.status, gap=answer.gap, seconds=answer.seconds)
        stored_value = -self._storage_sign * answer.row_duals[self._storage]
        return Solution(flows, stored_value, objective, record, others, power, self._power_prices(answer))

    def _power_prices(self, answer: Answer) -> tuple[Energy, ...]:
        """Duals of the thresholds, a price of power in every period that counts [money/kW]."""
        prices = [np.zeros(shape.n_periods) for shape in self.thresholds]
        for number, _ in counted(self.thresholds):
            prices[number - 1] = np.abs(answer.row_duals[self.hot.form.rows[f"above_{number}_rule"]])
        return tuple(prices)

    def power_cost(self, import_kwh: Energy) -> float:
        """The demand charge with that import, as it will be billed, the month so far included [money]."""
        return sum((demand.cost(import_kwh) for demand in self.power), start=0.0)

    def cost_of_extras(self, others: dict[str, Energy]) -> float:
        """Wear of the extra batteries, less the value of what they hold at the end [money]."""
        cost = 0.0
        for number, battery in enumerate(self.site.extra_batteries, start=2):
            charge, discharge, soc = (others[f"battery_{number}_{name}"] for name in ("charge", "discharge", "soc"))
            cost += float(charge.sum() * battery.charge_wear + discharge.sum() * battery.discharge_wear)
            cost -= float(self.hot.get(f"battery_{number}_end_value")[0] * soc[-1])
        return cost

    def _other_columns(self) -> dict[str, np.ndarray]:
        """Columns of extra batteries and flexible loads, by name."""
        columns = self.hot.form.columns
        wanted = [load.name for load in self.loads.flexible]
        for number in range(2, 2 + len(self.site.extra_batteries)):
            wanted += [f"battery_{number}_{name}" for name in ("charge", "discharge", "soc")]
        return {name: columns[name] for name in wanted}


def curtailment_limit(site: Site, load_kwh: Energy, pv_kwh: Energy, export_price: Energy) -> Energy:
    """Most PV that may be left unused in each slot [kWh].

    Surplus where it is curtailable and exporting costs money; otherwise only what the export limit or the inverter
    could not take.
    """
    surplus = np.maximum(pv_kwh - load_kwh, 0.0)
    chosen = np.where(np.logical_and(site.limits.curtailable, export_price < 0), surplus, 0.0)
    beyond_export = np.maximum(surplus - slot_limit(site.limits.export_kw), 0.0)
    beyond_inverter = np.maximum(pv_kwh - slot_limit(site.limits.inverter_kw), 0.0)
    return np.maximum(chosen, np.maximum(beyond_export, beyond_inverter))
