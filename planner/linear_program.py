"""The home as a linear program in the arrays HiGHS takes, kept hot between solves.

Per slot t, kWh on the alternating-current side, all >= 0: charge c, discharge d, import i, export e, spilled s and the
stored energy q at the slot's end. Minimise

    sum(import_price * i - export_price * e + wear * (c + d)) - end_value * q[last]

subject to one balance and one storage equation a slot; limits are bounds of the variables. Where an answer charges and
discharges, or imports and exports, in one slot (odd prices only), those slots get a binary and are solved again.

A fuse can be exceeded by a house that draws too much. The program then exceeds it by the least there is, and only among
such schedules looks for the cheapest: a policy that breaks the fuse where it could be kept may pay less than that.
"""

import highspy
import numpy as np

from env.inverter import Energy, slot_limit
from env.site import Site
from planner.errors import NoFeasibleScheduleError, SolverError
from planner.exclusive_flows import exclusive, opposed
from planner.flow_kinds import CHARGE, DISCHARGE, EXPORT, IMPORT, KINDS, SOC, SPILL, Solution

OVER_FUSE = 1e3  # times the dearest price there is, and at least 1, per kWh above the fuse: the last way out
_OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    # Energy balances to 1e-9 kWh; the default lets 1e-7 come from nowhere.
    "primal_feasibility_tolerance": 1e-10,
    # The defaults accept 1e-4 more than the optimum, or binaries that leak: then the oracle would bound nothing.
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 1e-9,
    "mip_feasibility_tolerance": 1e-9,
}
# Every flow has an end, so a program that may be either is infeasible.
_INFEASIBLE = (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible)
_MET_IN_HOUSE = (IMPORT, EXPORT, SPILL)  # flows whose bounds follow from load and PV


