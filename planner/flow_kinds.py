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
        stored_value: what one more kWh put into the store in each slot would save, in that slot or later
            `(n_slots,)`, a kWh above the fuse counted as the program prices it [money/kWh].
        objective: cost - value of the stored energy at the end [money].
    """

    flows: Energy
    stored_value: Energy
    objective: float
