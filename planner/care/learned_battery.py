"""The capacity of a battery and its charge taper, as readings show them.

A battery that charges takes capacity / efficiency for each share of its state of charge, one that discharges gives
capacity x efficiency: the root of the product is the capacity, if both ways lose alike, and needs no efficiency known.
The taper is the least level of charge above which the power that was reached stays far below that reached lower down.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from env.time_grid import SLOT_HOURS
from env.types import Energy

LEAST_KWH = 0.1
"""A slot that moves less says little: states of charge are read in whole percent [kWh]."""
LEAST_CYCLES = 3.0
"""Full cycles each way that a capacity is believed from."""
TAPER_FROM, TAPER_TO, TAPER_STEP = 80, 95, 2
"""Levels of charge from and to which a taper is looked for, and their distance [%]; above, rounding decides."""
LEAST_SLOTS = 12
"""Slots of charging above a level, and below the first of them, that a taper is believed from."""
REACHED = 0.95
"""Quantile of the power of slots that counts as reached; single spikes do not."""
TAPERED = 0.7
"""Part of the power reached below, under which a battery tapers."""


@dataclass(frozen=True, kw_only=True)
class LearnedBattery:
    """Capacity and taper of a battery, as readings show them.

    Attributes:
        capacity_kwh: stored energy between 0 and 100 % [kWh].
        round_trip_efficiency: energy out per energy in.
        cycles: full cycles each way that both rest on.
        taper_percent: state of charge above which it charges more slowly; None where none is seen [%].
        taper_kw: power reached above it [kW].
    """

    capacity_kwh: float
    round_trip_efficiency: float
    cycles: float
    taper_percent: float | None = None
    taper_kw: float | None = None


def learned_battery(readings: pl.DataFrame) -> LearnedBattery | None:
    """Return what readings show of a battery; None where they do not suffice.

    Args:
        readings: `soc_start_percent, soc_end_percent, batt_charge_kwh, batt_discharge_kwh`, null where not read.
    """
    known = readings.drop_nulls(["soc_start_percent", "soc_end_percent", "batt_charge_kwh", "batt_discharge_kwh"])
    charge, discharge = (known[f"batt_{way}_kwh"].to_numpy() for way in ("charge", "discharge"))
    risen = (known["soc_end_percent"] - known["soc_start_percent"]).to_numpy() / 100
    charging = (charge >= LEAST_KWH) & (discharge < LEAST_KWH / 10)
    discharging = (discharge >= LEAST_KWH) & (charge < LEAST_KWH / 10)
    up, down = float(risen[charging].sum()), -float(risen[discharging].sum())
    if min(up, down) < LEAST_CYCLES:
        return None
    taken, given = float(charge[charging].sum()) / up, float(discharge[discharging].sum()) / down
    starts = known["soc_start_percent"].to_numpy()[charging]
    percent, kw = _taper(starts, charge[charging] / SLOT_HOURS, taken)
    return LearnedBattery(
        capacity_kwh=float(np.sqrt(taken * given)),
        round_trip_efficiency=min(given / taken, 1.0),
        cycles=min(up, down),
        taper_percent=percent,
        taper_kw=kw,
    )


def _taper(soc_percent: Energy, power_kw: Energy, full_kwh: float) -> tuple[float | None, float | None]:
    """Return the level from which on charging is slower, and the power reached above it; None where none is seen.

    Args:
        soc_percent: state of charge at the start of slots that charge `(n_slots,)` [%].
        power_kw: mean power of the same slots [kW].
        full_kwh: charge that fills the battery from empty [kWh].
    """
    below = power_kw[soc_percent < TAPER_FROM]
    if len(below) < LEAST_SLOTS:
        return None, None
    usual = float(np.quantile(below, REACHED))
    room_kw = (100 - soc_percent) / 100 * full_kwh / SLOT_HOURS  # a slot that fills the battery is cut short by that
    share = power_kw / np.maximum(np.minimum(usual, room_kw), LEAST_KWH / SLOT_HOURS)
    for level in range(TAPER_FROM, TAPER_TO + 1, TAPER_STEP):
        above = (soc_percent >= level) & (soc_percent <= TAPER_TO)
        if above.sum() < LEAST_SLOTS:
            return None, None
        if float(np.quantile(share[above], REACHED)) < TAPERED:
            return float(level), float(np.quantile(power_kw[above], REACHED))
    return None, None
