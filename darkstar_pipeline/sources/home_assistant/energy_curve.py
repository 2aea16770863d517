"""Energy accumulated over time, as a curve that slots are cut from; with it, how much of the time is known.

Slots are differences of one curve, so they add up to what the curve rose by: energy is conserved by construction.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from env.time_grid import SLOT_DTYPE, SLOT_MINUTES

Reals = NDArray[np.float64]
SLOT_SECONDS = SLOT_MINUTES * 60
_COVERED_TOLERANCE_S = 1.0


@dataclass(frozen=True)
class EnergyCurve:
    """Two curves over the same instants, straight between them.

    Attributes:
        seconds: instants since 1970, ascending, shape (n,) [s].
        energy_kwh: energy up to each instant, shape (n,) [kWh].
        covered_s: time up to each instant of which the energy is known, shape (n,) [s].
    """

    seconds: Reals
    energy_kwh: Reals
    covered_s: Reals

    def cut(self, step_s: int = SLOT_SECONDS) -> pl.DataFrame:
        """Return the energy of the intervals of the grid that are known whole: `[start, energy_kwh]`.

        Args:
            step_s: length of an interval; the grid starts at a multiple of it [s].
        """
        if len(self.seconds) < 2:  # noqa: PLR2004 - a curve needs two ends
            return pl.DataFrame(schema={"start": SLOT_DTYPE, "energy_kwh": pl.Float64})
        first, last = int(self.seconds[0] // step_s), int(-(-self.seconds[-1] // step_s))
        edges = np.arange(first, last + 1, dtype=np.int64) * step_s
        # Counted from the first instant, a float keeps microseconds; counted from 1970 it would not.
        origin = self.seconds[0]
        at: Reals = self.seconds - origin
        grid: Reals = edges - origin
        energy: Reals = np.diff(np.interp(grid, at, self.energy_kwh))
        covered: Reals = np.diff(np.interp(grid, at, self.covered_s))
        known = covered >= step_s - _COVERED_TOLERANCE_S
        starts = pl.Series("start", edges[:-1][known] * 1_000_000).cast(SLOT_DTYPE)
        return pl.DataFrame({"start": starts, "energy_kwh": np.maximum(energy[known], 0.0)})

    def slots(self, column: str) -> pl.DataFrame:
        """Return the energy of the slots that are known whole: `[slot_start, <column>]`."""
        return self.cut().rename({"start": "slot_start", "energy_kwh": column})


def as_seconds(instants: pl.Series) -> Reals:
    """Return instants as seconds since 1970 [s]."""
    return instants.dt.timestamp("us").to_numpy().astype(np.float64) / 1e6
