# Clarabel's compiled module names nothing that Pyright could find.
# pyright: reportAttributeAccessIssue=false
"""A home's horizon stated a second time, in plain matrices, and solved by other solvers than HiGHS.

Shares no code with the optimiser. Per slot: PV used, charge, discharge, import, export, import above the fuse [kWh],
stored energy gained since the start (so that a full store hides no small cost), and two binaries, battery charging and
grid importing. Clarabel (interior point) solves it without the binaries, which bounds the cost from below; CBC (branch
and bound) decides the binaries where that bound is not reached, and Clarabel then prices CBC's decision, since CBC's
answer comes as a text with few digits.
"""

import math
from dataclasses import dataclass, replace

import clarabel
import numpy as np
import pulp
from scipy import sparse

from env.inverter import Energy
from env.site import Site

KINDS = 9
USED, CHARGE, DISCHARGE, IMPORT, EXPORT, OVER, GAIN, CHARGING, IMPORTING = range(KINDS)
CBC_EXACT = ["integerTolerance 1e-9", "primalTolerance 1e-9", "dualTolerance 1e-9"]
QUARTER = 0.25  # hours of a slot
ROUNDING_KWH = 1e-9


class UndecidedError(Exception):
    """The second solver gave no answer to compare with ours."""


@dataclass(frozen=True)
class Horizon:
    """Prices, load and PV of some slots, arrays `(n_slots,)`, and the start and end of the battery.

    Attributes:
        settlement_value: value of a stored kWh at the end [money/kWh].
        return_soc_kwh: stored energy demanded at the end [kWh]; None for none.
    """

    import_price: Energy
    export_price: Energy
    load_kwh: Energy
    pv_kwh: Energy
    start_soc_kwh: float
    settlement_value: float = 0.0
    return_soc_kwh: float | None = None

    @property
    def n_slots(self) -> int:
        """Number of slots of the horizon."""
        return len(self.load_kwh)


@dataclass(frozen=True)
class Statement:
    """Minimise `cost @ x` with `equal @ x == right`, `below @ x <= most`, `lower <= x <= upper`, binaries whole.

    Attributes:
        columns: `(n_slots, KINDS)` of each quantity in `x`.
    """

    columns: np.ndarray
    cost: Energy
    equal: sparse.csr_array
    right: Energy
    below: sparse.csr_array
    most: Energy
    lower: Energy
    upper: Energy

    def with_over_fuse(self, at_most_kwh: float) -> "Statement":
        """Return the statement with a limit on the total import above the fuse."""
        if at_most_kwh <= ROUNDING_KWH:
            upper = self.upper.copy()
            upper[self.columns[:, OVER]] = 0.0
            return replace(self, upper=upper)
        row = np.zeros((1, len(self.cost)))
        row[0, self.columns[:, OVER]] = 1.0
        below = sparse.csr_array(sparse.vstack([self.below, sparse.csr_array(row)]))
        return replace(self, below=below, most=np.append(self.most, at_most_kwh + room_kwh(at_most_kwh)))

    def counting(self, kind: int) -> "Statement":
        """Return the statement that minimises the sum of one quantity."""
        cost = np.zeros_like(self.cost)
        cost[self.columns[:, kind]] = 1.0
        return replace(self, cost=cost)

    def decided(self, values: Energy) -> "Statement":
        """Return the statement with binaries fixed as in `values`."""
        lower, upper = self.lower.copy(), self.upper.copy()
        binaries = self.columns[:, [CHARGING, IMPORTING]].ravel()
        lower[binaries] = upper[binaries] = np.round(values[binaries])
        return replace(self, lower=lower, upper=upper)


def room_kwh(over_kwh: float) -> float:
    """Return the slack that an interior point needs where the import above the fuse is at its minimum [kWh]."""
    return ROUNDING_KWH * max(1.0, over_kwh) if over_kwh > ROUNDING_KWH else 0.0


def stated(horizon: Horizon, site: Site) -> Statement:
    """Return the horizon as a mixed-integer linear program."""
    n = horizon.n_slots
    columns = np.arange(n * KINDS).reshape(KINDS, n).T
    lower, upper = _bounds(horizon, site)
    equal, right = _equalities(horizon, site)
    below, most = _inequalities(site, upper)
    cost = np.zeros((KINDS, n))
    battery = site.battery
    cost[CHARGE], cost[DISCHARGE] = battery.wear_cost, battery.wear_cost + _cycle_cost(site)
    cost[IMPORT] = cost[OVER] = horizon.import_price
    cost[EXPORT] = -horizon.export_price
    cost[GAIN, -1] = -horizon.settlement_value
    return Statement(columns, cost.ravel(), equal, right, below, most, lower.ravel(), upper.ravel())