class HomeProgram:
    """The program of one home for a number of slots; prices, net load and the starting point change between solves.

    Args:
        site: battery and limits.
        n_slots: slots of the horizon.
    """

    def __init__(self, site: Site, n_slots: int) -> None:
        self.site = site
        self.n_slots = n_slots
        self.first = 0  # slot that the horizon begins at
        self.end_soc_kwh: float | None = None
        self.cost: Energy = np.zeros((n_slots, KINDS))
        self.fused = site.limits.import_kw is not None
        self.solver = highspy.Highs()
        for option, value in _OPTIONS.items():
            self.solver.setOptionValue(option, value)
        self.columns = np.arange(n_slots * KINDS, dtype=np.int32).reshape(n_slots, KINDS)
        self._build()

    def _build(self) -> None:
        """State the program once, with placeholder prices and loads."""
        model = highspy.HighsLp()
        lower, upper = self._column_bounds()
        matrix = self._rows()
        extra = self.n_slots if self.fused else 0
        model.num_col_ = self.n_slots * KINDS + extra
        model.num_row_ = len(matrix.starts) - 1
        model.col_cost_ = np.zeros(model.num_col_)
        model.col_lower_ = np.concatenate([lower.ravel(), np.zeros(extra)])
        model.col_upper_ = np.concatenate([upper.ravel(), np.full(extra, np.inf)])
        model.row_lower_, model.row_upper_ = matrix.lower, matrix.upper
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = matrix.starts
        model.a_matrix_.index_ = matrix.indices
        model.a_matrix_.value_ = matrix.values
        if self.solver.passModel(model) == highspy.HighsStatus.kError:
            message = "HiGHS refused the program of the home; this is a bug"
            raise SolverError(message)

    def _column_bounds(self) -> tuple[Energy, Energy]:
        battery = self.site.battery
        lower = np.zeros((self.n_slots, KINDS))
        upper = np.full((self.n_slots, KINDS), np.inf)
        upper[:, CHARGE] = slot_limit(battery.charge_kw)
        upper[:, DISCHARGE] = slot_limit(battery.discharge_kw)
        upper[:, _MET_IN_HOUSE] = 0.0
        lower[:, SOC], upper[:, SOC] = battery.min_soc_kwh, battery.max_soc_kwh
        return lower, upper

    def _rows(self) -> "_Rows":
        """Balance rows, then storage rows, then inverter rows where the inverter is limited."""
        rows = _Rows()
        column = self.columns
        for t in range(self.n_slots):
            signs = [(CHARGE, -1.0), (DISCHARGE, 1.0), (IMPORT, 1.0), (EXPORT, -1.0), (SPILL, -1.0)]
            terms = [(int(column[t, kind]), sign) for kind, sign in signs]
            if self.fused:
                terms.append((self.n_slots * KINDS + t, 1.0))
            rows.add(terms, 0.0, 0.0)
        battery = self.site.battery
        for t in range(self.n_slots):
            terms = [
                (int(column[t, CHARGE]), -battery.charge_efficiency),
                (int(column[t, DISCHARGE]), 1.0 / battery.discharge_efficiency),
                (int(column[t, SOC]), 1.0),
            ]
            if t > 0:
                terms.append((int(column[t - 1, SOC]), -1.0))
            rows.add(terms, 0.0, 0.0)
        if self.site.limits.inverter_kw is not None:
            for t in range(self.n_slots):
                terms = [
                    (int(column[t, CHARGE]), -1.0),
                    (int(column[t, DISCHARGE]), 1.0),
                    (int(column[t, SPILL]), -1.0),
                ]
                rows.add(terms, -np.inf, np.inf)
        return rows

    def set_prices(self, import_price: Energy, export_price: Energy, end_value: float) -> None:
        """Set what the objective counts; each price `(n_slots,)` [money/kWh]."""
        wear = self.site.battery.wear_cost
        self.cost[:, CHARGE] = self.cost[:, DISCHARGE] = wear
        self.cost[:, IMPORT] = import_price
        self.cost[:, EXPORT] = -export_price
        self.cost[-1, SOC] = -end_value
        self.solver.changeColsCost(self.cost.size, self.columns.ravel(), self.cost.ravel())
        if self.fused:
            over = np.arange(self.n_slots, dtype=np.int32) + self.n_slots * KINDS
            dearest = max(1.0, float(np.abs(self.cost).max()))
            self.solver.changeColsCost(len(over), over, import_price + OVER_FUSE * dearest)

    def set_house(self, load_kwh: Energy, pv_kwh: Energy, export_price: Energy, *, first: int = 0) -> None:
        """Set load and PV from slot `first` on; each `(n_slots - first,)` [kWh]."""
        slots = range(first, self.n_slots)
        net = load_kwh - pv_kwh
        for slot, value in zip(slots, net.tolist(), strict=True):
            self.solver.changeRowBounds(slot, value, value)
        most = self._most_in_house(net, spill_limit(self.site, load_kwh, pv_kwh, export_price))
        columns = self.columns[first:, _MET_IN_HOUSE].ravel()
        self.solver.changeColsBounds(len(columns), columns, np.zeros(len(columns)), most.ravel())
        if self.site.limits.inverter_kw is not None:
            power = slot_limit(self.site.limits.inverter_kw)
            for slot, pv in zip(slots, pv_kwh.tolist(), strict=True):
                self.solver.changeRowBounds(2 * self.n_slots + slot, -power - pv, power - pv)

    def _most_in_house(self, net: Energy, spillable: Energy) -> Energy:
        """Bounds of import, export and spilled PV `(n_slots, 3)` [kWh].

        What the house and the battery together can draw or give, and the limits. Without them a price that pays more
        for export than import costs would have no optimum.
        """
        battery, limits = self.site.battery, self.site.limits
        draw = np.maximum(net + spillable, 0.0) + slot_limit(battery.charge_kw)
        give = np.maximum(-net, 0.0) + slot_limit(battery.discharge_kw)
        bounds = (np.minimum(draw, slot_limit(limits.import_kw)), np.minimum(give, slot_limit(limits.export_kw)))
        return np.stack([*bounds, spillable], axis=1)

    def start_at(self, slot: int, soc_kwh: float) -> None:
        """Let the horizon begin at `slot` with that much stored energy; earlier slots no longer matter.

        Outside the usable range, where a battery may be found, its way back is allowed too: the range is widened to the
        start. That also allows what the inverter does not, to come back there, so the bound is a little low then.
        """
        free = highspy.kHighsInf
        for earlier in range(self.first, slot):
            self.solver.changeRowBounds(self.n_slots + earlier, -free, free)
        for later in range(slot, self.first):
            self.solver.changeRowBounds(self.n_slots + later, 0.0, 0.0)
        self.first = slot
        battery = self.site.battery
        lower = np.full(self.n_slots, min(soc_kwh, battery.min_soc_kwh))
        upper = np.full(self.n_slots, max(soc_kwh, battery.max_soc_kwh))
        if self.end_soc_kwh is not None:
            lower[-1] = upper[-1] = self.end_soc_kwh
        if slot == 0:
            self.solver.changeRowBounds(self.n_slots, soc_kwh, soc_kwh)
        else:
            lower[slot - 1] = upper[slot - 1] = soc_kwh
        self.solver.changeColsBounds(self.n_slots, self.columns[:, SOC].copy(), lower, upper)

    def end_at(self, soc_kwh: float) -> None:
        """Demand that stored energy at the end of the last slot."""
        self.end_soc_kwh = soc_kwh
        self.solver.changeColBounds(int(self.columns[-1, SOC]), soc_kwh, soc_kwh)

    def forget(self) -> None:
        """Drop the solver's memory, so that an answer depends on its input alone and not on what was solved before."""
        self.solver.clearSolver()

    def solve(self) -> Solution:
        """Solve; where flows oppose each other in a slot, decide between them with a binary and solve again.

        Raises:
            NoFeasibleScheduleError: the limits contradict each other.
            SolverError: the solver stopped without an optimum.
        """
        solution = self.run()
        return exclusive(self, solution) if opposed(solution.flows) else solution

    def run(self) -> Solution:
        """Solve the program as it stands."""
        self.solver.run()
        status = self.solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            # A warm start can lead the simplex method into numerical trouble (1 of 30 000 re-plans): begin afresh.
            self.forget()
            self.solver.run()
            status = self.solver.getModelStatus()
        if status in _INFEASIBLE:
            message = f"no schedule satisfies the limits over {self.n_slots} slots"
            raise NoFeasibleScheduleError(message)
        if status != highspy.HighsModelStatus.kOptimal:
            message = f"HiGHS stopped with {self.solver.modelStatusToString(status)}"
            raise SolverError(message)
        answer = self.solver.getSolution()
        flows = np.array(answer.col_value[: self.n_slots * KINDS]).reshape(self.n_slots, KINDS)
        if self.fused:  # what exceeds the fuse is still bought
            flows[:, IMPORT] += answer.col_value[self.n_slots * KINDS : self.n_slots * (KINDS + 1)]
        flows[: self.first] = 0.0
        duals = np.array(answer.row_dual[self.n_slots : 2 * self.n_slots])
        return Solution(flows, -duals, float((self.cost * flows).sum()))


