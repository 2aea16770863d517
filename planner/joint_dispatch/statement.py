"""The joint dispatch as a mixed-integer program, stated in CVXPY from the physics of `planner.optimizer.constraints`.

Per step, kWh on the alternating-current side: charge, discharge and stored energy of every battery, import, export and
curtailed PV of the home. Binaries say in which direction the meter runs, and of every battery whether it discharges,
whether it charges, and whether it is full where it would have to charge more.

Equal schedules are ordered by a tie-break that no reported cost contains: charge as late as can be.
"""

import time
from dataclasses import dataclass, field

import cvxpy as cp
import numpy as np

from env.types import Energy
from planner.deadline import within_deadline
from planner.errors import NoFeasibleScheduleError, SolverError
from planner.joint_dispatch.schedule import BatteryDispatch, JointSchedule
from planner.joint_dispatch.task import JointBattery, JointTask
from planner.optimizer import constraints as physics
from planner.optimizer.solution import SolverRecord
from planner.tolerances import TIE_BREAK

RANGE_PRICE, DEMAND_PRICE = 1000.0, 100.0  # times the dearest price, for a kWh: no saving pays for these
LATER = 1e-5  # share by which curtailing a step later is cheaper
GAP = 1e-9
SECONDS = 60.0
_SMALL_KWH = 1e-9


@dataclass
class _Statement:
    """A program under construction."""

    task: JointTask
    rules: list[cp.Constraint] = field(default_factory=list[cp.Constraint])
    cost: list[cp.Expression] = field(default_factory=list[cp.Expression])
    soft: list[cp.Expression] = field(default_factory=list[cp.Expression])

    def flow(self) -> cp.Variable:
        """Return a variable of a value of at least 0 a step."""
        return cp.Variable(self.task.n_steps, nonneg=True)

    def decision(self) -> cp.Variable:
        """Return a binary a step."""
        return cp.Variable(self.task.n_steps, boolean=True)

    def only_if(self, flow: cp.Expression, most: Energy, allowed: cp.Expression) -> None:
        """Let a flow be above zero only where a binary allows it."""
        self.rules.append(flow <= cp.multiply(most, allowed))

    def miss(self, missed: cp.Expression, price: Energy) -> None:
        """Price what a demand or a limit is missed by, in multiples of the dearest price."""
        self.soft.append(self.task.dearest * cp.sum(cp.multiply(price, missed)))


@dataclass(frozen=True)
class _Flows:
    charge: cp.Variable
    discharge: cp.Variable
    soc: cp.Variable


def dispatch(task: JointTask, *, time_limit: float = SECONDS) -> JointSchedule:
    """Return the cheapest dispatch of a task, its soft demands and limits missed as little as can be.

    Raises:
        NoFeasibleScheduleError: the hard limits contradict each other.
        SolverError: the solver found no schedule in time.
    """
    program = _Statement(task)
    exporting = program.decision()
    flows = [_add_battery(program, each, exporting) for each in task.batteries]
    imported, exported, curtailed = _add_grid(program, flows, exporting)
    cost = physics.total([*program.cost, *program.soft, *_tie_breaks(program, flows)])
    problem = cp.Problem(cp.Minimize(cost), program.rules)
    started = time.perf_counter()
    try:
        problem.solve(solver=cp.HIGHS, mip_rel_gap=GAP, threads=1, time_limit=within_deadline(time_limit))
    except cp.SolverError as error:
        message = f"HiGHS: {error}"
        raise SolverError(message) from error
    if imported.value is None:
        if problem.status in ("infeasible", "infeasible_or_unbounded"):
            raise NoFeasibleScheduleError(f"no dispatch keeps the limits of the {len(task.batteries)} batteries")
        message = f"HiGHS ended with {problem.status}"
        raise SolverError(message)
    return JointSchedule(
        task=task,
        batteries=tuple(BatteryDispatch(*(_values(each) for each in (f.charge, f.discharge, f.soc))) for f in flows),
        import_kwh=_values(imported),
        export_kwh=_values(exported),
        curtailed_kwh=_values(curtailed),
        record=SolverRecord(status=str(problem.status), seconds=time.perf_counter() - started),
    )


def _values(expression: cp.Expression) -> Energy:
    values = np.asarray(expression.value, dtype=np.float64)
    return np.where(values < _SMALL_KWH, 0.0, values)


def _add_battery(program: _Statement, each: JointBattery, exporting: cp.Variable) -> _Flows:
    """Add a battery: its store, its powers, one of them at a time, and what the home lets it do."""
    task, battery = program.task, each.battery
    charge, discharge, soc = program.flow(), program.flow(), program.flow()
    most_charge, most_discharge = battery.charge_kw * task.hours, battery.discharge_kw * task.hours
    before = cp.hstack([each.start_kwh, soc[:-1]]) if task.n_steps > 1 else cp.hstack([each.start_kwh])
    kept = cp.multiply(battery.retention_per_hour**task.hours, before)
    discharging = program.decision()
    program.rules += [
        soc == kept + battery.charge_efficiency * charge - discharge / battery.discharge_efficiency,
        physics.at_most(soc, battery.capacity_kwh),
    ]
    program.only_if(charge, most_charge, 1 - discharging)
    program.only_if(discharge, most_discharge, discharging)
    if not each.from_grid:
        program.only_if(charge, most_charge, exporting)
    if not each.to_grid:
        program.only_if(discharge, most_discharge, 1 - exporting)
    above, below = program.flow(), program.flow()
    program.rules += [above >= soc - battery.max_soc_kwh, below >= battery.min_soc_kwh - soc]
    program.miss(above + below, np.full(task.n_steps, RANGE_PRICE))
    _add_goals(program, each, soc)
    _add_demands(program, each, charge, soc)
    program.cost += [
        battery.charge_wear * cp.sum(charge) + battery.discharge_wear * cp.sum(discharge) - each.end_value * soc[-1]
    ]
    return _Flows(charge, discharge, soc)


