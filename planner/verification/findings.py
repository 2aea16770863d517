"""The closed list of rules, and a rule's violation with its slot and size."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

RULES = (
    "not_finite",
    "negative",
    "slot_grid",
    "day_slots",
    "balance",
    "storage",
    "soc_continuity",
    "start_soc",
    "end_soc",
    "soc_range",
    "charge_power",
    "discharge_power",
    "charge_and_discharge",
    "import_and_export",
    "fuse",
    "fuse_unavoidable",
    "export_limit",
    "inverter_limit",
    "curtailment",
    "import_limit",
    "command",
    "no_command",
    "price",
    "cost",
    "drift",
)
NOTICES = frozenset({"fuse_unavoidable", "no_command"})
"""Rules that report a note and break nothing."""


@dataclass(frozen=True)
class Violation:
    """One rule broken in one slot.

    Attributes:
        slot_index: position of the slot in the schedule, from 0.
        slot_start: start of the slot (UTC); None where the schedule has no clock.
        rule: one of `RULES`.
        size: by how much, in `unit`; 0 where the rule has no measure.
        unit: `kWh`, `kW`, `money`, `money/kWh`, `min`, `slots`, or empty.
        message: what is wrong, with both values.
    """

    slot_index: int
    slot_start: datetime | None
    rule: str
    size: float
    unit: str
    message: str


@dataclass(frozen=True)
class Finding:
    """The finding of one rule in all slots at once.

    Attributes:
        rule: one of `RULES`.
        broken: `(n_slots,)`, where the rule does not hold.
        size: `(n_slots,)`, by how much; read only where broken.
        unit: of `size`.
        message: the message for a slot by its index; called only where broken.
    """

    rule: str
    broken: Flags
    size: Values
    unit: str
    message: Callable[[int], str]
