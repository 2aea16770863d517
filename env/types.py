"""Names for the arrays that signatures speak of."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Energy: TypeAlias = NDArray[np.float64]
"""Real numbers, most often energies by slot [kWh]."""
Index: TypeAlias = NDArray[np.intp]
"""Positions in another array."""
Integers: TypeAlias = NDArray[np.int64]
"""Whole numbers that are more than positions: slots since a start, wall clocks, days."""
Mask: TypeAlias = NDArray[np.bool_]
"""True where something holds."""
