"""Slots of a table as checked arrays: what the optimiser and the value function calculate with."""

import numpy as np
import polars as pl

from env.inverter import Energy
from planner.errors import IncompleteDayError

NEEDED = ("import_price", "export_price", "load_kwh", "pv_kwh")


def needed_arrays(slots: pl.DataFrame) -> tuple[Energy, Energy, Energy, Energy]:
    """Import price, export price, load and PV of slots, checked; each `(n_slots,)`.

    Raises:
        IncompleteDayError: no slots, or a null or not finite number among them.
    """
    arrays = [slots[name].cast(pl.Float64).to_numpy() for name in NEEDED]
    for name, values in zip(NEEDED, arrays, strict=True):
        if len(values) == 0 or not np.isfinite(values).all():
            message = f"{name}: {int((~np.isfinite(values)).sum())} of {len(values)} slots have no finite value"
            raise IncompleteDayError(message)
    return arrays[0], arrays[1], arrays[2], arrays[3]
