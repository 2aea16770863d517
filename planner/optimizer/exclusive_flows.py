"""Decides what a linear program cannot: one of two opposite flows, cheap steps before dear ones, on or off.

With ordinary prices a linear optimum keeps opposite flows apart by itself, since both at once only loses energy. Where
both pay (an import price below the export price, or one so negative that burning energy earns money), a binary
decides, there only. The same holds for the steps of an efficiency that rises with power, and for devices that are on
or off: the relaxed answer comes first, and what is whole in it by itself stays undecided.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import highspy
import numpy as np

from env.inverter import Energy
from planner.optimizer.canonical_form import Indices
from planner.optimizer.warm_solver import MIP_SECONDS, Answer, WarmStartedProgram

BOTH_WAYS_KWH = 1e-7  # below this two opposite flows are rounding, not a decision
LAST_SEARCH = 4
LEAST_SECONDS = 0.5  # what a round gets at least, when those before it took long
WHOLE = 1e-6  # nearer than this to 0 or 1 a binary is decided


@dataclass(frozen=True)
class Rules:
    """The rules that a linear answer may break.

    Attributes:
        opposites: pairs of columns `(n_slots,)` of which only one may be above zero in a slot.
        ordered: pairs of columns `(n_slots,)` of which the first must be full before the second is above zero.
    """

    opposites: Sequence[tuple[Indices, Indices]] = ()
    ordered: Sequence[tuple[Indices, Indices]] = ()


Pair = tuple[str, int, int]


def solve_exclusive(program: WarmStartedProgram, rules: Rules, *, time_limit: float = MIP_SECONDS) -> Answer:
    """The best answer that keeps the rules, with marginal values; the program is as before afterwards.

    Raises:
        NoFeasibleScheduleError: the limits contradict each other.
        SolverTimeoutError: nothing feasible was found in time.
        SolverError: the solver stopped without an answer.
    """
    answer = program.run(time_limit=time_limit)
    if not broken(program, rules, answer.columns) and not _undecided(program, answer.columns):
        return answer
    rows, columns = program.solver.getNumRow(), program.solver.getNumCol()
    try:
        return _decided(program, rules, answer, time_limit)
    finally:
        _remove_after(program, rows, columns)
        program.demand_integers(program.form.integer, wanted=False)
        program.searching = False


def broken(program: WarmStartedProgram, rules: Rules, values: Energy) -> set[Pair]:
    """The pairs of columns that break a rule."""
    pairs: set[Pair] = set()
    for one, other in rules.opposites:
        both = np.minimum(values[one], values[other]) > BOTH_WAYS_KWH
        pairs |= {("opposite", int(one[slot]), int(other[slot])) for slot in np.flatnonzero(both)}
    if rules.ordered:
        full = program.form.bounds(program.parameters)[1]
        for first, second in rules.ordered:
            wrong = (values[second] > BOTH_WAYS_KWH) & (values[first] < full[first] - BOTH_WAYS_KWH)
            pairs |= {("ordered", int(first[slot]), int(second[slot])) for slot in np.flatnonzero(wrong)}
    return pairs


def _every_pair(rules: Rules) -> set[Pair]:
    """All that could be broken."""
    kinds = (("opposite", rules.opposites), ("ordered", rules.ordered))
    return {
        (kind, int(one), int(other))
        for kind, columns in kinds
        for first, second in columns
        for one, other in zip(first, second, strict=True)
    }


def _undecided(program: WarmStartedProgram, values: Energy) -> bool:
    """Return whether a binary of the form is neither 0 nor 1."""
    binaries = values[program.form.integer]
    return bool((np.abs(binaries - np.round(binaries)) > WHOLE).any())


def _decided(program: WarmStartedProgram, rules: Rules, answer: Answer, time_limit: float) -> Answer:
    """Binaries for what is broken, until nothing is; each time the same with them fixed, for marginal values."""
    binaries: dict[Pair, int] = {}
    most = program.form.bounds(program.parameters)[1]
    wanted, seconds, gap, status = broken(program, rules, answer.columns), answer.seconds, 0.0, answer.status
    program.demand_integers(program.form.integer, wanted=True)
    program.solver.setOptionValue("presolve", "choose")  # what a hot start can do without, a search needs
    try:
        for search in count(1):
            if search == LAST_SEARCH:  # whatever else could be broken is decided with it: no time for a further one
                wanted = _every_pair(rules) - set(binaries)
            binaries |= {pair: _decide(program, pair, most) for pair in sorted(wanted)}
            program.searching = True
            left = max(time_limit - seconds, LEAST_SECONDS)
            searched = program.run(time_limit=left if search >= LAST_SEARCH else left / 2)
            answer = _with_marginal_values(program, searched, [*program.form.integer.tolist(), *binaries.values()])
            seconds += searched.seconds + answer.seconds
            gap, status = max(gap, searched.gap), searched.status
            # Among ties this may break other rules than before: then they get their binaries too.
            both = broken(program, rules, searched.columns) | broken(program, rules, answer.columns)
            wanted = both - set(binaries)
            if not wanted or search >= LAST_SEARCH:
                break
        return replace(answer, gap=gap, seconds=seconds, status=status)
    finally:
        program.solver.setOptionValue("presolve", program.presolve)


def _decide(program: WarmStartedProgram, pair: Pair, most: Energy) -> int:
    """Add the binary that decides a pair; returns its column.

    Opposite: `one <= most_one * z`, `other <= most_other * (1 - z)`. Ordered: `first >= most_first * z`,
    `second <= most_second * z`.
    """
    rule, one, other = pair
    solver = program.solver
    binary = solver.getNumCol()
    solver.addCol(0.0, 0.0, 1.0, 0, np.array([], dtype=np.int32), np.array([], dtype=np.float64))
    solver.changeColIntegrality(binary, highspy.HighsVarType.kInteger)
    first, second = float(most[one]), float(most[other])
    if rule == "opposite":
        rows = ((one, -highspy.kHighsInf, 0.0, -first), (other, -highspy.kHighsInf, second, second))
    else:
        rows = ((one, 0.0, highspy.kHighsInf, -first), (other, -highspy.kHighsInf, 0.0, -second))
    for column, lower, upper, factor in rows:
        solver.addRow(lower, upper, 2, np.array([column, binary], dtype=np.int32), np.array([1.0, factor]))
    return binary


def _with_marginal_values(program: WarmStartedProgram, found: Answer, binaries: Sequence[int]) -> Answer:
    """Solve once more with the binaries fixed as found: the same cost, and marginal values with it."""
    solver = program.solver
    bounds = {column: solver.getCol(column)[2:4] for column in binaries}
    for column in binaries:
        value = float(round(found.columns[column]))
        solver.changeColIntegrality(column, highspy.HighsVarType.kContinuous)
        solver.changeColBounds(column, value, value)
    solver.clearSolver()  # the search leaves no basis to start from
    program.searching = False
    try:
        return program.run()
    finally:
        for column in binaries:
            solver.changeColIntegrality(column, highspy.HighsVarType.kInteger)
            solver.changeColBounds(column, *bounds[column])


def _remove_after(program: WarmStartedProgram, rows: int, columns: int) -> None:
    """Take the binaries and their rows out again."""
    solver = program.solver
    surplus_rows = np.arange(rows, solver.getNumRow(), dtype=np.int32)
    surplus_columns = np.arange(columns, solver.getNumCol(), dtype=np.int32)
    solver.deleteRows(len(surplus_rows), surplus_rows)
    solver.deleteCols(len(surplus_columns), surplus_columns)
