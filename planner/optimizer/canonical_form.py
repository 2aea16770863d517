"""The canonical form of a CVXPY problem: the arrays a linear solver takes, as affine functions of the parameters.

CVXPY compiles a problem once (20-60 ms); afterwards cost, right-hand sides and bounds of new parameter values are three
sparse products (10 microseconds). Rows that hold a single variable become bounds of that variable, as solvers like it.
What does not belong here: the solver (`warm_solver`), and what the problem means (`formulation`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from env.inverter import Energy
from env.types import Integers, Mask
from planner.errors import SolverError

if TYPE_CHECKING:
    import cvxpy as cp

Indices: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True)
class Bounds:
    """One-sided bounds of columns: `value = map @ parameters`, the tightest where a column has several."""

    columns: Indices
    map: sparse.csr_array


@dataclass(frozen=True)
class CanonicalForm:
    """`minimise cost @ x` with `matrix @ x` equal to, or at least, the right-hand side, and `lower <= x <= upper`.

    Every map takes the vector of parameters, with a one behind them.

    Attributes:
        matrix: `(n_rows, n_columns)`; the constraints' left less right side.
        is_equality: `(n_rows,)`; the other rows are at least their right-hand side.
        cost: `(n_columns, n_parameters + 1)`.
        right: `(n_rows, n_parameters + 1)`.
        lower: lower bounds of columns.
        upper: upper bounds of columns.
        integer: columns that are binary.
        columns: of each variable, by name.
        rows: of each named constraint that is no bound.
        slices: of each parameter in the vector.
        n_parameters: length of the vector, the one left out.
    """

    matrix: sparse.csr_array
    is_equality: Mask
    cost: sparse.csr_array
    right: sparse.csr_array
    lower: Bounds
    upper: Bounds
    integer: Indices
    columns: Mapping[str, Indices]
    rows: Mapping[str, Indices]
    slices: Mapping[str, slice]
    n_parameters: int

    @property
    def n_columns(self) -> int:
        """Number of variables."""
        return int(self.matrix.shape[1])

    @property
    def n_rows(self) -> int:
        """Number of constraints that are no bounds."""
        return int(self.matrix.shape[0])

    @cached_property
    def reach(self) -> Mapping[str, frozenset[str]]:
        """The parts that each parameter changes: `cost`, `rows`, `bounds`."""
        maps = {"cost": (self.cost,), "rows": (self.right,), "bounds": (self.lower.map, self.upper.map)}
        return {
            name: frozenset(part for part, tables in maps.items() if any(table[:, span].nnz for table in tables))
            for name, span in self.slices.items()
        }

    def sign(self, constraint: str, variable: str) -> float:
        """Sign of a variable's first entry in a constraint's first row, by which the row's dual is to be read."""
        return float(np.sign(self.matrix[self.rows[constraint][0], self.columns[variable][0]]))

    def bounds(self, parameters: Energy) -> tuple[Energy, Energy]:
        """Lower and upper bounds of the columns for parameters `(n_parameters + 1,)`."""
        lower, upper = np.full(self.n_columns, -np.inf), np.full(self.n_columns, np.inf)
        lower[self.integer], upper[self.integer] = 0.0, 1.0
        np.maximum.at(lower, self.lower.columns, self.lower.map @ parameters)
        np.minimum.at(upper, self.upper.columns, self.upper.map @ parameters)
        return lower, upper

    def row_bounds(self, parameters: Energy) -> tuple[Energy, Energy]:
        """Lower and upper bounds of the rows for parameters `(n_parameters + 1,)`."""
        right = self.right @ parameters
        return right, np.where(self.is_equality, right, np.inf)


