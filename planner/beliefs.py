"""Which of the scenarios a day looks like, from its readings so far."""

import numpy as np

from env.inverter import Energy
from planner.value_function import Scenarios, in_order

MEMORY = 0.8  # share of the difference between day and scenario that is remembered a slot later
ALIKE_KWH = 0.5  # remembered difference in net load at which a scenario is less likely by e^-0.5
LEAST_BELIEF = 1e-3  # none is ever ruled out: all may be far from the day


class Beliefs:
    """How likely each scenario is, slot after slot.

    Args:
        scenarios: of the homes.
    """

    def __init__(self, scenarios: Scenarios) -> None:
        self.scenarios = scenarios
        self._difference = np.zeros(scenarios.load_kwh.shape[:2])

    def observe(self, slot: int, load_kwh: Energy, pv_kwh: Energy) -> None:
        """Take in what was read in a slot, each `(n_homes,)`; slots must come in order [kWh]."""
        load_error = load_kwh[:, None] - self.scenarios.load_kwh[:, :, slot]
        pv_error = pv_kwh[:, None] - self.scenarios.pv_kwh[:, :, slot]
        self._difference = MEMORY * self._difference + load_error - pv_error

    @property
    def weights(self) -> Energy:
        """How likely each scenario is `(n_homes, n_scenarios)`."""
        likelihood = np.exp(-0.5 * (self._difference / ALIKE_KWH) ** 2) + LEAST_BELIEF
        return likelihood / in_order(likelihood)[:, None]