def _cycle_cost(site: Site) -> float:
    """Return the cost of cycles; one takes the whole capacity out of the store [money/kWh delivered]."""
    battery = site.battery
    return battery.cycle_cost / (battery.capacity_kwh * battery.discharge_efficiency) if battery.capacity_kwh else 0.0


def least_pv_used(horizon: Horizon, site: Site) -> Energy:
    """Return the PV that must be used: all but what may be curtailed at a negative price or has no sink [kWh]."""
    limits, surplus = site.limits, np.maximum(horizon.pv_kwh - horizon.load_kwh, 0.0)
    curtailed = np.where(limits.curtailable & (horizon.export_price < 0), surplus, 0.0)
    if limits.export_kw is not None:
        curtailed = np.maximum(curtailed, surplus - QUARTER * limits.export_kw)
    if limits.inverter_kw is not None:
        curtailed = np.maximum(curtailed, horizon.pv_kwh - QUARTER * limits.inverter_kw)
    return horizon.pv_kwh - curtailed


def _bounds(horizon: Horizon, site: Site) -> tuple[Energy, Energy]:
    """Return lower and upper bounds `(KINDS, n_slots)`; those of the grid follow from house and battery."""
    n, battery, limits = horizon.n_slots, site.battery, site.limits
    lower, upper = np.zeros((KINDS, n)), np.ones((KINDS, n))
    lower[USED], upper[USED] = least_pv_used(horizon, site), horizon.pv_kwh
    upper[CHARGE], upper[DISCHARGE] = QUARTER * battery.charge_kw, QUARTER * battery.discharge_kw
    most_import = np.maximum(horizon.load_kwh - lower[USED], 0.0) + upper[CHARGE]
    upper[IMPORT], upper[OVER] = most_import, 0.0
    if limits.import_kw is not None:
        upper[IMPORT], upper[OVER] = np.minimum(most_import, QUARTER * limits.import_kw), most_import
    upper[EXPORT] = np.maximum(horizon.pv_kwh - horizon.load_kwh, 0.0) + upper[DISCHARGE]
    if limits.export_kw is not None:
        upper[EXPORT] = np.minimum(upper[EXPORT], QUARTER * limits.export_kw)
    kept = horizon.start_soc_kwh * battery.retention_per_hour ** (QUARTER * n)
    lower[GAIN] = min(battery.min_soc_kwh, kept) - horizon.start_soc_kwh
    upper[GAIN] = max(battery.max_soc_kwh, horizon.start_soc_kwh) - horizon.start_soc_kwh
    if horizon.return_soc_kwh is not None:
        lower[GAIN, -1] = upper[GAIN, -1] = horizon.return_soc_kwh - horizon.start_soc_kwh
    return lower, upper


def _equalities(horizon: Horizon, site: Site) -> tuple[sparse.csr_array, Energy]:
    """Return the power balance and the energy balance of the store with its losses."""
    n, battery = horizon.n_slots, site.battery
    one, none = sparse.eye_array(n), sparse.csr_array((n, n))
    kept = battery.retention_per_hour**QUARTER
    house = {USED: one, DISCHARGE: one, IMPORT: one, OVER: one, CHARGE: -one, EXPORT: -one}
    store = {
        GAIN: one - kept * sparse.eye_array(n, k=-1),
        CHARGE: -battery.charge_efficiency * one,
        DISCHARGE: one / battery.discharge_efficiency,
    }
    rows = [[of.get(kind, none) for kind in range(KINDS)] for of in (house, store)]
    lost = np.full(n, (1 - kept) * horizon.start_soc_kwh)
    return sparse.csr_array(sparse.block_array(rows)), np.concatenate([horizon.load_kwh, -lost])