def canonical_form(
    problem: "cp.Problem", variables: Mapping[str, "cp.Variable"], constraints: Mapping[str, "cp.Constraint"]
) -> CanonicalForm:
    """Compile a linear problem whose parameters stand in its objective and right-hand sides only.

    Args:
        problem: disciplined in its parameters, which are scalars or vectors with names of their own.
        variables: by name.
        constraints: by name.

    Raises:
        SolverError: a parameter multiplies a variable in a constraint, or a cone is not linear.
    """
    for parameter in problem.parameters():
        if parameter.value is None:  # compiling wants some value; none of it stays
            parameter.value = np.zeros(parameter.shape)
    data, _, _ = problem.get_problem_data("HIGHS")
    cone = data["param_prob"]
    n_columns, n_rows = int(cone.x.size), int(cone.constr_size)
    tensor = sparse.csc_array(cone.A)
    inside, right = tensor[: n_rows * n_columns], sparse.csr_array(-tensor[n_rows * n_columns :])
    quadratic = cone.P is not None and cone.P.nnz > 0  # CVXPY leaves an empty one where a cost holds parameters only
    if inside[:, :-1].nnz or quadratic or data["dims"].zero + data["dims"].nonneg != n_rows:
        message = "the problem is not linear with parameters in its costs and right-hand sides only; this is a bug"
        raise SolverError(message)
    matrix = _matrix(inside, n_rows, n_columns)
    is_equality = np.arange(n_rows) < data["dims"].zero
    alone = (np.diff(matrix.indptr) == 1) & ~is_equality
    kept = np.flatnonzero(~alone)
    single = np.flatnonzero(alone)
    column, factor = matrix.indices[matrix.indptr[single]], matrix.data[matrix.indptr[single]]
    ends = sparse.csr_array(sparse.diags_array(1 / factor) @ right[single])
    return CanonicalForm(
        matrix=sparse.csr_array(matrix[kept]),
        is_equality=is_equality[kept],
        cost=sparse.csr_array(sparse.csr_array(cone.q)[:-1]),
        right=sparse.csr_array(right[kept]),
        lower=Bounds(column[factor > 0].astype(np.int32), ends[factor > 0]),
        upper=Bounds(column[factor < 0].astype(np.int32), ends[factor < 0]),
        integer=np.array(data["bool_vars_idx"], dtype=np.int32),
        columns={name: _span(cone.var_id_to_col[var.id], var.size) for name, var in variables.items()},
        rows=_named_rows(cone, constraints, kept),
        slices=_slices(cone),
        n_parameters=int(cone.total_param_size),
    )


def _matrix(tensor: sparse.csc_array, n_rows: int, n_columns: int) -> sparse.csr_array:
    """The constant part of the tensor, whose rows run through the matrix column by column."""
    flat = sparse.coo_array(tensor[:, [-1]])
    place = flat.coords[0]
    return sparse.csr_array(sparse.coo_array((flat.data, (place % n_rows, place // n_rows)), shape=(n_rows, n_columns)))


def _span(first: int, size: int) -> Indices:
    return np.arange(first, first + size, dtype=np.int32)


def _named_rows(cone: object, constraints: Mapping[str, "cp.Constraint"], kept: Integers) -> dict[str, Indices]:
    """Rows of each named constraint among those kept; none where it became bounds."""
    starts: dict[int, Indices] = {}
    first = 0
    for constraint in getattr(cone, "constraints"):  # noqa: B009 - untyped
        starts[constraint.id] = _span(first, constraint.size)
        first += constraint.size
    place = np.full(first, -1, dtype=np.int32)
    place[kept] = np.arange(len(kept), dtype=np.int32)
    named = {name: place[starts[constraint.id]] for name, constraint in constraints.items()}
    return {name: rows[rows >= 0] for name, rows in named.items()}


def _slices(cone: object) -> dict[str, slice]:
    """Return the place of each parameter in the vector."""
    spans: dict[str, slice] = {}
    for identity, first in getattr(cone, "param_id_to_col").items():  # noqa: B009 - untyped
        parameter = getattr(cone, "id_to_param").get(identity)  # noqa: B009 - untyped
        if parameter is not None:
            spans[parameter.name()] = slice(first, first + parameter.size)
    return spans
