"""Keeps opposite flows apart: a slot charges or discharges, and imports or exports, never both.

With ordinary prices a linear optimum does so by itself, since both at once only loses energy. Where it pays (an import
price below the export price, or one so negative that burning energy earns money), a binary decides, there only.
"""

from typing import TYPE_CHECKING

import highspy
import numpy as np

from env.inverter import Energy
from planner.flow_kinds import OPPOSITE, Solution

if TYPE_CHECKING:
    from planner.linear_program import HomeProgram

BOTH_WAYS_KWH = 1e-7  # below this two opposite flows are rounding, not a decision


def opposed(flows: Energy) -> set[tuple[int, int]]:
    """(slot, first kind) of every pair of opposite flows `(n_slots, 6)` that are both above rounding."""
    pairs: set[tuple[int, int]] = set()
    for one, other in OPPOSITE.items():
        slots = np.flatnonzero(np.minimum(flows[:, one], flows[:, other]) > BOTH_WAYS_KWH)
        pairs |= {(int(slot), one) for slot in slots}
    return pairs


def exclusive(program: "HomeProgram", relaxed: Solution) -> Solution:
    """Solve with a binary for every opposed pair, until none is left; the program is as before afterwards."""
    rows, columns = program.solver.getNumRow(), program.solver.getNumCol()
    binaries: dict[tuple[int, int], int] = {}
    solution = relaxed
    try:
        while pairs := opposed(solution.flows) - set(binaries):
            binaries |= {pair: _decide(program, *pair) for pair in sorted(pairs)}
            solution = program.run()
            if not opposed(solution.flows) - set(binaries):
                # Among ties this may oppose other flows than before: then they get their binaries too.
                solution = _with_marginal_values(program, list(binaries.values()))
        return solution
    finally:
        _remove_after(program, rows, columns)


def _decide(program: "HomeProgram", slot: int, kind: int) -> int:
    """Add a binary that lets only one of two opposite flows be above zero; returns its column."""
    solver, other = program.solver, OPPOSITE[kind]
    binary = solver.getNumCol()
    solver.addCol(0.0, 0.0, 1.0, 0, np.array([], dtype=np.int32), np.array([], dtype=np.float64))
    solver.changeColIntegrality(binary, highspy.HighsVarType.kInteger)
    most, most_other = _most(program, slot, kind), _most(program, slot, other)
    for at, bound, factor in ((kind, 0.0, -most), (other, most_other, most_other)):
        pair = np.array([program.columns[slot, at], binary], dtype=np.int32)
        solver.addRow(-highspy.kHighsInf, bound, 2, pair, np.array([1.0, factor]))
    return binary


def _most(program: "HomeProgram", slot: int, kind: int) -> float:
    """The flow's own bound, which the house and the battery give every flow [kWh]."""
    return float(program.solver.getCol(int(program.columns[slot, kind]))[3])


def _with_marginal_values(program: "HomeProgram", binaries: list[int]) -> Solution:
    """Solve once more with the binaries fixed as found: the same cost, and marginal values with it."""
    found = program.solver.getSolution().col_value
    for column in binaries:
        value = float(round(found[column]))
        program.solver.changeColIntegrality(column, highspy.HighsVarType.kContinuous)
        program.solver.changeColBounds(column, value, value)
    solution = program.run()
    for column in binaries:
        program.solver.changeColIntegrality(column, highspy.HighsVarType.kInteger)
        program.solver.changeColBounds(column, 0.0, 1.0)
    return solution


def _remove_after(program: "HomeProgram", rows: int, columns: int) -> None:
    """Take the binaries and their rows out again."""
    solver = program.solver
    surplus_rows = np.arange(rows, solver.getNumRow(), dtype=np.int32)
    surplus_columns = np.arange(columns, solver.getNumCol(), dtype=np.int32)
    solver.deleteRows(len(surplus_rows), surplus_rows)
    solver.deleteCols(len(surplus_columns), surplus_columns)
