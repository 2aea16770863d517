import numpy as np

def stdtrit(df: float, p: float) -> np.float64:
    """Return the p-quantile of Student's t distribution with `df` degrees of freedom."""

def stdtr(df: float, t: float, /) -> np.float64: ...
