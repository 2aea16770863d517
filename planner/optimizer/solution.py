"""The optimiser's answer: which flow is which column, and the record of how it was found."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from env.inverter import Energy

KINDS = 6
CHARGE, DISCHARGE, IMPORT, EXPORT, CURTAIL, SOC = range(KINDS)
PROVEN = "optimal"
"""Status of an answer that no other beats."""
NAMES = ("charge", "discharge", "import", "export", "curtail", "soc")


@dataclass(frozen=True)
class SolverRecord:
    """The record of a solve; kept with every schedule.

    Attributes:
        solver: which one, such as `highs`.
        status: `optimal`, or `time limit` for the best found by then.
        gap: how far above the best bound the cost may be, relative; 0 for an optimum.
        seconds: time in the solver.
    """

    solver: str = "highs"
    status: str = PROVEN
    gap: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Solution:
    """The answer of the solver.

    Attributes:
        flows: `(n_slots, 6)` in the order CHARGE, DISCHARGE, IMPORT, EXPORT, CURTAIL, SOC (at the slot's end) [kWh].
        stored_value: what one more kWh put into the store in each slot would save, in that slot or later
            `(n_slots,)`, a kWh above the fuse counted as the program prices it [money/kWh].
        objective: cost, the demand charge included, - value of the stored energy at the end [money].
        record: how it was found.
        others: further flows by name, planned loads and extra batteries, each `(n_slots,)` [kWh].
        power_cost: demand charge of the months that the horizon touches, their peaks so far included [money].
        power_prices: of each threshold of power, what a kW more in each of its periods costs `(n_periods,)` [money/kW].
    """

    flows: Energy
    stored_value: Energy
    objective: float
    record: SolverRecord = SolverRecord()
    others: Mapping[str, Energy] = field(default_factory=dict[str, Energy])
    power_cost: float = 0.0
    power_prices: tuple[Energy, ...] = ()
