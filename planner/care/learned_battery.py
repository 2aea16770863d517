"""The capacity of a battery and its charge taper, as readings show them.

A battery that charges takes capacity / efficiency for each share of its state of charge, one that discharges gives
capacity x efficiency: the root of the product is the capacity, if both ways lose alike, and needs no efficiency known.
It tapers where the power that was reached near full stays far below that reached lower down. The taper is then the
lowest line that is above all of it and bends the way an optimiser can state (`env.taper`): a battery that steps down
is offered a little more than it takes. Readings show no taper of discharging: near empty a battery mostly gives what
the house takes at night, which says nothing of what it could.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from env.taper import Taper
from env.time_grid import SLOT_HOURS
from env.types import Energy

LEAST_KWH = 0.1
"""A slot that moves less says little: states of charge are read in whole percent [kWh]."""
LEAST_CYCLES = 3.0
"""Full cycles each way that a capacity is believed from."""
TAPER_FROM, TAPER_TO, TAPER_STEP = 68, 96, 4
"""Levels of charge from and to which a taper is looked for, and their distance [%]; above, rounding decides."""
LEAST_SLOTS = 12
"""Slots of charging between two levels, and below the first of them, that a taper is believed from."""
LEAST_SHARE = 0.05
"""Part of the power reached below that a battery takes in any case, or it would never be full."""
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
        charge_taper: most charging power by state of charge, [%, kW]; empty where none is seen.
    """

    capacity_kwh: float
    round_trip_efficiency: float
    cycles: float
    charge_taper: Taper = ()


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
    return LearnedBattery(
        capacity_kwh=float(np.sqrt(taken * given)),
        round_trip_efficiency=min(given / taken, 1.0),
        cycles=min(up, down),
        charge_taper=_taper(starts, charge[charging] / SLOT_HOURS, taken),
    )


def _taper(soc_percent: Energy, power_kw: Energy, full_kwh: float) -> Taper:
    """Return the taper of charging; empty where none is seen.

    Args:
        soc_percent: state of charge at the start of slots that charge `(n_slots,)` [%].
        power_kw: mean power of the same slots [kW].
        full_kwh: charge that fills the battery from empty [kWh].
    """
    below = power_kw[soc_percent < TAPER_FROM]
    if len(below) < LEAST_SLOTS:
        return ()
    usual = float(np.quantile(below, REACHED))
    room_kw = (100 - soc_percent) / 100 * full_kwh / SLOT_HOURS  # a slot that fills the battery is cut short by that
    most_kw = np.maximum(np.minimum(usual, room_kw), LEAST_KWH / SLOT_HOURS)
    seen: list[tuple[float, float]] = []
    for low in range(TAPER_FROM, TAPER_TO, TAPER_STEP):
        inside = (soc_percent >= low) & (soc_percent < low + TAPER_STEP)
        if inside.sum() < LEAST_SLOTS:
            continue
        part = float(np.quantile(power_kw[inside] / most_kw[inside], REACHED))
        tapers = part < TAPERED or (bool(seen) and seen[-1][1] < usual and part < REACHED)
        seen.append((low + TAPER_STEP / 2, part * float(most_kw[inside].mean()) if tapers else usual))
    if not seen or seen[-1][1] >= usual:
        return ()
    levels, powers = zip(*seen, strict=True)
    reached = np.maximum.accumulate(powers[::-1])[::-1].tolist()  # what it took when fuller it can take before
    ends = max(reached[-1], LEAST_SHARE * usual)
    points = [(TAPER_FROM, usual), *zip(levels, reached, strict=True), (100, ends)]
    hull = _hull([(round(level), round(power, 2)) for level, power in points])
    while len(hull) > 1 and hull[1][1] == hull[0][1]:
        del hull[0]
    return tuple(hull)


def _hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points of the lowest line above all of them that bends downwards alone, their levels ascending."""
    hull: list[tuple[float, float]] = []
    for level, power in points:
        while len(hull) > 1 and (hull[-1][1] - hull[-2][1]) * (level - hull[-2][0]) <= (power - hull[-2][1]) * (
            hull[-1][0] - hull[-2][0]
        ):
            del hull[-1]
        hull.append((float(level), power))
    return hull