def _add_goals(program: _Statement, each: JointBattery, soc: cp.Variable) -> None:
    """Want stored energy at the ends of steps; at the end of the first it is too late to do much."""
    if each.goal_kwh is None:
        return
    wanted = np.flatnonzero(each.goal_kwh[1:] > 0) + 1
    if len(wanted):
        short = cp.Variable(len(wanted), nonneg=True)
        program.rules.append(soc[wanted] + short >= each.goal_kwh[wanted])
        program.miss(short, np.full(len(wanted), DEMAND_PRICE))


def _add_demands(program: _Statement, each: JointBattery, charge: cp.Variable, soc: cp.Variable) -> None:
    """Want charge in steps until the battery is full, and keep a least power, below which only the last rest is."""
    task, full = program.task, each.battery.max_soc_kwh
    least, most = each.least_charge_kw * task.hours, each.battery.charge_kw * task.hours
    rest: cp.Expression | float = 0.0
    if each.demand_kwh is not None:
        demanded = np.minimum(each.demand_kwh, most)
        is_full, is_last = program.decision(), program.decision()
        short = program.flow()
        program.rules += [
            full - soc <= full * (1 - is_full),
            full - soc <= cp.multiply(full, 1 - is_last) + least,
            is_last <= (demanded > 0).astype(np.float64),
            charge + short >= cp.multiply(demanded, 1 - is_full),
        ]
        early = (
            1 + np.arange(task.n_steps, 0, -1, dtype=np.float64) / task.n_steps
        )  # what is wanted first is missed last
        program.miss(short, DEMAND_PRICE * early)
        rest = is_last
    if each.least_charge_kw > 0:
        charging = program.decision()
        program.only_if(charge, most, charging)
        program.rules.append(charge >= cp.multiply(least, charging - rest))


def _add_grid(
    program: _Statement, flows: list[_Flows], exporting: cp.Variable
) -> tuple[cp.Expression, cp.Expression, cp.Expression]:
    """Add the connection: one direction at a time, its limits, and the money; returns import, export, curtailed PV."""
    task = program.task
    imported, over, exported, curtailed = (program.flow() for _ in range(4))
    batteries = [each.battery for each in task.batteries]
    draw = task.load_kwh + sum(each.charge_kw for each in batteries) * task.hours
    give = task.pv_kwh + sum(each.discharge_kw for each in batteries) * task.hours
    program.only_if(exported, give, exporting)
    program.only_if(imported + over, draw, 1 - exporting)
    program.rules.append(
        physics.power_balance(
            supply=imported + over + physics.total([each.discharge for each in flows]),
            demand=task.load_kwh - task.pv_kwh + exported + curtailed + physics.total([each.charge for each in flows]),
        )
    )
    _add_import_limit(program, imported, over)
    _add_export_limit(program, exported, curtailed)
    program.cost += [task.import_price @ (imported + over) - task.export_price @ exported]
    return imported + over, exported, curtailed


def _add_export_limit(program: _Statement, exported: cp.Variable, curtailed: cp.Variable) -> None:
    """Limit the export; only what a full connection cannot take is curtailed, and rather later than sooner."""
    task = program.task
    if task.export_kw is None:
        program.rules.append(physics.at_most(curtailed, 0.0))
        return
    most, is_full = task.export_kw * task.hours, program.decision()
    program.rules += [exported <= most, exported >= cp.multiply(most, is_full)]
    program.only_if(curtailed, task.pv_kwh, is_full)
    program.miss(curtailed, DEMAND_PRICE * (1 - LATER * np.arange(task.n_steps, dtype=np.float64)))


def _add_import_limit(program: _Statement, imported: cp.Variable, over: cp.Variable) -> None:
    """Limit the import softly, or charge for the highest power above a threshold."""
    task = program.task
    if task.import_kw is None:
        program.rules.append(physics.at_most(over, 0.0))
        return
    program.rules.append(imported <= task.import_kw * task.hours)
    if task.excess_price is None:
        program.miss(over, np.full(task.n_steps, DEMAND_PRICE))
        return
    highest = cp.Variable(nonneg=True)
    program.rules.append(over <= highest * task.hours)
    program.cost.append(task.excess_price * highest)


def _tie_breaks(program: _Statement, flows: list[_Flows]) -> list[cp.Expression]:
    late = np.arange(program.task.n_steps, 0, -1) / program.task.n_steps
    return [TIE_BREAK * late @ each.charge for each in flows]
