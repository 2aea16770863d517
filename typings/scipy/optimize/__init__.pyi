from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

class OptimizeResult:
    x: NDArray[np.float64] | None
    fun: float
    message: str

def linprog(
    c: NDArray[np.float64],
    A_ub: NDArray[np.float64] | None = None,
    b_ub: NDArray[np.float64] | None = None,
    *,
    bounds: Sequence[tuple[float | None, float | None]],
) -> OptimizeResult: ...