class _Rows:
    """Rows of a sparse matrix under construction."""

    def __init__(self) -> None:
        self.starts: list[int] = [0]
        self.indices: list[int] = []
        self.values: list[float] = []
        self.lower: list[float] = []
        self.upper: list[float] = []

    def add(self, terms: list[tuple[int, float]], lower: float, upper: float) -> None:
        """Add `lower <= sum(value * column) <= upper`."""
        self.indices.extend(index for index, _ in terms)
        self.values.extend(value for _, value in terms)
        self.starts.append(len(self.indices))
        self.lower.append(lower)
        self.upper.append(upper)


def spill_limit(site: Site, load_kwh: Energy, pv_kwh: Energy, export_price: Energy) -> Energy:
    """Most PV that may be left unused in each slot [kWh].

    Surplus where it is curtailable and exporting costs money; otherwise only what the export limit or the inverter
    could not take.
    """
    surplus = np.maximum(pv_kwh - load_kwh, 0.0)
    chosen = np.where(np.logical_and(site.limits.curtailable, export_price < 0), surplus, 0.0)
    beyond_export = np.maximum(surplus - slot_limit(site.limits.export_kw), 0.0)
    beyond_inverter = np.maximum(pv_kwh - slot_limit(site.limits.inverter_kw), 0.0)
    return np.maximum(chosen, np.maximum(beyond_export, beyond_inverter))
