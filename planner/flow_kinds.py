"""The words of the optimiser's answer: which flow is which column, and what an answer holds."""

from dataclasses import dataclass

from env.inverter import Energy

KINDS = 6
CHARGE, DISCHARGE, IMPORT, EXPORT, SPILL, SOC = range(KINDS)
OPPOSITE = {CHARGE: DISCHARGE, IMPORT: EXPORT}


@dataclass(frozen=True)
class Solution:
    """What the solver answered.

    Attributes:
        flows: `(n_slots, 6)` in the order CHARGE, DISCHARGE, IMPORT, EXPORT, SPILL, SOC (at the slot's end) [kWh].
        stored_value: what one more stored kWh at the end of each slot would save `(n_slots,)` [money/kWh].
        objective: cost - value of the stored energy at the end [money].
    """

    flows: Energy
    stored_value: Energy
    objective: float
