"""A wanted export in some slots, as a row of the home's program whose shortfall is dearer than anything else."""

import highspy
import numpy as np

from env.types import Index
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.solution import EXPORT

SHORTFALL_TIMES = 1e3
"""Price of a kWh that is not exported, as a multiple of the dearest kWh: above what any way to export it costs."""


class ExportTarget:
    """The export of some slots together, to be raised step by step.

    Args:
        program: of the home, with its prices and house set.
        slots: whose export counts `(n,)`.
    """

    def __init__(self, program: HomeProgram, slots: Index) -> None:
        self._solver = program.solver
        self._shortfall, self._row = self._solver.getNumCol(), self._solver.getNumRow()
        price = SHORTFALL_TIMES * max(1.0, float(np.abs(program.cost).max()))
        nothing = np.array([], dtype=np.int32), np.array([], dtype=np.float64)
        self._solver.addCol(price, 0.0, highspy.kHighsInf, 0, *nothing)
        columns = np.append(program.columns[slots, EXPORT], self._shortfall).astype(np.int32)
        self._solver.addRow(0.0, highspy.kHighsInf, len(columns), columns, np.ones(len(columns)))

    def want(self, kwh: float) -> None:
        """Ask for so much export, or as much of it as there can be [kWh]."""
        self._solver.changeRowBounds(self._row, kwh, highspy.kHighsInf)
