"""The terminal value: the value of what is stored at a horizon's end, as concave steps for a linear program."""

from dataclasses import dataclass

import numpy as np

from env.battery import Battery
from env.inverter import Energy
from planner.errors import PlannerError
from planner.value.value_function import soc_grid

END_STEPS = 30  # of the value function's 60 steps two are one here

_EDGE_KWH = 1e-6  # an end that rounds to just above a step lies in it


@dataclass(frozen=True, kw_only=True, eq=False)
class TerminalValue:
    """A concave terminal value of stored energy, above a floor.

    Attributes:
        floor_kwh: stored energy the first step begins at; a plan may not end below it [kWh].
        widths_kwh: of the steps `(n_steps,)` [kWh].
        slopes: value of a kWh in each, descending; negative where room has more value `(n_steps,)` [money/kWh].

    Raises:
        PlannerError: not as many widths as slopes, or none.
    """

    floor_kwh: float
    widths_kwh: Energy
    slopes: Energy

    def __post_init__(self) -> None:
        """Refuse a curve whose steps do not match."""
        if len(self.widths_kwh) != len(self.slopes) or not len(self.slopes):
            message = f"an end curve needs as many widths as slopes, got {len(self.widths_kwh)} and {len(self.slopes)}"
            raise PlannerError(message)

    def spanning(self, low_kwh: float, high_kwh: float) -> "TerminalValue":
        """Return the curve from and to other ends, the outermost steps made wider: any end between them is allowed."""
        widths = self.widths_kwh.copy()
        top = self.floor_kwh + float(widths.sum())
        widths[0] += max(self.floor_kwh - low_kwh, 0.0)
        widths[-1] += max(high_kwh - top, 0.0)
        return TerminalValue(floor_kwh=min(low_kwh, self.floor_kwh), widths_kwh=widths, slopes=self.slopes)

    def marginal(self, soc_kwh: float) -> float:
        """Return the value of the last kWh of so much stored energy [money/kWh]."""
        ends = self.floor_kwh + np.cumsum(self.widths_kwh)
        return float(self.slopes[min(int(np.searchsorted(ends, soc_kwh - _EDGE_KWH)), len(self.slopes) - 1)])

    def value_of(self, soc_kwh: float) -> float:
        """Return the value of that much stored energy [money]."""
        begins = self.floor_kwh + np.cumsum(self.widths_kwh) - self.widths_kwh
        return float(np.clip(soc_kwh - begins, 0.0, self.widths_kwh) @ self.slopes)


def concave_terminal_value(values: Energy, battery: Battery) -> TerminalValue:
    """Return values on `soc_grid` `(n_soc,)` [money] as concave steps, which lie on or below them."""
    grid = soc_grid(battery, len(values))
    every = (len(values) - 1) // END_STEPS
    points, value = grid[::every], values[::every]
    widths = np.diff(points)
    slopes = np.divide(np.diff(value), widths, out=np.zeros(len(widths)), where=widths > 0)
    return TerminalValue(floor_kwh=float(grid[0]), widths_kwh=widths, slopes=np.minimum.accumulate(slopes))