def _inequalities(site: Site, upper: Energy) -> tuple[sparse.csr_array, Energy]:
    """Return the exclusion of opposite flows and the inverter's limit on PV and battery, in either direction."""
    n = upper.shape[1]
    one, none = sparse.eye_array(n), sparse.csr_array((n, n))

    def scaled(kind: int, sign: float) -> sparse.dia_array:
        return sparse.diags_array(sign * upper[kind])

    blocks = [
        ({CHARGE: one, CHARGING: scaled(CHARGE, -1)}, np.zeros(n)),
        ({DISCHARGE: one, CHARGING: scaled(DISCHARGE, 1)}, upper[DISCHARGE]),
        ({IMPORT: one, IMPORTING: scaled(IMPORT, -1)}, np.zeros(n)),
        ({EXPORT: one, IMPORTING: scaled(EXPORT, 1)}, upper[EXPORT]),
    ]
    if site.limits.inverter_kw is not None:
        power = np.full(n, QUARTER * site.limits.inverter_kw)
        blocks += [({USED: s * one, DISCHARGE: s * one, CHARGE: -s * one}, power) for s in (1.0, -1.0)]
    rows = [[of.get(kind, none) for kind in range(KINDS)] for of, _ in blocks]
    return sparse.csr_array(sparse.block_array(rows)), np.concatenate([most for _, most in blocks])


def relaxed_cost(statement: Statement) -> float:
    """Return the least cost, less the value of the energy gained, where binaries may be anything between 0 and 1.

    Infinite where nothing satisfies the limits.

    Raises:
        UndecidedError: Clarabel stopped without a verdict.
    """
    fixed = statement.upper - statement.lower <= 0  # an interior point needs room
    at, free = np.where(fixed, statement.lower, 0.0), ~fixed
    equal, below = statement.equal[:, free], statement.below[:, free]
    right, most = statement.right - statement.equal @ at, statement.most - statement.below @ at
    base = float(statement.cost @ at)
    empty = np.diff(equal.indptr) == 0
    if (np.abs(right[empty]) > ROUNDING_KWH).any() or (statement.upper < statement.lower - ROUNDING_KWH).any():
        return math.inf
    if not free.any():
        return base if (most >= -ROUNDING_KWH).all() else math.inf
    equal, right = equal[~empty], right[~empty]
    one = sparse.eye_array(n_free := int(free.sum()))
    matrix = sparse.csc_matrix(sparse.vstack([equal, below, one, -one]))
    ends = np.concatenate([right, most, statement.upper[free], -statement.lower[free]])
    cones = [clarabel.ZeroConeT(len(right)), clarabel.NonnegativeConeT(len(ends) - len(right))]
    nothing = sparse.csc_matrix((n_free, n_free))
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.max_iter = False, 300
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    answer = clarabel.DefaultSolver(nothing, statement.cost[free], matrix, ends, cones, settings).solve()
    status = str(answer.status)
    if "Infeasible" in status:
        return math.inf
    if not status.endswith("Solved"):
        message = f"Clarabel stopped with {status}"
        raise UndecidedError(message)
    return base + float(answer.obj_val)


def exact_cost(statement: Statement, *, seconds: float) -> float:
    """Return the least cost, less the value of the energy gained, with binaries; infinite where it is infeasible.

    Raises:
        UndecidedError: CBC did not end in that time, or Clarabel cannot price its decision.
    """
    problem = pulp.LpProblem("horizon", pulp.LpMinimize)
    whole = set(statement.columns[:, [CHARGING, IMPORTING]].ravel().tolist())
    values = [
        problem.add_variable(f"x{i}", low, high, cat="Integer" if i in whole else "Continuous")
        for i, (low, high) in enumerate(zip(statement.lower.tolist(), statement.upper.tolist(), strict=True))
    ]
    problem += pulp.LpAffineExpression(zip(values, statement.cost.tolist(), strict=True))
    for matrix, ends, equal in (
        (statement.equal, statement.right, True),
        (statement.below, statement.most, False),
    ):
        for row, end in enumerate(ends.tolist()):
            span = slice(matrix.indptr[row], matrix.indptr[row + 1])
            terms = zip(matrix.indices[span].tolist(), matrix.data[span].tolist(), strict=True)
            left = pulp.LpAffineExpression([(values[i], factor) for i, factor in terms])
            problem += left == end if equal else left <= end
    status = problem.solve(pulp.PULP_CBC_CMD(msg=False, threads=1, timeLimit=seconds, options=CBC_EXACT))
    if status == pulp.LpStatusInfeasible:
        return math.inf
    if status != pulp.LpStatusOptimal or problem.sol_status != pulp.LpSolutionOptimal:
        message = f"CBC stopped with {pulp.LpStatus[status]}"
        raise UndecidedError(message)
    return relaxed_cost(statement.decided(np.array([value.value() for value in values])))
