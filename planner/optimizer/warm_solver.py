"""A canonical form on HiGHS with warm starts: parameters change in place, the last basis starts the next solve.

What does not belong here: what the program means (`formulation`), and which flows may not be together
(`exclusive_flows`).
"""

import time
from dataclasses import dataclass

import highspy
import numpy as np

from env.inverter import Energy
from planner.deadline import within_deadline
from planner.errors import NoFeasibleScheduleError, SolverError, SolverTimeoutError
from planner.optimizer.canonical_form import CanonicalForm, Indices
from planner.optimizer.solution import PROVEN

LARGE_COLUMNS = 6_000  # ten days of slots: above it a cold start with presolve beats a hot one without
MIP_SECONDS = 6.0  # a plan is wanted in 10 s with all around it; the best answer by then is reported with its gap
_OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    # Energy balances to 1e-9 kWh; the default lets 1e-7 come from nowhere.
    "primal_feasibility_tolerance": 1e-10,
    # The tie-break (`formulation`) orders equal costs by 1e-9 money/kWh a slot.
    "dual_feasibility_tolerance": 1e-10,
    # The defaults accept 1e-4 more than the optimum, or binaries that leak: then the oracle would bound nothing.
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 1e-9,
    "mip_feasibility_tolerance": 1e-9,
}
_LENIENT = {
    "presolve": "on",
    "primal_feasibility_tolerance": 1e-7,
    "dual_feasibility_tolerance": 1e-7,
    "mip_feasibility_tolerance": 1e-6,
}
_ANSWERED = (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kTimeLimit)
# Every flow has an end, so a program that may be either is infeasible.
_INFEASIBLE = (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible)


@dataclass(frozen=True)
class Answer:
    """The answer of one solve.

    Attributes:
        columns: value of each column of the form.
        row_duals: change of the objective per unit of each row's right-hand side.
        gap: how far above the best bound the answer may be, relative; 0 for an optimum.
        seconds: time in the solver.
        status: `optimal` or `time limit`.
    """

    columns: Energy
    row_duals: Energy
    gap: float
    seconds: float
    status: str


