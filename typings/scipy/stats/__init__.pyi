from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

class _KstestResult(NamedTuple):
    statistic: np.float64
    pvalue: np.float64

def ks_2samp(data1: NDArray[np.float64], data2: NDArray[np.float64]) -> _KstestResult: ...
def false_discovery_control(
    ps: Sequence[float], *, axis: int | None = 0, method: Literal["bh", "by"] = "bh"
) -> NDArray[np.float64]: ...
