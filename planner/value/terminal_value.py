"""The worth of what is stored at a horizon's end, as the concave steps that a linear program takes."""

from dataclasses import dataclass

import numpy as np

from env.battery import Battery
from env.inverter import Energy
from planner.errors import PlannerError
from planner.value.value_function import soc_grid

END_STEPS = 30  # of the value function's 60 steps two are one here


@dataclass(frozen=True, kw_only=True, eq=False)
class EndCurve:
    """What is stored at the horizon's end is worth: concave, above a floor.

    Attributes:
        floor_kwh: stored energy the first step begins at; a plan may not end below it [kWh].
        widths_kwh: of the steps `(n_steps,)` [kWh].
        slopes: worth of a kWh in each, descending; negative where room is worth more `(n_steps,)` [money/kWh].

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

    def worth(self, soc_kwh: float) -> float:
        """Worth of that much stored energy [money]."""
        begins = self.floor_kwh + np.cumsum(self.widths_kwh) - self.widths_kwh
        return float(np.clip(soc_kwh - begins, 0.0, self.widths_kwh) @ self.slopes)


def end_curve(values: Energy, battery: Battery) -> EndCurve:
    """Worth on `soc_grid` `(n_soc,)` [money] as steps; where it is not concave, the steps lie on or below it."""
    grid = soc_grid(battery, len(values))
    every = (len(values) - 1) // END_STEPS
    posts, worth = grid[::every], values[::every]
    widths = np.diff(posts)
    slopes = np.divide(np.diff(worth), widths, out=np.zeros(len(widths)), where=widths > 0)
    return EndCurve(floor_kwh=float(grid[0]), widths_kwh=widths, slopes=np.minimum.accumulate(slopes))