class WarmStartedProgram:
    """A linear program whose parameters change between solves.

    Args:
        form: its canonical form; every parameter must be set before the first solve.
    """

    def __init__(self, form: CanonicalForm) -> None:
        self.form = form
        self.parameters: Energy = np.append(np.zeros(form.n_parameters), 1.0)
        self.solver = highspy.Highs()
        # A hot start needs no presolve, and a cold one of 96 slots is 1 ms faster without.
        self.presolve = "choose" if form.n_columns > LARGE_COLUMNS else "off"
        for option, value in {**_OPTIONS, "presolve": self.presolve}.items():
            self.solver.setOptionValue(option, value)
        self._every_column = np.arange(form.n_columns, dtype=np.int32)
        self._every_row = np.arange(form.n_rows, dtype=np.int32)
        self._reach = form.reach
        self._stale = {"cost", "rows", "bounds"}
        self.searching = False  # whether columns are integer as it stands
        self._template: highspy.HighsBasis | None = None
        self._load()

    def _load(self) -> None:
        """Hand the structure over, with the bounds of zero parameters."""
        form, model = self.form, highspy.HighsLp()
        model.num_col_, model.num_row_ = form.n_columns, form.n_rows
        model.col_cost_ = form.cost @ self.parameters
        model.col_lower_, model.col_upper_ = form.bounds(self.parameters)
        model.row_lower_, model.row_upper_ = form.row_bounds(self.parameters)
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = form.matrix.indptr
        model.a_matrix_.index_ = form.matrix.indices
        model.a_matrix_.value_ = form.matrix.data
        if self.solver.passModel(model) == highspy.HighsStatus.kError:
            message = "HiGHS refused the program of the home; this is a bug"
            raise SolverError(message)

    def set(self, name: str, value: Energy | float) -> None:
        """Set a parameter of the problem by its name."""
        self.parameters[self.form.slices[name]] = value
        self._stale |= self._reach[name]

    def get(self, name: str) -> Energy:
        """A parameter as it is set."""
        return self.parameters[self.form.slices[name]]

    def push(self) -> None:
        """Bring the solver's costs and bounds up to the parameters; extra rows and columns stay as they are."""
        form, solver, stale = self.form, self.solver, self._stale
        if "cost" in stale:
            solver.changeColsCost(form.n_columns, self._every_column, form.cost @ self.parameters)
        if "bounds" in stale:
            solver.changeColsBounds(form.n_columns, self._every_column, *form.bounds(self.parameters))
        if "rows" in stale:
            bounds = form.row_bounds(self.parameters)
            solver.changeRowsBounds(form.n_rows, self._every_row, *bounds)  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue] - not in HiGHS' stubs
        stale.clear()

    def save_basis(self) -> None:
        """Take the present basis as the one that `clear_basis` goes back to."""
        self._template = self.solver.getBasis()

    def clear_basis(self) -> None:
        """Drop the state of earlier solves, so that an answer depends on its input alone; start from `save_basis`."""
        self.solver.clearSolver()
        if self._template is not None:
            self.solver.setBasis(self._template)

    def demand_integers(self, columns: Indices, *, wanted: bool) -> None:
        """Let columns be integer, or continuous again."""
        kind = highspy.HighsVarType.kInteger if wanted else highspy.HighsVarType.kContinuous
        for column in columns.tolist():
            self.solver.changeColIntegrality(column, kind)

    def run(self, *, time_limit: float = MIP_SECONDS) -> Answer:
        """Solve as it stands.

        Raises:
            NoFeasibleScheduleError: the limits contradict each other.
            SolverTimeoutError: the time was over before anything feasible was found.
            SolverError: the solver stopped without an answer.
        """
        self.push()
        started = time.perf_counter()
        status = self._last_word(time_limit)
        self._check(status, time_limit)
        answer, info = self.solver.getSolution(), self.solver.getInfo()
        timed_out = status == highspy.HighsModelStatus.kTimeLimit
        return Answer(
            columns=np.array(answer.col_value),
            row_duals=np.array(answer.row_dual),
            gap=max(float(info.mip_gap), 0.0) if timed_out else 0.0,
            seconds=time.perf_counter() - started,
            status="time limit" if timed_out else PROVEN,
        )

    def _last_word(self, time_limit: float) -> highspy.HighsModelStatus:
        """Solve hot; where that gives no answer afresh, and where that neither, with presolve and usual tolerances.

        A warm start can lead the simplex method into numerical trouble (1 of 30 000 re-plans), and tolerances of 1e-10
        can make numbers of very different sizes look contradictory (4 of 10 000 made-up sites): an infeasible
        verdict counts only with the usual tolerances.
        """
        status = self._run_once(time_limit)
        if status in _ANSWERED:
            return status
        self.solver.clearSolver()
        status = self._run_once(time_limit)
        if status in _ANSWERED:
            return status
        strict = {option: self.solver.getOptionValue(option)[1] for option in _LENIENT}
        try:
            for option, value in _LENIENT.items():
                self.solver.setOptionValue(option, value)
            self.solver.clearSolver()
            return self._run_once(time_limit)
        finally:
            for option, value in strict.items():
                self.solver.setOptionValue(option, value)

    def _run_once(self, time_limit: float) -> highspy.HighsModelStatus:
        # HiGHS counts from the first run on: a program solved thousands of times would one day have no time left. A
        # search with binaries has a clock of its own: with all that time on top each would take twice the one before.
        spent = 0.0 if self.searching else self.solver.getRunTime()
        self.solver.setOptionValue("time_limit", spent + within_deadline(time_limit))
        self.solver.run()
        return self.solver.getModelStatus()

    def _check(self, status: highspy.HighsModelStatus, time_limit: float) -> None:
        """Raise for an answer that is none."""
        if status in _INFEASIBLE:
            message = "no schedule satisfies the limits"
            raise NoFeasibleScheduleError(message)
        if status == highspy.HighsModelStatus.kTimeLimit:
            if self.solver.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
                return
            message = f"HiGHS found no schedule within {time_limit:g} s"
            raise SolverTimeoutError(message)
        if status != highspy.HighsModelStatus.kOptimal:
            message = f"HiGHS stopped with {self.solver.modelStatusToString(status)}"
            raise SolverError(message)
